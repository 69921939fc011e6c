import { createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import Fastify from 'fastify';
import { afterEach, describe, expect, it } from 'vitest';
import { SluiceError } from '../core/errors.ts';
import { silentLogger } from '../core/log.ts';
import { access, admissionOf, redactUrl, stripBasePath, tokenQuery } from './access.ts';
import { isLoopback, networkList, parseAuthority, plainAddress } from './address.ts';
import { type AccessConfig, type AccessRequest, type Decision, makeAdmission, neededRights } from './admission.ts';
import { checkProcessors, checkSource } from './source-access.ts';

const TOKEN = 'the-token-for-everything';
const VIEW = 'the-token-for-watching';

const OPEN: AccessConfig = {
  host: '127.0.0.1',
  basePath: '/',
  token: null,
  viewToken: null,
  tokenGiven: false,
  anonymous: 'none',
  allowHosts: [],
  origins: [],
  frameAncestors: [],
  trustedProxies: [],
};
const PUBLIC: AccessConfig = { ...OPEN, host: '0.0.0.0', token: TOKEN, viewToken: VIEW };

interface Ask {
  readonly config?: Partial<AccessConfig>;
  readonly method?: string;
  readonly url?: string;
  readonly headers?: Record<string, string>;
  readonly peer?: string;
  readonly upgrade?: boolean;
}

function ask(base: AccessConfig, asked: Ask): Decision {
  const request: AccessRequest = {
    method: asked.method ?? 'GET',
    url: asked.url ?? '/api/streams',
    headers: { host: '127.0.0.1:8000', ...asked.headers },
    peer: asked.peer ?? '127.0.0.1',
    encrypted: false,
    upgrade: asked.upgrade ?? false,
  };
  return makeAdmission({ ...base, ...asked.config })(request);
}

/** `all/loopback`, `view/cookie` …, or the code of the refusal. */
function outcome(decision: Decision): string {
  if (decision.kind === 'admit') return `${decision.admission.rights}/${decision.admission.via}`;
  return decision.kind === 'refuse' ? decision.error.code : decision.kind;
}

const far = { peer: '10.1.2.3', headers: { host: '10.0.0.1:8000' } };
const bearer = (token: string) => ({ host: '10.0.0.1:8000', authorization: `Bearer ${token}` });

describe('the Host header', () => {
  const cases: [host: string, config: Partial<AccessConfig>, expected: string][] = [
    ['localhost:8000', {}, 'all/loopback'],
    ['LOCALHOST', {}, 'all/loopback'],
    ['localhost.:8000', {}, 'all/loopback'],
    ['app.localhost', {}, 'all/loopback'],
    ['127.0.0.1:9999', {}, 'all/loopback'],
    ['127.8.8.8', {}, 'all/loopback'],
    ['[::1]:8000', {}, 'all/loopback'],
    ['evil.test', {}, 'bad-host'],
    ['localhost.evil.test', {}, 'bad-host'],
    ['127.0.0.1.evil.test', {}, 'bad-host'],
    ['10.0.0.1', {}, 'bad-host'],
    ['10.0.0.1', { host: '10.0.0.1', anonymous: 'view' }, 'view/anonymous'],
    ['10.0.0.1', { host: '0.0.0.0', anonymous: 'view' }, 'view/anonymous'],
    ['[fe80::1]', { host: '::', anonymous: 'view' }, 'view/anonymous'],
    ['evil.test', { host: '0.0.0.0', anonymous: 'view' }, 'bad-host'],
    ['lab.test:8000', { allowHosts: ['lab.test'], anonymous: 'view' }, 'view/anonymous'],
    ['cam1.lab.test', { allowHosts: ['*.lab.test'], anonymous: 'view' }, 'view/anonymous'],
    ['lab.test', { allowHosts: ['*.lab.test'] }, 'bad-host'],
    ['evillab.test', { allowHosts: ['*.lab.test'] }, 'bad-host'],
    ['', {}, 'bad-host'],
    ['a b', {}, 'bad-host'],
    ['localhost:8000@evil.test', {}, 'bad-host'],
  ];
  it.each(cases)('%s with %o', (host, config, expected) => {
    expect(outcome(ask(OPEN, { config, headers: { host } }))).toBe(expected);
  });

  it('names the line to add', () => {
    const decision = ask(OPEN, { headers: { host: 'lab.test:8000' } });
    expect(decision.kind === 'refuse' && decision.error.message).toContain('allowHosts: ["lab.test"]');
  });
});

describe('loopback', () => {
  const cases: [name: string, base: AccessConfig, asked: Ask, expected: string][] = [
    ['needs no token', OPEN, { method: 'PUT' }, 'all/loopback'],
    ['needs none on IPv6', OPEN, { peer: '::1', headers: { host: '[::1]:8000' } }, 'all/loopback'],
    ['needs none on a mapped address', OPEN, { peer: '::ffff:127.0.0.1' }, 'all/loopback'],
    ['needs none when only others need one', PUBLIC, { method: 'DELETE' }, 'all/loopback'],
    ['needs one that was given', PUBLIC, { config: { tokenGiven: true } }, 'unauthorized'],
    ['is not a further name', PUBLIC, { config: { allowHosts: ['lab.test'] }, headers: { host: 'lab.test' } }, 'unauthorized'],
    ['is not another machine', OPEN, { peer: '10.1.2.3' }, 'unauthorized'],
    ['is not a client behind a proxy we do not trust', OPEN, { headers: { 'x-forwarded-for': '10.1.2.3' } }, 'unauthorized'],
    ['cannot be claimed through such a proxy', OPEN, { headers: { 'x-forwarded-for': '127.0.0.1' } }, 'unauthorized'],
    ['nor by Forwarded', OPEN, { headers: { forwarded: 'for=127.0.0.1' } }, 'unauthorized'],
    ['nor with the name alone', OPEN, { headers: { 'x-forwarded-host': 'localhost' } }, 'unauthorized'],
    ['nor with Via', OPEN, { headers: { via: '1.1 proxy' } }, 'unauthorized'],
  ];
  it.each(cases)('%s', (_, base, asked, expected) => {
    expect(outcome(ask(base, asked))).toBe(expected);
  });

  it('tells what to do about a proxy when there is no token', () => {
    const decision = ask(OPEN, { headers: { 'x-forwarded-for': '10.1.2.3' } });
    expect(decision.kind === 'refuse' && decision.error.message).toContain('trustedProxies: ["127.0.0.1"]');
  });
});

describe('trusted proxies', () => {
  const config = { trustedProxies: ['127.0.0.1', '10.0.0.0/8'], allowHosts: ['lab.test'] };
  const through = (headers: Record<string, string>, peer = '127.0.0.1'): Ask => ({ config, headers, peer });
  const client = (decision: Decision) => (decision.kind === 'admit' ? decision.admission.client : outcome(decision));

  const cases: [name: string, asked: Ask, expected: string][] = [
    ['the client of the header counts', through({ 'x-forwarded-for': '192.0.2.1' }), '192.0.2.1'],
    ['IPv6 and ports are understood', through({ 'x-forwarded-for': '[2001:db8::1]:4711' }), '2001:db8::1'],
    ['what a client wrote itself is not believed', through({ 'x-forwarded-for': '127.0.0.1, 192.0.2.1, 10.9.9.9' }), '192.0.2.1'],
    ['RFC 7239 is read', through({ forwarded: 'for="[2001:db8::2]";proto=https;host=lab.test' }), '2001:db8::2'],
    ['a direct request has no client but the peer', through({}), '127.0.0.1'],
    ['a stranger cannot play the proxy', through({ 'x-forwarded-for': '127.0.0.1' }, '192.0.2.7'), '192.0.2.7'],
  ];
  it.each(cases)('%s', (_, asked, expected) => {
    expect(client(ask({ ...PUBLIC, anonymous: 'view' }, asked))).toBe(expected);
  });

  it('makes a far client need a token, a near one not', () => {
    expect(outcome(ask(PUBLIC, through({ 'x-forwarded-for': '192.0.2.1' })))).toBe('unauthorized');
    expect(outcome(ask(PUBLIC, through({ 'x-forwarded-for': '127.0.0.1' })))).toBe('all/loopback');
    expect(outcome(ask(PUBLIC, through({ 'x-forwarded-for': '127.0.0.1', 'x-forwarded-host': 'lab.test' })))).toBe('unauthorized');
  });

  it('checks the name that the client used', () => {
    const asked = (host: string) => through({ 'x-forwarded-for': '192.0.2.1', 'x-forwarded-host': host, authorization: `Bearer ${TOKEN}` });
    expect(outcome(ask(PUBLIC, asked('lab.test')))).toBe('all/token');
    expect(outcome(ask(PUBLIC, asked('evil.test')))).toBe('bad-host');
  });
});

describe('tokens', () => {
  const cases: [name: string, asked: Ask, expected: string][] = [
    ['none', far, 'unauthorized'],
    ['the token as bearer', { ...far, headers: bearer(TOKEN) }, 'all/token'],
    ['the word bearer in small letters', { ...far, headers: { host: '10.0.0.1', authorization: `bearer ${TOKEN}` } }, 'all/token'],
    ['the token in the query', { ...far, url: `/api/streams?token=${TOKEN}` }, 'all/token'],
    ['the view token as bearer', { ...far, headers: bearer(VIEW) }, 'view/view-token'],
    ['a wrong token', { ...far, headers: bearer(`${TOKEN}x`) }, 'unauthorized'],
    ['an empty token', { ...far, url: '/api/streams?token=' }, 'unauthorized'],
    ['Basic', { ...far, headers: { host: '10.0.0.1', authorization: `Basic ${btoa(`x:${TOKEN}`)}` } }, 'unauthorized'],
    ['a wrong one beside a right one', { ...far, url: `/api/streams?token=${TOKEN}`, headers: bearer('wrong-token') }, 'all/token'],
    ['the view token for a change', { ...far, method: 'PUT', url: '/api/streams/a', headers: bearer(VIEW) }, 'forbidden'],
    ['the view token for a push', { ...far, method: 'POST', url: '/api/streams/a/frames', headers: bearer(VIEW) }, 'forbidden'],
    ['the view token for the push socket', { ...far, upgrade: true, url: '/api/streams/a/frames', headers: bearer(VIEW) }, 'forbidden'],
    ['the view token for the events socket', { ...far, upgrade: true, url: '/api/events', headers: bearer(VIEW) }, 'view/view-token'],
    ['the view token for media', { ...far, upgrade: true, url: '/live/a/ws?codec=jpeg', headers: bearer(VIEW) }, 'view/view-token'],
    ['the view token for WHEP', { ...far, method: 'POST', url: '/live/a/whep', headers: bearer(VIEW) }, 'view/view-token'],
    ['the view token for WHIP', { ...far, method: 'POST', url: '/live/a/whip', headers: bearer(VIEW) }, 'forbidden'],
    ['nobody for health', { ...far, url: '/healthz' }, 'none/public'],
    ['nobody for the player', { ...far, url: '/player.js' }, 'none/public'],
    ['nobody for code of the page', { ...far, url: '/assets/index-abc.js' }, 'none/public'],
    ['nobody for metrics', { ...far, url: '/metrics' }, 'unauthorized'],
    ['anonymous watching', { ...far, config: { anonymous: 'view' } }, 'view/anonymous'],
    ['anonymous watching, a change', { ...far, config: { anonymous: 'view' }, method: 'PUT' }, 'unauthorized'],
    ['anonymous watching with the token', { ...far, config: { anonymous: 'view' }, method: 'PUT', headers: bearer(TOKEN) }, 'all/token'],
    ['anonymous everything', { ...far, config: { anonymous: 'all' }, method: 'PUT' }, 'all/anonymous'],
  ];
  it.each(cases)('%s', (_, asked, expected) => {
    expect(outcome(ask(PUBLIC, asked))).toBe(expected);
  });

  it('asks for a token in the way of RFC 6750', () => {
    expect(ask(PUBLIC, far).headers['WWW-Authenticate']).toBe('Bearer realm="sluice"');
    expect(ask(PUBLIC, { ...far, headers: bearer('wrong-token') }).headers['WWW-Authenticate']).toBe(
      'Bearer realm="sluice", error="invalid_token"',
    );
  });

  it('never puts a token into a refusal', () => {
    const decision = ask(PUBLIC, { ...far, method: 'PUT', url: `/api/streams/a?token=${VIEW}`, headers: bearer('wrong-token') });
    expect(decision.kind === 'refuse' && JSON.stringify(decision.error.toProblem())).not.toMatch(/watching-|for-watching"|wrong-token/);
    expect(JSON.stringify(decision)).not.toContain(VIEW);
  });
});

describe('Origin', () => {
  const lab = { origins: ['https://lab.test'] };
  const cases: [name: string, asked: Ask, expected: string][] = [
    ['no page', { method: 'POST' }, 'all/loopback'],
    ['our page', { method: 'POST', headers: { origin: 'http://127.0.0.1:8000' } }, 'all/loopback'],
    ['our socket', { upgrade: true, headers: { origin: 'http://127.0.0.1:8000' } }, 'all/loopback'],
    ['the default port', { method: 'POST', headers: { host: 'localhost', origin: 'http://localhost' } }, 'all/loopback'],
    ['another port', { method: 'POST', headers: { origin: 'http://127.0.0.1:3000' } }, 'bad-origin'],
    ['another name', { method: 'POST', headers: { origin: 'http://localhost:8000' } }, 'bad-origin'],
    ['a foreign page', { method: 'DELETE', headers: { origin: 'https://evil.test' } }, 'bad-origin'],
    ['a foreign socket', { upgrade: true, url: '/live/a/ws', headers: { origin: 'https://evil.test' } }, 'bad-origin'],
    ['a page without origin', { method: 'POST', headers: { origin: 'null' } }, 'bad-origin'],
    [
      'a page without origin that is listed',
      { config: { origins: ['null'] }, method: 'POST', headers: { origin: 'null' } },
      'all/loopback',
    ],
    ['a foreign page that reads', { headers: { origin: 'https://evil.test' } }, 'bad-origin'],
    ['a listed page', { config: lab, method: 'POST', headers: { origin: 'https://lab.test' } }, 'all/loopback'],
    ['a listed page with another scheme', { config: lab, method: 'POST', headers: { origin: 'http://lab.test' } }, 'bad-origin'],
    ['any page that reads, if all may', { config: { origins: ['*'] }, headers: { origin: 'https://x.test' } }, 'all/loopback'],
    [
      'any page that changes, even then',
      { config: { origins: ['*'] }, method: 'POST', headers: { origin: 'https://x.test' } },
      'bad-origin',
    ],
    ['any page that fetches code', { url: '/player.js', headers: { origin: 'https://evil.test' } }, 'all/loopback'],
    [
      'our page through a proxy that changed the Host',
      { method: 'POST', headers: { origin: 'http://127.0.0.1:9000', 'sec-fetch-site': 'same-origin' } },
      'all/loopback',
    ],
    ['a foreign form', { method: 'POST', headers: { 'sec-fetch-site': 'cross-site' } }, 'bad-origin'],
    ['a picture on a foreign page', { url: '/live/a/mjpeg', headers: { 'sec-fetch-site': 'cross-site' } }, 'all/loopback'],
  ];
  it.each(cases)('%s', (_, asked, expected) => {
    expect(outcome(ask(OPEN, asked))).toBe(expected);
  });

  it('names the line to add, readable for the page', () => {
    const decision = ask(OPEN, { headers: { origin: 'https://lab.test' } });
    expect(decision.kind === 'refuse' && decision.error.message).toContain('origins: ["https://lab.test"]');
    expect(decision.headers['Access-Control-Allow-Origin']).toBe('https://lab.test');
  });

  it('gives listed pages the CORS headers, with the frame headers exposed', () => {
    const decision = ask(OPEN, { config: lab, url: '/live/a/snapshot.png', headers: { origin: 'https://lab.test' } });
    expect(decision.headers).toMatchObject({
      'Access-Control-Allow-Origin': 'https://lab.test',
      'Access-Control-Expose-Headers': '*',
      Vary: 'Origin',
    });
    expect(ask(OPEN, {}).headers['Access-Control-Allow-Origin']).toBeUndefined();
  });

  it('answers preflights without asking for a token', () => {
    const preflight = (origin: string, method: string) =>
      ask(PUBLIC, {
        ...far,
        config: lab,
        method: 'OPTIONS',
        headers: {
          host: '10.0.0.1',
          origin,
          'access-control-request-method': method,
          'access-control-request-headers': 'authorization,x-sluice-timestamp',
        },
      });
    const allowed = preflight('https://lab.test', 'PUT');
    expect(allowed.kind).toBe('preflight');
    expect(allowed.headers['Access-Control-Allow-Headers']).toBe('authorization,x-sluice-timestamp');
    expect(allowed.headers['Access-Control-Allow-Methods']).toContain('PUT');
    expect(outcome(preflight('https://evil.test', 'PUT'))).toBe('bad-origin');
  });
});

describe('the page with a token in its address', () => {
  const html = { host: '10.0.0.1:8000', accept: 'text/html,*/*' };
  const visit = (url: string, headers: Record<string, string> = {}, config: Partial<AccessConfig> = {}) =>
    ask(PUBLIC, { peer: '10.1.2.3', url, headers: { ...html, ...headers }, config });

  it('sets a cookie and cleans the address', () => {
    const decision = visit(`/?token=${TOKEN}&t=5`);
    expect(decision).toMatchObject({ kind: 'redirect', location: './?t=5' });
    const cookie = decision.headers['Set-Cookie']!;
    expect(cookie).toMatch(/^sluice_[0-9a-f]{8}=[\w-]{43}; HttpOnly; SameSite=Lax; Max-Age=\d+$/);
    expect(cookie).not.toContain(TOKEN);
    const value = cookie.split(';')[0]!;
    expect(outcome(visit('/', { cookie: `other=1; ${value}; x=y` }))).toBe('all/token');
    expect(outcome(visit('/', { cookie: `${value}x` }))).toBe('unauthorized');
    expect(outcome(visit('/', { cookie: value }, { token: 'another-token' }))).toBe('unauthorized');
  });

  it('gives the view token a cookie for watching only', () => {
    const value = visit(`/?token=${VIEW}`).headers['Set-Cookie']!.split(';')[0]!;
    expect(outcome(visit('/', { cookie: value }))).toBe('view/view-token');
    const put = ask(PUBLIC, { ...far, method: 'PUT', headers: { host: '10.0.0.1', cookie: value } });
    expect(outcome(put)).toBe('forbidden');
  });

  const cases: [name: string, url: string, headers: Record<string, string>, expected: string][] = [
    ['an embedded page in a tab', `/embed/cam?token=${TOKEN}`, { 'sec-fetch-dest': 'document' }, './cam'],
    [
      'an embedded page in a frame of a foreign page',
      `/embed/cam?token=${TOKEN}`,
      { 'sec-fetch-dest': 'iframe', 'sec-fetch-site': 'cross-site' },
      'admit',
    ],
    ['the same in our own page', `/embed/cam?token=${TOKEN}`, { 'sec-fetch-dest': 'iframe', 'sec-fetch-site': 'same-origin' }, './cam'],
    ['a playlist', `/live/cam/hls/index.m3u8?token=${TOKEN}`, {}, 'admit'],
    ['a fetch', `/?token=${TOKEN}`, { accept: '*/*' }, 'admit'],
    ['a wrong token', '/?token=wrong', {}, 'refuse'],
  ];
  it.each(cases)('%s', (_, url, headers, expected) => {
    const decision = visit(url, headers);
    expect(decision.kind === 'redirect' ? decision.location : decision.kind).toBe(expected);
  });

  it('cleans the address where no token is needed, too', () => {
    expect(ask(OPEN, { url: '/?token=old', headers: { accept: 'text/html' } })).toMatchObject({ kind: 'redirect', location: './' });
  });

  it('keeps the cookie to the prefix of a proxy', () => {
    const path = (url: string, headers: Record<string, string>, config: Partial<AccessConfig>) =>
      /Path=([^;]*)/.exec(visit(url, { 'sec-fetch-dest': 'document', ...headers }, config).headers['Set-Cookie'] ?? '')?.[1];
    expect(path(`/?token=${TOKEN}`, {}, {})).toBeUndefined();
    expect(path(`/embed/a?token=${TOKEN}`, {}, {})).toBe('/');
    expect(path(`/embed/a?token=${TOKEN}`, {}, { basePath: '/user/x/proxy/8000/' })).toBe('/user/x/proxy/8000/');
    const proxied = { 'x-forwarded-for': '192.0.2.1', 'x-forwarded-prefix': '/hub', 'x-forwarded-proto': 'https' };
    expect(path(`/embed/a?token=${TOKEN}`, proxied, { trustedProxies: ['10.1.2.3'] })).toBe('/hub/');
    expect(visit(`/?token=${TOKEN}`, proxied, { trustedProxies: ['10.1.2.3'] }).headers['Set-Cookie']).toContain('; Secure');
  });
});

describe('frames around our pages', () => {
  it('are allowed for ourselves and what is listed', () => {
    expect(ask(OPEN, {}).headers['Content-Security-Policy']).toBe("frame-ancestors 'self'");
    const listed = ask(OPEN, { config: { frameAncestors: ['https://hub.test'] } });
    expect(listed.headers['Content-Security-Policy']).toBe("frame-ancestors 'self' https://hub.test");
  });
});

describe('neededRights', () => {
  it.each([
    ['GET', '/', 'view'],
    ['GET', '/embed/cam', 'view'],
    ['HEAD', '/live/cam/hls/index.m3u8', 'view'],
    ['GET', '/assets/../api/streams', 'view'],
    ['GET', '/readyz', 'none'],
    ['GET', '/healthz/x', 'view'],
    ['PATCH', '/live/cam/whep/1', 'view'],
    ['POST', '/live/cam/whepx', 'all'],
    ['POST', '/imswitch/socket.io/', 'view'],
    ['POST', '/socket.io/', 'view'],
    ['GET', '/LiveViewController/stopLiveViewForLongExposure', 'all'],
    ['POST', '/imswitch/api/LiveViewController/webrtc_offer', 'view'],
    ['POST', '/imswitch/api/LiveViewController/startLiveView', 'all'],
    ['GET', '/imswitch/api/LiveViewController/stopLiveView', 'all'],
    ['GET', '/imswitch/api/LiveViewController/getStreamStatus', 'view'],
    ['POST', '/api/streams/cam/markers', 'all'],
    ['BREW', '/', 'all'],
  ])('%s %s: %s', (method, path, expected) => {
    expect(neededRights(method, path, false)).toBe(expected);
  });
});

describe('addresses', () => {
  it('knows loopback', () => {
    expect(
      ['127.0.0.1', '127.1.2.3', '::1', '[::1]', '0:0:0:0:0:0:0:1', '::ffff:127.0.0.1', 'localhost', 'a.localhost'].filter(
        (h) => !isLoopback(h),
      ),
    ).toEqual([]);
    expect(['128.0.0.1', '::2', '0.0.0.0', '127.evil.test', 'localhost.test', ''].filter(isLoopback)).toEqual([]);
  });
  it('reads authorities and networks', () => {
    expect(parseAuthority('[FE80::1]:80')).toEqual({ name: 'fe80::1', port: '80' });
    expect(parseAuthority('a.b:x')).toBeNull();
    expect(plainAddress('fe80::1%eth0')).toBe('fe80::1');
    const list = networkList(['10.0.0.0/8', '2001:db8::/32', '127.0.0.1']);
    expect(['10.255.0.1', '::ffff:10.0.0.1', '2001:db8::5', '127.0.0.1', '11.0.0.1', 'nonsense', ''].map((a) => list.has(a))).toEqual([
      true,
      true,
      true,
      true,
      false,
      false,
      false,
    ]);
  });
});

describe('redactUrl', () => {
  it.each([
    ['/x?token=abc', '/x?token=***'],
    ['/x?a=1&token=abc&b=2#token', '/x?a=1&token=***&b=2#token'],
    ['/x?TOKEN=abc', '/x?TOKEN=***'],
    ['/x?next=%2F%3Ftoken%3Dabc', '/x?next=%2F%3Ftoken%3D***'],
    ['rtsp://user:pass@cam/1', 'rtsp://***@cam/1'],
    ['/plain', '/plain'],
  ])('%s', (url, expected) => {
    expect(redactUrl(url)).toBe(expected);
  });
});

describe('stripBasePath', () => {
  it.each([
    ['/a/b/x?y', '/a/b/', '/x?y'],
    ['/a/b', '/a/b/', '/'],
    ['/a/b?token=1', '/a/b/', '/?token=1'],
    ['/a/bc', '/a/b/', '/a/bc'],
    ['/x', '/a/b/', '/x'],
    ['/x', '/', '/x'],
  ])('%s below %s', (url, base, expected) => {
    expect(stripBasePath(url, base)).toBe(expected);
  });
});

describe('checkProcessors', () => {
  const far = { rights: 'all', via: 'token', client: '10.1.2.3', queryToken: null } as const;
  const ask = (url: string) => [{ use: 'http', params: { url } }] as Parameters<typeof checkProcessors>[0];

  it.each([
    ['http://127.0.0.1:9000/find', ['http://127.0.0.1:9000/'], true],
    ['http://127.0.0.1:9001/find', ['http://127.0.0.1:9000/'], false],
    ['http://169.254.169.254/latest/meta-data', ['http://127.0.0.1:9000/'], false],
    ['http://127.0.0.1:9000@evil.test/', ['http://127.0.0.1:9000/'], false],
    ['http://127.0.0.1:9000/a/../secret', ['http://127.0.0.1:9000/a/'], false],
    ['https://models.lab/', ['http'], true],
    ['https://models.lab/', [], false],
  ])('%s with %j: %s', (url, allow, allowed) => {
    const check = () => checkProcessors(ask(url), far, allow);
    if (allowed) expect(check).not.toThrow();
    else expect(check).toThrow(/may not be asked over REST.*allowProcessors: \["http/);
    // A client of this machine may name any; other processors ask nobody.
    expect(() => checkProcessors(ask(url), { ...far, via: 'loopback' }, allow)).not.toThrow();
    expect(() => checkProcessors([{ use: 'text', params: {} }], far, allow)).not.toThrow();
  });

  it('says a line that helps, without the password', () => {
    const check = (allow: string[]) => checkProcessors(ask('http://me:secret@models.lab:8080/find'), far, allow);
    let message = '';
    try {
      check([]);
    } catch (error) {
      message = (error as Error).message;
    }
    expect(message).not.toContain('secret');
    const line = /allowProcessors: (\[.*\])/.exec(message)?.[1];
    expect(() => check(JSON.parse(line!))).not.toThrow();
  });
});

describe('checkSource', () => {
  const far = { rights: 'all', via: 'token', client: '10.1.2.3', queryToken: null } as const;
  const ffmpeg = (url: string, options: Record<string, string> = {}) =>
    ({ type: 'ffmpeg', url, loop: true, rotate: 0, flip: 'none', transport: 'tcp', audio: true, options }) as const;
  const cases: [url: string, allow: string[], ok: boolean][] = [
    ['rtsp://cam.lab/1', ['ffmpeg'], true],
    ['rtsp://cam.lab/1', [], false],
    ['rtsp://cam.lab/1', ['rtsp://cam.lab/'], true],
    ['rtsp://user:pw@cam.lab/1', ['rtsp://cam.lab/'], true],
    ['rtsp://cam.lab.evil.test/1', ['rtsp://cam.lab/', 'rtsp://cam.lab'], false],
    ['rtsp://cam.lab@evil.test/1', ['rtsp://cam.lab/', 'rtsp://cam.lab'], false],
    ['rtsp://cam.lab:99/1', ['rtsp://cam.lab/'], false],
    ['http://cam.lab/a/../b', ['http://cam.lab/a/'], false],
    ['http://cam.lab/a/%2e%2e/b', ['http://cam.lab/a/'], false],
    ['http://cam.lab/ab', ['http://cam.lab/a'], false],
    ['http://cam.lab/a/b', ['http://cam.lab/a'], true],
    ['/data/clips/a.mp4', ['/data/clips'], true],
    ['/data/clips/../secret.mp4', ['/data/clips'], false],
    ['/data/clipsx/a.mp4', ['/data/clips'], false],
    ['file:///data/clips/a.mp4', ['/data/clips'], false],
    ['concat:/etc/passwd', ['/data'], false],
    ['camera', ['camera'], true],
    ['camera:0', ['camera'], true],
    ['camera:1', ['camera:0'], false],
    ['lavfi:testsrc', ['camera'], false],
  ];
  it.each(cases)('%s with %o: %s', (url, allow, ok) => {
    const check = () => checkSource(ffmpeg(url), far, allow);
    if (ok) expect(check).not.toThrow();
    else expect(check).toThrow(/allowSources: \[/);
  });

  it('lets loopback do anything, others what needs nothing', () => {
    expect(() => checkSource(ffmpeg('/etc/x'), { ...far, via: 'loopback' }, [])).not.toThrow();
    expect(() => checkSource({ type: 'push', clock: 'utc' }, far, ['pattern', 'push'])).not.toThrow();
    expect(() => checkSource({ type: 'push', clock: 'utc' }, far, [])).toThrow(SluiceError);
    const trickle = (url: string) => ({ type: 'trickle', url, start: -2, audio: true }) as const;
    expect(() => checkSource(trickle('cam'), far, [])).not.toThrow();
    expect(() => checkSource(trickle('http://gateway.lab/trickle/cam'), far, ['trickle'])).not.toThrow();
    expect(() => checkSource(trickle('http://gateway.lab/trickle/cam'), far, ['http://gateway.lab/trickle/'])).not.toThrow();
    expect(messageOf(() => checkSource(trickle('http://gateway.lab/trickle/cam?token=abc'), far, ['ffmpeg']))).toBe(
      'http://gateway.lab/trickle/cam?token=***: this channel is not allowed over REST. If it should be, add to the configuration: allowSources: ["http://gateway.lab/"]',
    );
    expect(() => checkSource(ffmpeg('rtsp://cam.lab/1', { protocol_whitelist: 'file' }), far, ['rtsp://cam.lab/'])).toThrow(
      /FFmpeg options/,
    );
  });

  it('proposes a line that helps, without the password', () => {
    for (const url of ['rtsp://user:pw@cam.lab/1', '/data/x.mp4', 'camera:2', 'lavfi:testsrc']) {
      const line = /allowSources: (\[.*\])/.exec(messageOf(() => checkSource(ffmpeg(url), far, [])))?.[1];
      expect(line).not.toContain('pw');
      expect(() => checkSource(ffmpeg(url), far, JSON.parse(line!))).not.toThrow();
    }
  });

  it('a playback is limited as files of FFmpeg are; recordings of this server are free for those who may make streams', () => {
    const playback = (params: { file?: string; recording?: string }) =>
      ({ type: 'recording', loop: true, speed: 1, times: 'now', fps: 30, ...params }) as const;
    const allowed = (file: string, allow: string[]) => () => checkSource(playback({ file }), far, allow);
    expect(() => checkSource(playback({ recording: 'scope_1' }), far, [])).not.toThrow();
    for (const allow of [['/data/clips'], ['recording'], ['/data/clips/a.tiff']])
      expect(allowed('/data/clips/a.tiff', allow)).not.toThrow();
    for (const [file, allow] of [
      ['/data/clips/../secret.tiff', ['/data/clips']],
      ['/data/clipsx/a.tiff', ['/data/clips']],
      ['/etc/passwd', []],
      ['/etc/passwd', ['ffmpeg']],
    ] as const) {
      expect(allowed(file, [...allow])).toThrow(expect.objectContaining({ code: 'source-not-allowed' }));
    }
    expect(() => checkSource(playback({ file: '/etc/passwd' }), { ...far, via: 'loopback' }, [])).not.toThrow();
  });
});

function messageOf(run: () => void): string {
  try {
    run();
  } catch (error) {
    return (error as Error).message;
  }
  return '';
}

describe('the hook on a real server', () => {
  const closers: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0)) await close();
  });

  async function serve(config: Partial<AccessConfig>) {
    const app = Fastify({ rewriteUrl: (request) => stripBasePath(request.url ?? '/', config.basePath ?? '/') });
    const guard = access({ ...PUBLIC, tokenGiven: true, ...config }, silentLogger);
    app.addHook('onRequest', guard.onRequest);
    app.get('/', async (_, reply) => reply.type('text/html').send('<p>home</p>'));
    app.get('/list', async (request) => ({ via: admissionOf(request).via, query: tokenQuery(request) }));
    await app.listen({ host: '127.0.0.1', port: 0 });
    closers.push(() => app.close());
    return `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
  }

  it('lets a browser in: page, form, cookie', async () => {
    const url = await serve({});
    const html = { accept: 'text/html' };
    const stopped = await fetch(`${url}/?t=%22%3E%3Cscript%3E`, { headers: html });
    const page = await stopped.text();
    expect(stopped.status).toBe(401);
    expect(stopped.headers.get('content-type')).toContain('text/html');
    expect(stopped.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(page).toContain('name="token"');
    expect(page).not.toContain('<script');
    const sent = await fetch(`${url}/?token=${TOKEN}`, { headers: html, redirect: 'manual' });
    expect(sent.status).toBe(303);
    expect(new URL(sent.headers.get('location')!, `${url}/x`).href).toBe(`${url}/`);
    const cookie = sent.headers.get('set-cookie')!.split(';')[0]!;
    const shown = await fetch(`${url}/`, { headers: { ...html, cookie } });
    expect([shown.status, await shown.text()]).toEqual([200, '<p>home</p>']);
  });

  it('answers programs with problem documents', async () => {
    const url = await serve({});
    const refused = await fetch(`${url}/list`);
    expect(refused.status).toBe(401);
    expect(refused.headers.get('www-authenticate')).toContain('Bearer');
    expect(refused.headers.get('content-type')).toContain('application/problem+json');
    expect(await refused.json()).toMatchObject({ code: 'unauthorized', status: 401 });
    expect((await fetch(`${url}/nowhere`)).status).toBe(401);
  });

  it('hands the token of a query on, but no other', async () => {
    const url = await serve({ basePath: '/x/' });
    expect(await (await fetch(`${url}/x/list?token=${VIEW}`)).json()).toEqual({ via: 'view-token', query: `token=${VIEW}` });
    expect(await (await fetch(`${url}/list`, { headers: { authorization: `Bearer ${TOKEN}` } })).json()).toEqual({
      via: 'token',
      query: '',
    });
  });

  it('refuses a rebound name before anything else', async () => {
    const url = await serve({ anonymous: 'all' });
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const asked = httpRequest(`${url}/list`, { headers: { host: 'evil.test' } }, (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      });
      asked.on('error', reject).end();
    });
    expect(status).toBe(403);
  });

  it('throws for a request that it has not seen', () => {
    const server = createServer();
    expect(() => admissionOf({ socket: server } as unknown as IncomingMessage)).toThrow(SluiceError);
  });
});
