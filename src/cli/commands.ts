// The table of commands: one row each. A command's file is loaded only when it runs.
import { RECORDING_FILES } from '../api/recordings.ts';
import { OPTIONS } from '../server/options.ts';
import type { CliOption, Command } from './arguments.ts';
import { TEMPLATES } from './templates.ts';

const CONFIG: CliOption = {
  key: 'config',
  flag: 'config',
  short: 'c',
  env: 'SLUICE_CONFIG',
  kind: 'text',
  value: 'FILE',
  help: 'configuration file; else sluice.config.{ts,js,json,yaml} in this folder',
};

const SERVER: readonly CliOption[] = [CONFIG, ...OPTIONS];

/** What of the server's settings concerns its trickle channels. */
const TRICKLE: readonly CliOption[] = [
  CONFIG,
  {
    key: 'path',
    flag: 'path',
    env: '',
    kind: 'text',
    value: 'PATH',
    help: 'where the channels are, below the base path; / for right there',
    fallback: '/trickle/',
  },
  ...OPTIONS.filter(
    ({ key }) =>
      key.startsWith('trickle.') ||
      ['host', 'port', 'basePath', 'tlsCert', 'tlsKey', 'token', 'viewToken', 'anonymous', 'allowHosts', 'logLevel'].includes(key),
  ),
];

const DEMO: readonly CliOption[] = [
  {
    key: 'input',
    flag: 'input',
    short: 'i',
    env: '',
    kind: 'text',
    value: 'INPUT',
    help: 'shows this instead: a file, an address (rtsp://…), camera, camera:0, camera:NAME',
  },
  { key: 'open', flag: 'open', env: '', kind: 'switch', value: '', help: 'opens the browser' },
];

const PUSH: readonly CliOption[] = [
  {
    key: 'input',
    flag: 'input',
    short: 'i',
    env: '',
    kind: 'text',
    value: 'INPUT',
    help: 'a file, an address, a camera, or - for standard input',
    fallback: '-',
  },
  {
    key: 'size',
    flag: 'size',
    env: '',
    kind: 'text',
    value: 'WxH',
    help: 'raw standard input: width and height in pixels; else what is asked of the input',
  },
  {
    key: 'format',
    flag: 'format',
    env: '',
    kind: 'text',
    value: 'FORMAT',
    help: 'raw standard input: pixel format, as FFmpeg names it',
    fallback: 'rgb24',
  },
  {
    key: 'fps',
    flag: 'fps',
    env: '',
    kind: 'number',
    value: 'FPS',
    help: 'at most so many frames per second; a file comes at its own rate',
  },
  { key: 'loop', flag: 'loop', env: '', kind: 'switch', value: '', help: 'starts a file again at its end' },
  {
    key: 'server',
    flag: 'server',
    env: 'SLUICE_SERVER',
    kind: 'text',
    value: 'URL',
    help: 'address of the server',
    fallback: 'http://127.0.0.1:8000',
  },
  { key: 'token', flag: 'token', env: 'SLUICE_TOKEN', kind: 'text', value: 'TOKEN', help: 'token of the server, if it needs one' },
];

const SERVER_ADDRESS: readonly CliOption[] = PUSH.filter(({ key }) => key === 'server' || key === 'token');

const RECORD: readonly CliOption[] = [
  {
    key: 'format',
    flag: 'format',
    short: 'f',
    env: '',
    kind: 'text',
    value: Object.keys(RECORDING_FILES).join('|'),
    help: 'ome-tiff: every frame at full depth; mp4: the H.264 pictures of the stream',
    fallback: 'ome-tiff',
  },
  { key: 'seconds', flag: 'seconds', env: '', kind: 'number', value: 'N', help: 'ends after so long; else with Ctrl-C' },
  { key: 'frames', flag: 'frames', env: '', kind: 'number', value: 'N', help: 'ends after so many frames' },
  { key: 'bytes', flag: 'bytes', env: '', kind: 'text', value: 'BYTES', help: 'ends before the file is larger, such as 2GB' },
  { key: 'compression', flag: 'compression', env: '', kind: 'text', value: 'none|deflate', help: 'of ome-tiff', fallback: 'none' },
  { key: 'name', flag: 'name', env: '', kind: 'text', value: 'TEXT', help: 'name for people' },
  {
    key: 'output',
    flag: 'output',
    short: 'o',
    env: '',
    kind: 'text',
    value: 'FILE',
    help: 'copies the file from the server when it is done',
  },
  ...SERVER_ADDRESS,
];

const BENCH: readonly CliOption[] = [
  {
    key: 'only',
    flag: 'only',
    env: '',
    kind: 'list',
    value: 'NAME',
    help: 'runs this bench alone; separated by commas, or given several times',
  },
  {
    key: 'seconds',
    flag: 'seconds',
    env: '',
    kind: 'number',
    value: 'N',
    help: 'length of each window of measurement; else as each bench has it',
  },
  { key: 'json', flag: 'json', env: '', kind: 'switch', value: '', help: 'prints JSON instead of a table' },
  { key: 'list', flag: 'list', env: '', kind: 'switch', value: '', help: 'lists the benches' },
  { key: 'write', flag: 'write', env: '', kind: 'switch', value: '', help: 'puts the table into bench/README.md' },
  {
    key: 'note',
    flag: 'note',
    env: '',
    kind: 'text',
    value: 'TEXT',
    help: 'said about the machine in the table, such as "2 shared cores, no GPU"',
  },
  { key: 'profile', flag: 'profile', env: '', kind: 'text', value: 'DIR', help: 'writes CPU profiles of the servers under test there' },
];

