import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { SluiceError } from '../core/errors.ts';
import { type LoadOptions, loadConfig, OPTIONS, resolveConfig, ServerConfig, withStreamDefaults } from './config.ts';
import { SETTINGS } from './options.ts';

let root: string;
let cwd: string;
let count = 0;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'sluice-config-'));
});
beforeEach(async () => {
  cwd = join(root, String(count++));
  await mkdir(cwd);
});
afterAll(() => rm(root, { recursive: true, force: true }));

const load = (options: LoadOptions = {}) => loadConfig({ env: {}, cwd, ...options });

async function refusal(options: LoadOptions): Promise<SluiceError> {
  const error = await load(options).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(SluiceError);
  expect((error as SluiceError).code).toBe('bad-config');
  return error as SluiceError;
}

describe('the table of settings', () => {
  it('has a flag and a variable for every key', () => {
    const keys = new Set(OPTIONS.map((option) => option.key.split('.')[0]));
    expect([...keys].sort()).toEqual(Object.keys(SETTINGS).sort());
    expect(Object.keys(ServerConfig.shape).sort()).toEqual(Object.keys(SETTINGS).sort());
    expect(OPTIONS.every((option) => option.help.length > 10)).toBe(true);
    expect(new Set(OPTIONS.map((option) => option.flag)).size).toBe(OPTIONS.length);
    expect(OPTIONS.find((option) => option.key === 'dataDir')).toMatchObject({ flag: 'data-dir', env: 'SLUICE_DATA_DIR' });
    expect(OPTIONS.find((option) => option.key === 'dvr.maxBytes')).toMatchObject({ flag: 'dvr-max-bytes', env: 'SLUICE_DVR_MAX_BYTES' });
  });
});

