// Who may do what (CONTRACT "Access"): one pure function from a request to a decision. The order is: Host, Origin, rights.
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { SluiceError } from '../core/errors.ts';
import { isLoopback, isWildcard, networkList, parseAuthority, plainAddress } from './address.ts';
import type { ResolvedConfig } from './config.ts';

/** The settings that decide. */
export type AccessConfig = Pick<
  ResolvedConfig,
  'host' | 'basePath' | 'token' | 'viewToken' | 'tokenGiven' | 'anonymous' | 'allowHosts' | 'origins' | 'frameAncestors' | 'trustedProxies'
>;

/** What of a request decides. */
export interface AccessRequest {
  readonly method: string;
  /** Path and query, without the base path. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  /** Address of the other end of the socket. */
  readonly peer: string | undefined;
  /** The socket is TLS. */
  readonly encrypted: boolean;
  /** A WebSocket upgrade. */
  readonly upgrade: boolean;
}

/** `view`: watching. `all`: everything. */
export type Rights = 'none' | 'view' | 'all';

/** What an admitted client may do, and why. */
export interface Admission {
  readonly rights: Rights;
  readonly via: 'loopback' | 'token' | 'view-token' | 'anonymous' | 'public';
  /** Address of the client: of the peer, or what a trusted proxy says. */
  readonly client: string;
  /** The token that came in the query and was needed; playlists carry it on. */
  readonly queryToken: string | null;
}

/** `headers` belong on the answer in every case. */
export type Decision = { readonly headers: Readonly<Record<string, string>> } & (
  | { readonly kind: 'admit'; readonly admission: Admission }
  /** Answer 204 at once. */
  | { readonly kind: 'preflight' }
  /** Answer 303 to a relative address. */
  | { readonly kind: 'redirect'; readonly location: string }
  /** `page`: a person looks at the answer; `askToken`: a token would help. */
  | { readonly kind: 'refuse'; readonly error: SluiceError; readonly page: boolean; readonly askToken: boolean }
);

const RANK: Record<Rights, number> = { none: 0, view: 1, all: 2 };
const SAFE = new Set(['GET', 'HEAD', 'OPTIONS']);
/** Code and health that hold nothing of anybody's streams. */
const PUBLIC = /^\/(healthz|health|readyz|player\.js|assets\/[\w.-]+|favicon\.(ico|svg|png)|robots\.txt)$/;

/** What ImSwitch changes by GET. */
const CHANGED_BY_GET = /^(\/imswitch\/api)?\/LiveViewController\/stopLiveView(ForLongExposure)?\/?$/;
/** What viewers post: WHEP, and of ImSwitch's routes the long polling of Socket.IO and WebRTC. */
const POSTED_BY_VIEWERS =
  /^(\/live\/[^/]+\/whep(\/|$)|(\/imswitch)?\/socket\.io\/|(\/imswitch\/api)?\/(LiveViewController|liveview)\/webrtc_)/;

/** What a request needs: reading is watching; WHEP (POST, PATCH, DELETE) is too; the publishing socket is not. */
export function neededRights(method: string, path: string, upgrade: boolean): Rights {
  if (upgrade) return /^\/api\/streams\/[^/]+\/frames\/?$/.test(path) ? 'all' : 'view';
  if (SAFE.has(method)) return PUBLIC.test(path) ? 'none' : CHANGED_BY_GET.test(path) ? 'all' : 'view';
  return POSTED_BY_VIEWERS.test(path) ? 'view' : 'all';
}

