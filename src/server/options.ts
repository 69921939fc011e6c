// The table of settings: one row gives the key of the configuration file, the flag, the environment variable, the check and the help.
import { isIP } from 'node:net';
import { z } from 'zod';
import { CompatConfig } from '../api/compat.ts';
import { LiveViewsConfig } from '../api/live-views.ts';
import { Duration, DvrConfig, StreamConfig, StreamName } from '../api/schema.ts';
import { BASE_PATH } from '../core/base-path.ts';
import { ICE_SERVER } from '../formats/ice-server.ts';

/** How the text of a flag or variable becomes a value. `list`: separated by commas, a flag may also come several times. */
export type OptionKind = 'text' | 'number' | 'switch' | 'list' | 'json';

interface Row<S extends z.ZodType> {
  readonly kind: OptionKind | 'group';
  /** Placeholder in the help. */
  readonly value: string;
  readonly schema: S;
  /** Rows of a `group`: each key inside has a flag of its own. */
  readonly fields?: Readonly<Record<string, { readonly kind: OptionKind; readonly value: string; readonly help: string }>>;
}

function row<S extends z.ZodType>(kind: OptionKind, value: string, schema: S, help: string): Row<S> {
  return { kind, value, schema: schema.describe(help) };
}

const BYTES = /^(\d+(?:\.\d+)?)\s*(B|kB|MB|GB|TB|KiB|MiB|GiB|TiB)$/i;
const BYTE_UNITS: Record<string, number> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};

/** Bytes of `500MB`, `2GiB` or a plain number. The text has passed the schema. */
export function bytesOf(value: number | string): number {
  if (typeof value === 'number') return value;
  const match = BYTES.exec(value.trim());
  return match ? Math.round(Number(match[1]) * BYTE_UNITS[match[2]!.toLowerCase()]!) : Number.NaN;
}

const byteSize = (minimum: number) =>
  z.union([z.number().int(), z.string()]).refine((value) => bytesOf(value) >= minimum && bytesOf(value) <= Number.MAX_SAFE_INTEGER, {
    message: `expected a number of bytes from ${minimum} up, or a number with a unit such as 500MB or 10GB`,
  });

const token = z.string().regex(/^[A-Za-z0-9._~+/=-]{8,256}$/, '8 to 256 characters of A-Z a-z 0-9 . _ ~ + / = -');
const hostName = z.string().regex(/^[A-Za-z0-9._:%-]+$/, 'a host name or IP address without port');
const isOrigin = (text: string) => text === '*' || text === 'null' || (URL.canParse(text) && new URL(text).origin === text);
const isNetwork = (text: string) => {
  const [address = '', bits, ...rest] = text.split('/');
  const version = isIP(address);
  return (
    version !== 0 && rest.length === 0 && (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128)))
  );
};

const WebRtcOptions = z.strictObject({
  port: z.number().int().min(0).max(65_535).optional(),
  iceServers: z.array(z.string().regex(ICE_SERVER, 'stun:HOST:PORT or turn:USER:PASSWORD@HOST:PORT')).max(10).default([]),
  delayMin: z.number().int().min(0).max(40_000).default(0),
  delayMax: z.number().int().min(-1).max(40_000).default(400),
});

const TrickleOptions = z.strictObject({
  autocreate: z.boolean().default(true),
  changefeed: z.boolean().default(false),
  channels: z.number().int().min(1).max(100_000).default(256),
  segmentBytes: byteSize(1024).default(32 * 2 ** 20),
  readers: z.number().int().min(1).max(100_000).default(256),
  bytes: byteSize(1024).default(512 * 2 ** 20),
  idle: Duration.default('5m'),
});