const own = (key: string, flag: string, kind: CliOption['kind'], value: string, help: string, fallback?: string): CliOption => ({
  key,
  flag,
  env: '',
  kind,
  value,
  help,
  fallback,
});

const STREAM_PROCESSOR: readonly CliOption[] = [
  own(
    'external',
    'external',
    'switch',
    '',
    'the processor is the program that started this one: lines of JSON on standard input and output',
  ),
  own('maxStreams', 'max-streams', 'number', 'N', 'streams at a time', '1'),
  own('name', 'name', 'text', 'TEXT', 'name for people; default that of the file'),
  own('pipeline', 'pipeline', 'text', 'TEXT', 'what /version tells; default $PIPELINE, else byoc'),
  own('capabilityName', 'capability-name', 'text', 'TEXT', 'model_id of /version; default $CAPABILITY_NAME, else $MODEL_ID'),
  own('version', 'app-version', 'text', 'TEXT', 'what /app-version tells', '0.0.1'),
  own('routePrefix', 'route-prefix', 'text', 'PATH', 'the routes of streams are there too, such as /v1'),
  own('deadline', 'deadline', 'number', 'SECONDS', 'longest time for one frame', '10'),
  own('dataInterval', 'data-interval', 'number', 'SECONDS', 'between two segments of the data channel', '0.333'),
];

const INIT: readonly CliOption[] = [
  {
    key: 'template',
    flag: 'template',
    short: 't',
    env: '',
    kind: 'text',
    value: Object.keys(TEMPLATES).join('|'),
    help: Object.entries(TEMPLATES)
      .map(([name, { summary }]) => `${name}: ${summary}`)
      .join('; '),
    fallback: 'video',
  },
  { key: 'python', flag: 'python', env: '', kind: 'switch', value: '', help: 'the same as --template python' },
  { key: 'force', flag: 'force', env: '', kind: 'switch', value: '', help: 'writes over files that are there' },
];

/** The commands, in the order of the help. */
export const COMMANDS: readonly Command[] = [
  {
    name: 'serve',
    summary: 'Runs the server.',
    positionals: [],
    options: SERVER,
    examples: ['sluice serve', 'sluice serve -c sluice.config.ts', 'sluice serve --host 0.0.0.0 --port 8080'],
    load: () => import('./serve.ts'),
  },
  {
    name: 'demo',
    summary: 'Runs the server with the demo streams, or with one input.',
    positionals: [],
    options: [...DEMO, ...SERVER],
    examples: ['sluice demo --open', 'sluice demo --input clip.mp4', 'sluice demo --input camera'],
    load: () => import('./demo.ts'),
  },
  {
    name: 'stream-processor',
    summary: 'Runs a processor on streams of trickle channels that are begun and ended over REST.',
    positionals: ['[FILE]'],
    options: [...STREAM_PROCESSOR, ...SERVER],
    examples: ['sluice stream-processor ./grey.ts', 'sluice stream-processor ./grey.ts --port 8001 --max-streams 4'],
    load: () => import('./stream-processor.ts'),
  },
  {
    name: 'push',
    summary: 'Sends frames from a file, an address, a camera or standard input (raw or y4m) to a stream of a server.',
    positionals: ['STREAM'],
    options: PUSH,
    examples: [
      'sluice push scope -i clip.mp4',
      'my-camera-program | sluice push scope --size 640x480 --format gray16le',
      'ffmpeg -i clip.mp4 -f yuv4mpegpipe - | sluice push scope',
    ],
    load: () => import('./push.ts'),
  },
  {
    name: 'record',
    summary: 'Records the frames of a stream into a file on its server.',
    positionals: ['STREAM'],
    options: RECORD,
    examples: [
      'sluice record scope --seconds 60',
      'sluice record scope --format mp4 -o scope.mp4',
      'sluice record scope --frames 1000 --compression deflate',
    ],
    load: () => import('./record.ts'),
  },
  {
    name: 'init',
    summary: 'Makes a folder with a processor of your own that runs at once.',
    positionals: ['NAME'],
    options: INIT,
    examples: ['sluice init negative', 'sluice init --python negative', 'sluice init --template markers lamp'],
    load: () => import('./init.ts'),
  },
  {
    name: 'trickle',
    summary: 'Runs a server of trickle channels and nothing else.',
    positionals: [],
    options: TRICKLE,
    examples: [
      'sluice trickle',
      'sluice trickle --base-path /ai --port 2939',
      'sluice trickle --path / --port 3389',
      'sluice trickle --host 0.0.0.0 --token $TOKEN',
    ],
    load: () => import('./trickle.ts'),
  },
  {
    name: 'bench',
    summary: 'Measures this machine: CPU per frame and per viewer, wake-up, idleness, each beside its budget.',
    positionals: [],
    options: BENCH,
    examples: ['sluice bench', 'sluice bench --only jpeg --seconds 3', 'sluice bench --json > bench.json'],
    load: () => import('./bench.ts'),
  },
  {
    name: 'doctor',
    summary: 'Says what works on this machine and why the rest does not.',
    positionals: [],
    options: SERVER,
    examples: ['sluice doctor'],
    load: () => import('./doctor.ts'),
  },
];