describe('loadConfig', () => {
  it('has defaults for everything', async () => {
    const config = await load();
    expect(config).toMatchObject({
      host: '127.0.0.1',
      port: 8000,
      basePath: '/',
      tls: null,
      token: null,
      viewToken: null,
      tokenGiven: false,
      anonymous: 'none',
      createOnPush: true,
      ringBytes: 268_435_456,
      dvr: { mode: 'watched', window: '10m' },
      streams: {},
      configFile: null,
    });
    expect(config.dataDir).toMatch(/\.sluice$/);
    expect(config.maxBytes).toBeGreaterThan(0);
    expect(config.maxBytes).toBeLessThanOrEqual(10_000_000_000);
  });

  it('takes flags before variables before the file', async () => {
    await writeFile(
      join(cwd, 'sluice.config.json'),
      JSON.stringify({ port: 1, host: '::1', logLevel: 'warn', dvr: { mode: 'off', window: '1h' } }),
    );
    const env = { SLUICE_PORT: '2', SLUICE_HOST: '127.0.0.2', SLUICE_DVR_MODE: 'always' };
    const config = await load({ env, flags: { port: '3' } });
    expect(config).toMatchObject({ port: 3, host: '127.0.0.2', logLevel: 'warn', dvr: { mode: 'always', window: '1h' } });
  });

  it('reads texts of every kind', async () => {
    const config = await load({
      flags: { origins: ['http://a.test,http://b.test', 'https://c.test:8443'], createOnPush: false, maxBytes: '2GB', basePath: '/x/y' },
      env: { SLUICE_RING_BYTES: '64MiB', SLUICE_STREAMS: '{"cam":{"title":"Cam"}}', SLUICE_TRUSTED_PROXIES: '10.0.0.0/8, ::1' },
    });
    expect(config).toMatchObject({
      origins: ['http://a.test', 'http://b.test', 'https://c.test:8443'],
      createOnPush: false,
      maxBytes: 2_000_000_000,
      ringBytes: 67_108_864,
      basePath: '/x/y/',
      streams: { cam: { title: 'Cam', source: { type: 'push' } } },
      trustedProxies: ['10.0.0.0/8', '::1'],
    });
    expect((await load({ env: { SLUICE_CREATE_ON_PUSH: 'no', SLUICE_TOKEN: '' } })).createOnPush).toBe(false);
  });

  it.each([
    ['sluice.config.yaml', 'port: 8123\nstreams:\n  cam: { source: { type: ffmpeg, url: clip.mp4 } }\n'],
    ['sluice.config.json', '{ "port": 8123, "streams": { "cam": { "source": { "type": "ffmpeg", "url": "clip.mp4" } } } }'],
    [
      'sluice.config.ts',
      'const port: number = 8123;\nexport default { port, streams: { cam: { source: { type: "ffmpeg", url: "clip.mp4" } } } };\n',
    ],
    ['sluice.config.mjs', 'export default { port: 8123, streams: { cam: { source: { type: "ffmpeg", url: "clip.mp4" } } } };\n'],
  ])('reads %s, with paths from its folder', async (name, text) => {
    const folder = join(cwd, 'conf');
    await mkdir(folder);
    await writeFile(join(folder, name), text);
    for (const options of [{ cwd: folder }, { file: join('conf', name) }, { env: { SLUICE_CONFIG: join(folder, name) } }]) {
      const config = await load(options);
      expect(config.port).toBe(8123);
      expect(config.configFile).toBe(join(folder, name));
      expect(config.streams.cam?.source).toMatchObject({ url: join(folder, 'clip.mp4') });
    }
  });

  it('leaves addresses of inputs alone', async () => {
    const urls = ['rtsp://cam/1', 'camera', 'camera:0', 'lavfi:testsrc', '/abs/clip.mp4'];
    const streams = Object.fromEntries(urls.map((url, index) => [`s${index}`, { source: { type: 'ffmpeg', url } }]));
    await writeFile(join(cwd, 'sluice.config.json'), JSON.stringify({ streams }));
    const config = await load();
    expect(Object.values(config.streams).map((stream) => (stream.source.type === 'ffmpeg' ? stream.source.url : ''))).toEqual(urls);
  });

  it('gives streams the defaults of the server', async () => {
    const config = await resolveConfig({ dvr: { mode: 'always', window: '2h' }, streams: { a: {}, b: { dvr: { mode: 'off' } } } });
    expect(config.streams.a?.dvr).toEqual({ mode: 'always', window: '2h' });
    expect(config.streams.b?.dvr).toEqual({ mode: 'off', window: '2h' });
    expect(withStreamDefaults({ dvr: 'x' }, config)).toEqual({ dvr: 'x' });
  });

  const wrong: [name: string, options: LoadOptions, file: string | null, message: RegExp][] = [
    ['an unknown key', {}, 'prot: 80', /^sluice\.config\.yaml: prot is not a known key; did you mean port\?$/],
    [
      'a path that is none, at once',
      {},
      `basePath: "/${'long'.repeat(50)} name"`,
      /basePath: "\/longlong.* received; expected a path that begins with \//,
    ],
    ['a value out of range', {}, 'port: 99999', /^sluice\.config\.yaml: port: 99999 received; expected an integer from 0 to 65535$/],
    ['NaN', {}, 'port: .nan', /^sluice\.config\.yaml: port: NaN received; expected an integer from 0 to 65535$/],
    ['a wrong type', {}, 'port: "80"', /port: "80" received; expected an integer/],
    ['an inner key', {}, 'streams: { cam: { dvr: { mod: off } } }', /streams\.cam\.dvr\.mod is not a known key; did you mean mode\?/],
    ['a stream name', {}, 'streams: { "a b": {} }', /"a b" is not allowed as a name; expected .*1 to 64 characters/],
    ['a flag', { flags: { port: 'http' } }, null, /^--port: "http" received; expected an integer from 0 to 65535$/],
    ['a variable', { env: { SLUICE_PORT: '-1' } }, null, /^SLUICE_PORT: -1 received; expected an integer from 0 to 65535$/],
    ['a nested flag', { flags: { 'dvr.mode': 'on' } }, null, /^--dvr-mode: "on" received; expected one of off, watched, always$/],
    ['a switch', { env: { SLUICE_CREATE_ON_PUSH: 'maybe' } }, null, /^SLUICE_CREATE_ON_PUSH: "maybe" received; expected true or false$/],
    ['a slip in a variable', { env: { SLUICE_PROT: '1' } }, null, /SLUICE_PROT is not known; did you mean SLUICE_PORT\?/],
    ['a size', { flags: { maxBytes: 'lots' } }, null, /^--max-bytes: "lots" received; expected a number of bytes/],
    [
      'an origin with a path',
      { flags: { origins: ['http://a.test/x'] } },
      null,
      /^--origins\.0: "http:\/\/a\.test\/x" received; expected an origin/,
    ],
    ['a network', { flags: { trustedProxies: ['10.0.0.0/33'] } }, null, /expected an IP address or network/],
    ['a short token', { flags: { token: 'abc' } }, null, /^--token: a value \(not shown\) received; expected 8 to 256 characters/],
    ['one token for both', { flags: { token: 'abcdefgh', viewToken: 'abcdefgh' } }, null, /^--view-token: the same as --token/],
    ['half of TLS', { flags: { tlsCert: 'c.pem' } }, null, /^--tls-cert is given without tlsKey/],
    [
      'TLS files that are not there',
      { flags: { tlsCert: 'c.pem', tlsKey: 'k.pem' } },
      null,
      /^--tls-cert: the file .*c\.pem cannot be read$/,
    ],
    ['JSON', { flags: { streams: '{' } }, null, /^--streams: \{ received; expected JSON/],
    ['a missing file', { file: 'none.yaml' }, null, /there is no file .*none\.yaml/],
    ['broken YAML', {}, 'a: [', /^sluice\.config\.yaml cannot be read: /],
    ['a file that is no object', {}, '- 1', /\[1\] received; expected an object/],
  ];
  it.each(wrong)('refuses %s', async (_, options, file, message) => {
    if (file !== null) await writeFile(join(cwd, 'sluice.config.yaml'), file);
    expect((await refusal(options)).message).toMatch(message);
  });

  it('refuses two files, a file without default export and one that throws', async () => {
    await writeFile(join(cwd, 'a.mjs'), 'export const port = 1;');
    await writeFile(join(cwd, 'b.mjs'), 'throw new Error("broken on purpose");');
    expect((await refusal({ file: 'a.mjs' })).message).toMatch(/no default export/);
    expect((await refusal({ file: 'b.mjs' })).message).toBe('b.mjs cannot be read: broken on purpose');
    await writeFile(join(cwd, 'sluice.config.json'), '{}');
    await writeFile(join(cwd, 'sluice.config.yml'), '');
    expect((await refusal({})).message).toMatch(/sluice\.config\.json and sluice\.config\.yml/);
  });

  it('ignores what Kubernetes sets for a service of this name', async () => {
    expect(
      (await load({ env: { SLUICE_PORT: 'tcp://10.0.0.1:80', SLUICE_PORT_80_TCP_ADDR: '10.0.0.1', SLUICE_SERVICE_HOST: 'x' } })).port,
    ).toBe(8000);
  });

  const tokens: [name: string, flags: Record<string, string | string[]>, token: boolean, given: boolean][] = [
    ['loopback', {}, false, false],
    ['loopback ::1', { host: '::1' }, false, false],
    ['all addresses', { host: '0.0.0.0' }, true, false],
    ['all addresses, open to all', { host: '0.0.0.0', anonymous: 'all' }, false, false],
    ['all addresses, open for watching', { host: '0.0.0.0', anonymous: 'view' }, true, false],
    ['a further name', { allowHosts: ['lab.test'] }, true, false],
    ['a proxy in front', { trustedProxies: ['127.0.0.1'] }, true, false],
    ['a token on loopback', { token: 'chosen-by-hand' }, true, true],
  ];
  it.each(tokens)('makes tokens when others can reach the server: %s', async (_, flags, token, given) => {
    const config = await load({ flags });
    expect(config.tokenGiven).toBe(given);
    if (token) {
      expect(config.token).toMatch(/^[A-Za-z0-9_-]{14,}$/);
      expect(config.viewToken).toMatch(/^[A-Za-z0-9_-]{22}$/);
      expect(config.viewToken).not.toBe(config.token);
    } else expect([config.token, config.viewToken]).toEqual([null, null]);
  });
});