/** All settings of the server, in the order of the help. */
export const SETTINGS = {
  host: row('text', 'ADDRESS', hostName.default('127.0.0.1'), 'address to listen on; 0.0.0.0 or :: = all'),
  port: row('number', 'PORT', z.number().int().min(0).max(65_535).default(8000), 'port to listen on; 0 = any free one'),
  dataDir: row('text', 'DIR', z.string().min(1).optional(), 'where everything is kept; default .sluice in a clone, else your data folder'),
  basePath: row(
    'text',
    'PATH',
    z.string().regex(BASE_PATH, 'a path that begins with /').default('/'),
    'path prefix under which a proxy shows the server',
  ),
  tlsCert: row('text', 'FILE', z.string().min(1).optional(), 'TLS certificate chain (PEM)'),
  tlsKey: row('text', 'FILE', z.string().min(1).optional(), 'TLS private key (PEM)'),
  token: row('text', 'TOKEN', token.optional(), 'token for everything; generated unless only this machine can connect'),
  viewToken: row('text', 'TOKEN', token.optional(), 'token for watching only; generated likewise'),
  anonymous: row(
    'text',
    'none|view|all',
    z.enum(['none', 'view', 'all']).default('none'),
    'what clients may do that send no token: none, view or all',
  ),
  allowSources: row(
    'list',
    'LIST',
    z.array(z.string().min(1)).default(['pattern', 'push']),
    'sources that may be made over REST: types, addresses (rtsp://cam.lab/), folders',
  ),
  allowProcessors: row(
    'list',
    'LIST',
    z.array(z.string().min(1)).default([]),
    'what the processor http may ask if it is made over REST: addresses (http://127.0.0.1:9000/), or http for any',
  ),
  allowHosts: row(
    'list',
    'LIST',
    z.array(z.string().regex(/^(\*\.)?[A-Za-z0-9._:-]+$/, 'a host name without port; *.lab.test for all names below')).default([]),
    'further names under which the server may be addressed',
  ),
  origins: row(
    'list',
    'LIST',
    z
      .array(z.string().refine(isOrigin, { message: 'expected an origin such as https://lab.test:8443 (no path), or * for watching only' }))
      .default([]),
    'origins of foreign pages that may use the server',
  ),
  frameAncestors: row(
    'list',
    'LIST',
    z.array(z.string().regex(/^(\*|[A-Za-z0-9*.:/-]+)$/, 'an origin such as https://hub.lab.test, *.lab.test or *')).default([]),
    'origins of pages that may show ours in a frame (notebooks)',
  ),
  trustedProxies: row(
    'list',
    'LIST',
    z.array(z.string().refine(isNetwork, { message: 'expected an IP address or network such as 10.0.0.0/8' })).default([]),
    'addresses of proxies whose X-Forwarded-* headers are believed',
  ),
  maxBytes: row('text', 'BYTES', byteSize(10_000_000).optional(), 'all data on disk; default 10 GB or 10 % of the free disk'),
  createOnPush: row('switch', '', z.boolean().default(true), 'a push to an unknown name makes the stream'),
  ringBytes: row('text', 'BYTES', byteSize(1_000_000).default(256 * 2 ** 20), 'memory for the raw frames of one stream'),
  maxFrameBytes: row('text', 'BYTES', byteSize(65_536).default(128 * 2 ** 20), 'largest pushed frame, as it comes'),
  recordingsDir: row('text', 'DIR', z.string().min(1).optional(), 'where recordings are made; default recordings in dataDir'),
  recordingsMinFree: row('text', 'BYTES', byteSize(0).default(1_000_000_000), 'a recording ends before less of its disk than this is free'),
  dvr: {
    kind: 'group',
    value: '',
    schema: DvrConfig.prefault({}).describe('what streams keep that do not say it themselves'),
    fields: {
      mode: { kind: 'text', value: 'off|watched|always', help: 'when streams are kept for going back' },
      window: { kind: 'text', value: 'TIME', help: 'how far back' },
      maxBytes: { kind: 'number', value: 'BYTES', help: 'bytes on disk for one stream' },
    },
  } satisfies Row<z.ZodType>,
  webrtc: {
    kind: 'group',
    value: '',
    schema: WebRtcOptions.prefault({}).describe('WebRTC'),
    fields: {
      port: { kind: 'number', value: 'PORT', help: 'UDP port for all viewers; default the number of the TCP port or the next free one' },
      iceServers: { kind: 'list', value: 'LIST', help: 'stun:HOST:PORT or turn:USER:PASSWORD@HOST:PORT' },
      delayMin: { kind: 'number', value: 'MS', help: 'how long browsers hold pictures back on a good way' },
      delayMax: { kind: 'number', value: 'MS', help: 'longest time that they may where packets are lost; -1 = as they like' },
    },
  } satisfies Row<z.ZodType>,
  liveViews: {
    kind: 'group',
    value: '',
    schema: LiveViewsConfig.prefault({}).describe('live views of detectors'),
    fields: {
      mode: { kind: 'text', value: 'shared|exclusive', help: 'all protocols at once, or one at a time for each detector' },
      longExposure: { kind: 'text', value: 'TIME', help: 'above it a live view is started only with force' },
      params: { kind: 'json', value: 'JSON', help: 'what viewers get who say nothing themselves, by protocol: docs/live-views.md' },
    },
  } satisfies Row<z.ZodType>,
  trickle: {
    kind: 'group',
    value: '',
    schema: TrickleOptions.prefault({}).describe('channels under /trickle/: docs/trickle.md'),
    fields: {
      autocreate: { kind: 'switch', value: '', help: 'a trickle channel is made when it is created or published over HTTP' },
      changefeed: { kind: 'switch', value: '', help: 'the channel _changes tells which trickle channels come and go' },
      channels: { kind: 'number', value: 'NUMBER', help: 'trickle channels at a time' },
      segmentBytes: { kind: 'text', value: 'BYTES', help: 'largest segment of a trickle channel' },
      readers: { kind: 'number', value: 'NUMBER', help: 'readers of one trickle channel at a time' },
      bytes: { kind: 'text', value: 'BYTES', help: 'memory for the segments of all trickle channels' },
      idle: { kind: 'text', value: 'TIME', help: 'a trickle channel without new bytes for so long is removed' },
    },
  } satisfies Row<z.ZodType>,
  viewerReports: row('switch', '', z.boolean().default(true), 'players tell latency, fps and loss of their pictures for /metrics'),
  logLevel: row(
    'text',
    'LEVEL',
    z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
    'least weight of what is logged: debug, info, warn, error or silent',
  ),
  compat: row('json', 'JSON', CompatConfig.prefault({}), 'streams that the routes under /compat show: docs/compatibility.md'),
  streams: row('json', 'JSON', z.record(StreamName, StreamConfig).default({}), 'streams by name; read-only over REST'),
} as const;

