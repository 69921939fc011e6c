// Who may use a stand-alone trickle server: reading is watching, publishing and deleting need everything. The whole server has its own
// rules (src/server/admission.ts), which say the same of these routes.
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { SluiceError } from '../core/errors.ts';

export interface TrickleAccess {
  /** Address that is listened on. */
  readonly host: string;
  /** For everything. With a token or a view token this machine needs one too. */
  readonly token?: string | undefined;
  /** For reading only. */
  readonly viewToken?: string | undefined;
  /** What clients may do that send no token. Default none. */
  readonly anonymous?: 'none' | 'view' | 'all' | undefined;
  /** Further names under which the server may be addressed. */
  readonly allowHosts?: readonly string[] | undefined;
  /** This machine needs no token although there are some: nobody chose them. */
  readonly localFree?: boolean | undefined;
}

/** Headers of proxies: the peer's address then says nothing about the client. */
const FORWARDED = ['x-forwarded-for', 'forwarded', 'x-forwarded-host', 'x-real-ip', 'via'];
const RANK = { none: 0, view: 1, all: 2 } as const;
type Rights = keyof typeof RANK;

/** Why this request is refused; `null`: it is not. */
export function refusalOf(access: TrickleAccess, request: IncomingMessage): SluiceError | null {
  const { headers } = request;
  const authority = headers.host ?? headers[':authority'];
  const host = nameOf(typeof authority === 'string' ? authority : '');
  if (host === null || !hostAllowed(host, access)) {
    return new SluiceError(
      'bad-host',
      `This server does not answer under the name ${host ?? '""'}. If it should: --allow-hosts ${host ?? 'NAME'}`,
    );
  }
  // Pages of other sites neither read nor write here: there is no CORS.
  const { origin } = headers;
  const site = headers['sec-fetch-site'];
  const foreign = origin === undefined ? site !== undefined && site !== 'same-origin' && site !== 'none' : originHost(origin) !== authority;
  if (foreign) return new SluiceError('bad-origin', `Pages of ${origin ?? 'another site'} may not use this server.`);

  const need: Rights = request.method === 'GET' || request.method === 'HEAD' ? 'view' : 'all';
  const direct =
    isLoopback(request.socket.remoteAddress ?? '') && isLoopback(host) && FORWARDED.every((name) => headers[name] === undefined);
  const local = direct && (access.localFree || (access.token === undefined && access.viewToken === undefined));
  const rights: Rights[] = [
    local ? 'all' : 'none',
    access.anonymous ?? 'none',
    ...tokensOf(request).map((token) => rightsOf(token, access)),
  ];
  const best = rights.reduce((a, b) => (RANK[b] > RANK[a] ? b : a));
  if (RANK[best] >= RANK[need]) return null;
  if (best === 'view') return new SluiceError('forbidden', 'The view token was received; this needs the token for everything (--token).');
  return new SluiceError(
    'unauthorized',
    'A token is needed: "Authorization: Bearer …" or "?token=…". Start the server with --token to choose one.',
  );
}

function tokensOf(request: IncomingMessage): string[] {
  const bearer = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
  const url = request.url ?? '';
  const at = url.indexOf('?');
  const query = at < 0 ? null : new URLSearchParams(url.slice(at + 1)).get('token');
  return [bearer, query].filter((token) => token !== undefined && token !== null);
}

function rightsOf(token: string, { token: all, viewToken }: TrickleAccess): Rights {
  return same(token, all) ? 'all' : same(token, viewToken) ? 'view' : 'none';
}

const digest = (text: string) => createHash('sha256').update(text).digest();

/** Compares without telling by its time how much fits. */
function same(a: string, b: string | undefined): boolean {
  return b !== undefined && timingSafeEqual(digest(a), digest(b));
}

const plain = (address: string) =>
  address
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/%.*$/, '')
    .replace(/^::ffff:(?=\d+\.)/i, '')
    .toLowerCase();

/** Host name of a Host header, without brackets and port; `null` if it is none. */
function nameOf(authority: string): string | null {
  const match = /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::\d{1,5})?$/.exec(authority);
  return match ? plain(match[1]!).replace(/\.$/, '') : null;
}

function originHost(origin: string): string | null {
  return URL.canParse(origin) ? new URL(origin).host : null;
}

/** `localhost`, names below it, 127.0.0.0/8 and ::1. */
export function isLoopback(host: string): boolean {
  const name = plain(host);
  return isIP(name) === 4
    ? name.startsWith('127.')
    : isIP(name) === 6
      ? name === '::1'
      : name === 'localhost' || name.endsWith('.localhost');
}

function hostAllowed(name: string, access: TrickleAccess): boolean {
  if (isLoopback(name) || name === plain(access.host)) return true;
  // DNS rebinding needs a name: an address of this machine's networks cannot be rebound.
  if (['0.0.0.0', '::'].includes(plain(access.host)) && isIP(name) !== 0) return true;
  return (
    access.allowHosts?.some((entry) => (entry.startsWith('*.') ? name.endsWith(entry.slice(1).toLowerCase()) : plain(entry) === name)) ??
    false
  );
}