/** Makes the deciding function for one configuration. */
export function makeAdmission(config: AccessConfig): (request: AccessRequest) => Decision {
  const trusted = networkList(config.trustedProxies);
  const any = config.origins.includes('*');
  const listed = new Set(config.origins);
  const ancestors = ["'self'", ...config.frameAncestors].join(' ');
  const common = { 'X-Content-Type-Options': 'nosniff', 'Content-Security-Policy': `frame-ancestors ${ancestors}` };
  const cookies = [
    config.token === null ? null : { rights: 'all' as const, name: cookieName(config.token), value: cookieValue(config.token) },
    config.viewToken === null
      ? null
      : { rights: 'view' as const, name: cookieName(config.viewToken), value: cookieValue(config.viewToken) },
  ];

  return function decide(request) {
    const { headers, method } = request;
    const url = parseUrl(request.url);
    const path = url.path;
    const front = frontOf(request, trusted);
    const need = neededRights(method, path, request.upgrade);
    const page = !request.upgrade && method === 'GET' && wantsPage(headers);
    const out: Record<string, string> = { ...common };
    const refuse = (error: SluiceError, askToken = false): Decision => ({ kind: 'refuse', headers: out, error, page, askToken });

    const host = parseAuthority(front.host);
    if (!host || !hostAllowed(host.name, config)) return refuse(badHost(front.host, host?.name));

    const origin = headers.origin;
    if (origin !== undefined) out.Vary = 'Origin';
    const preflight = method === 'OPTIONS' && origin !== undefined && headers['access-control-request-method'] !== undefined;
    const asked = preflight ? neededRights(headers['access-control-request-method']!, path, false) : need;
    const own = origin === undefined ? ownWithoutOrigin(headers) : isOwn(origin, front, headers);
    const mayCome =
      own || (origin !== undefined && listed.has(origin)) || (any && asked !== 'all') || (asked === 'none' && !request.upgrade);
    if (origin !== undefined && !own && !request.upgrade) {
      // A refusal is readable for the page too: it holds nothing but the remedy.
      out['Access-Control-Allow-Origin'] = mayCome && !listed.has(origin) ? '*' : origin;
      out['Access-Control-Expose-Headers'] = '*';
    }
    if (!mayCome && (request.upgrade || need === 'all' || !SAFE.has(method) || origin !== undefined))
      return refuse(badOrigin(origin, asked));
    if (preflight) {
      out['Access-Control-Allow-Methods'] = 'GET, HEAD, OPTIONS, POST, PUT, PATCH, DELETE';
      const wanted = headers['access-control-request-headers'];
      if (wanted && /^[A-Za-z0-9\-_, ]+$/.test(wanted)) out['Access-Control-Allow-Headers'] = wanted;
      if (headers['access-control-request-private-network'] === 'true') out['Access-Control-Allow-Private-Network'] = 'true';
      out['Access-Control-Max-Age'] = '600';
      return { kind: 'preflight', headers: out };
    }

    const query = url.token;
    const byQuery = query === null ? 'none' : rightsOf(query, config);
    const bearer = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1];
    const byBearer = bearer === undefined ? 'none' : rightsOf(bearer, config);
    const byCookie = cookieRights(headers.cookie, cookies);
    const local = isLoopback(front.client) && isLoopback(host.name);
    const direct = local && !front.hidden;
    const candidates: Admission[] = [
      { rights: direct && !config.tokenGiven ? 'all' : 'none', via: 'loopback', client: front.client, queryToken: null },
      { rights: config.anonymous, via: 'anonymous', client: front.client, queryToken: null },
      { rights: byCookie, via: viaOf(byCookie), client: front.client, queryToken: null },
      { rights: byBearer, via: viaOf(byBearer), client: front.client, queryToken: null },
      { rights: byQuery, via: viaOf(byQuery), client: front.client, queryToken: query },
      { rights: 'none', via: 'public', client: front.client, queryToken: null },
    ];
    const best = candidates.reduce((a, b) => (RANK[b.rights] > RANK[a.rights] ? b : a));
    const admission = best.rights === 'none' ? candidates.at(-1)! : best;

    if (RANK[admission.rights] < RANK[need]) {
      const wrong = (query !== null && byQuery === 'none') || (bearer !== undefined && byBearer === 'none');
      if (admission.via === 'view-token') {
        return refuse(new SluiceError('forbidden', 'The view token was received; this needs the token for everything (--token).'));
      }
      out['WWW-Authenticate'] = `Bearer realm="sluice"${wrong ? ', error="invalid_token"' : ''}`;
      return refuse(unauthorized(config, need, wrong, local && front.hidden), true);
    }

    if (page && query !== null && (path === '/' || path.startsWith('/embed/') || path.startsWith('/pages/'))) {
      if (byQuery !== 'none') out['Set-Cookie'] = setCookie(query, request, front, config);
      if (cleansAddress(path, headers)) return { kind: 'redirect', headers: out, location: url.clean };
    }
    return { kind: 'admit', headers: out, admission };
  };
}

interface Front {
  readonly client: string;
  readonly host: string | undefined;
  readonly encrypted: boolean;
  readonly prefix: string | undefined;
  /** Somebody stands between whom we do not trust: the peer's address says nothing about the client. */
  readonly hidden: boolean;
}