type Shape = { [Key in keyof typeof SETTINGS]: (typeof SETTINGS)[Key]['schema'] };

/** Everything that can be set (CONTRACT "Set-up and command line", "Access", "What is kept"), as in a configuration file. */
export const ServerConfig = z.strictObject(
  Object.fromEntries(Object.entries(SETTINGS).map(([key, { schema }]) => [key, schema])) as unknown as Shape,
);
/** A checked configuration; `resolveConfig` fills in what depends on the machine. */
export type ServerConfig = z.output<typeof ServerConfig>;
/** What people write: every key may be left out. */
export type ServerConfigInput = z.input<typeof ServerConfig>;

/** One setting as it appears on the command line and in the environment. */
export interface Option {
  /** Key of the configuration file; `dvr.mode` lies in the object `dvr`. */
  readonly key: string;
  /** Without the two dashes. */
  readonly flag: string;
  readonly env: string;
  readonly kind: OptionKind;
  readonly value: string;
  readonly help: string;
  /** In words, if there is one. */
  readonly fallback: string | undefined;
}

/** Name of a setting's option, without its dashes: `max-streams`. */
export const flagOf = (key: string) => key.replaceAll('.', '-').replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

function makeOption(key: string, kind: OptionKind, value: string, help: string, fallback: unknown): Option {
  const text = Array.isArray(fallback)
    ? fallback.join(',')
    : typeof fallback === 'object' || fallback === undefined
      ? ''
      : String(fallback);
  const flag = flagOf(key);
  return { key, flag, env: `SLUICE_${flag.replaceAll('-', '_').toUpperCase()}`, kind, value, help, fallback: text || undefined };
}

/** Every setting with its flag and environment variable. */
export const OPTIONS: readonly Option[] = Object.entries(SETTINGS).flatMap(([key, setting]) => {
  const json = z.toJSONSchema(setting.schema, { io: 'input', unrepresentable: 'any' }) as {
    default?: unknown;
    description?: string;
    properties?: Record<string, { default?: unknown }>;
  };
  if ('fields' in setting) {
    return Object.entries(setting.fields).map(([name, field]) =>
      makeOption(`${key}.${name}`, field.kind, field.value, field.help, json.properties?.[name]?.default),
    );
  }
  return makeOption(key, setting.kind as OptionKind, setting.value, json.description ?? '', json.default);
});