/** The request as the client sent it, seen through trusted proxies. */
function frontOf(request: AccessRequest, trusted: { has(address: string): boolean }): Front {
  const { headers } = request;
  const peer = plainAddress(request.peer ?? '');
  const forwardedFor = listOf(headers['x-forwarded-for']);
  const forwarded = forwardedPairs(listOf(headers.forwarded));
  const names = ['x-forwarded-for', 'forwarded', 'x-forwarded-host', 'x-real-ip', 'via'];
  const through = names.some((name) => headers[name] !== undefined);
  if (!trusted.has(peer)) return { client: peer, host: headers.host, encrypted: request.encrypted, prefix: undefined, hidden: through };
  const chain = (forwardedFor.length ? forwardedFor : forwarded.map((pairs) => pairs.get('for') ?? '')).map(addressOf);
  let client = peer;
  // From our end: the first address that is no trusted proxy is the client (what is left of it anybody can have written).
  while (chain.length && trusted.has(client)) client = chain.pop()!;
  const last = forwarded.at(-1);
  return {
    client,
    host: listOf(headers['x-forwarded-host']).at(-1) ?? last?.get('host') ?? headers.host,
    encrypted: (listOf(headers['x-forwarded-proto']).at(-1) ?? last?.get('proto') ?? (request.encrypted ? 'https' : 'http')) === 'https',
    prefix: listOf(headers['x-forwarded-prefix']).at(-1),
    hidden: false,
  };
}

function listOf(header: string | string[] | undefined): string[] {
  const text = Array.isArray(header) ? header.join(',') : header;
  return (text ?? '')
    .split(',')
    .map((entry) => entry.trim())
    .filter(Boolean);
}

/** RFC 7239 section 4. */
function forwardedPairs(elements: string[]): Map<string, string>[] {
  return elements.map(
    (element) =>
      new Map(
        element.split(';').flatMap((pair) => {
          const match = /^\s*([A-Za-z]+)="?([^"]*)"?\s*$/.exec(pair);
          return match ? [[match[1]!.toLowerCase(), match[2]!] as const] : [];
        }),
      ),
  );
}

/** The address in `1.2.3.4:5678`, `[::1]:5678`, `::1`. */
function addressOf(node: string): string {
  const match = /^\[([^\]]+)\](?::\d+)?$/.exec(node) ?? /^(\d+\.\d+\.\d+\.\d+)(?::\d+)?$/.exec(node);
  return plainAddress(match?.[1] ?? node);
}

function hostAllowed(name: string, config: AccessConfig): boolean {
  if (isLoopback(name)) return true;
  if (name === plainAddress(config.host).toLowerCase()) return true;
  // DNS rebinding needs a name: an address of this machine's networks cannot be rebound.
  if (isWildcard(config.host) && /^[\d.]+$|:/.test(name)) return true;
  return config.allowHosts.some((entry) => (entry.startsWith('*.') ? name.endsWith(entry.slice(1)) : name === plainAddress(entry)));
}

function badHost(received: string | undefined, name: string | undefined): SluiceError {
  if (name === undefined) {
    return new SluiceError(
      'bad-host',
      `Host: ${JSON.stringify(received ?? '')} received; expected a host name or address with an optional port.`,
      {
        received: received ?? null,
      },
    );
  }
  const line = `allowHosts: [${JSON.stringify(name)}]`;
  return new SluiceError(
    'bad-host',
    `This server does not answer under the name ${name}. If it should, add to the configuration: ${line}`,
    {
      received: name,
      configLine: line,
    },
  );
}

/** No Origin header: not a page, or one of ours. Browsers that know `Sec-Fetch-Site` say when it is a foreign one. */
function ownWithoutOrigin(headers: IncomingHttpHeaders): boolean {
  const site = headers['sec-fetch-site'];
  return site === undefined || site === 'same-origin' || site === 'none';
}

function isOwn(origin: string, front: Front, headers: IncomingHttpHeaders): boolean {
  // Pages cannot write this header (forbidden name in Fetch), so it holds even where a proxy changed the Host.
  if (headers['sec-fetch-site'] === 'same-origin') return true;
  if (!URL.canParse(origin)) return false;
  const page = new URL(origin);
  if (front.encrypted && page.protocol !== 'https:') return false;
  const here = `${page.protocol}//${front.host ?? ''}`;
  return URL.canParse(here) && new URL(here).origin === page.origin;
}

function badOrigin(origin: string | undefined, need: Rights): SluiceError {
  const line = `origins: [${JSON.stringify(origin ?? 'http://…')}]`;
  const what = need === 'all' ? 'change anything here' : 'use this server';
  return new SluiceError(
    'bad-origin',
    `Pages of ${origin ?? 'another site'} may not ${what}. If they should, add to the configuration: ${line}`,
    {
      received: origin ?? null,
      configLine: line,
    },
  );
}

function unauthorized(config: AccessConfig, need: Rights, wrong: boolean, proxied: boolean): SluiceError {
  const which = need === 'view' ? 'the token or the view token' : 'the token';
  if (config.token === null) {
    const why = proxied ? 'The request came through a proxy that is not trusted' : 'The request does not come from this machine alone';
    return new SluiceError(
      'unauthorized',
      `${why}, and the server has no token. Start it with --token, or name the proxy in the configuration: trustedProxies: ["127.0.0.1"]`,
    );
  }
  const start = wrong ? 'The token is not one of this server.' : 'A token is needed.';
  return new SluiceError(
    'unauthorized',
    `${start} Send ${which} as "Authorization: Bearer …" or "?token=…"; the server printed both when it started.`,
  );
}

const digest = (text: string) => createHash('sha256').update(text).digest();

/** Compares without telling by its time how much fits. */
function same(a: string, b: string | null): boolean {
  return b !== null && timingSafeEqual(digest(a), digest(b));
}

function rightsOf(token: string, config: AccessConfig): Rights {
  const all = same(token, config.token);
  const view = same(token, config.viewToken);
  return all ? 'all' : view ? 'view' : 'none';
}

function viaOf(rights: Rights): Admission['via'] {
  return rights === 'all' ? 'token' : rights === 'view' ? 'view-token' : 'public';
}

// Cookies know no ports: the name is bound to the token, so that two servers on one machine do not overwrite each other's.
function cookieName(token: string): string {
  return `sluice_${createHmac('sha256', token).update('cookie name').digest('hex').slice(0, 8)}`;
}

function cookieValue(token: string): string {
  return createHmac('sha256', token).update('cookie value').digest('base64url');
}

function cookieRights(header: string | undefined, known: readonly ({ rights: Rights; name: string; value: string } | null)[]): Rights {
  let rights: Rights = 'none';
  for (const pair of (header ?? '').split(';')) {
    const at = pair.indexOf('=');
    if (at < 0) continue;
    const name = pair.slice(0, at).trim();
    for (const cookie of known) {
      if (cookie && cookie.name === name && same(pair.slice(at + 1).trim(), cookie.value) && RANK[cookie.rights] > RANK[rights])
        rights = cookie.rights;
    }
  }
  return rights;
}

function setCookie(token: string, request: AccessRequest, front: Front, config: AccessConfig): string {
  const prefix = front.prefix?.startsWith('/') ? `${front.prefix.replace(/\/+$/, '')}/` : config.basePath;
  // Without a Path the browser takes the folder of the page, which at our root is the unknown prefix of a proxy, if there is one.
  const path = prefix === '/' && parseUrl(request.url).path === '/' ? '' : `; Path=${/^[\w./~@:-]+$/.test(prefix) ? prefix : '/'}`;
  // Lax, not Strict: a link to a moment, clicked in somebody's chat, must find the cookie. Changes are guarded by Origin.
  return `${cookieName(token)}=${cookieValue(token)}${path}; HttpOnly; SameSite=Lax; Max-Age=2592000${front.encrypted ? '; Secure' : ''}`;
}

function wantsPage(headers: IncomingHttpHeaders): boolean {
  return /\btext\/html\b/.test(headers.accept ?? '');
}

/**
 * In a frame on a foreign page the cookie is not sent, so there the token must stay in the address, for the page's own script. Browsers
 * do not say where they load it when the server is no "trustworthy" origin (plain http on another machine): embedded pages then keep it.
 */
function cleansAddress(path: string, headers: IncomingHttpHeaders): boolean {
  const where = headers['sec-fetch-dest'];
  if (where === undefined) return path === '/';
  return where === 'document' || headers['sec-fetch-site'] === 'same-origin';
}

interface ParsedUrl {
  readonly path: string;
  /** Value of `?token=`. */
  readonly token: string | null;
  /** Relative address of the same thing without the token. */
  readonly clean: string;
}

/** Splits a request target; a broken one becomes the path that nothing has. */
export function parseUrl(url: string): ParsedUrl {
  const at = url.indexOf('?');
  const path = at < 0 ? url : url.slice(0, at);
  const query = new URLSearchParams(at < 0 ? '' : url.slice(at + 1));
  const token = query.get('token');
  query.delete('token');
  const rest = query.toString();
  return { path, token, clean: `./${path.slice(path.lastIndexOf('/') + 1)}${rest ? `?${rest}` : ''}` };
}
