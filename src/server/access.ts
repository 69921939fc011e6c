// Puts the decision of admission.ts in front of every request: the Fastify hook, the check for upgrades, the base path, the token page.
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { SluiceError } from '../core/errors.ts';
import type { Logger } from '../core/log.ts';
import { redactUrl } from '../core/redact-url.ts';
import { type AccessConfig, type Admission, type Decision, makeAdmission, parseUrl } from './admission.ts';
import { sendProblem } from './problem.ts';

export { redactUrl } from '../core/redact-url.ts';

/** What stands in front of all routes. */
export interface AccessGuard {
  /** Fastify `onRequest` hook; declare it before any plugin that answers. */
  readonly onRequest: (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply | undefined>;
  /** Headers of the answer to a player's plain GET; `null`: it is not simply admitted, the hook shall tell. */
  readonly checkPlayer: (request: IncomingMessage, url: string) => Readonly<Record<string, string>> | null;
  /** Decides about a request that the framework does not get. `url` is without the base path. */
  readonly check: (request: IncomingMessage, url: string) => Decision;
  /** Decides about an upgrade. `url` is without the base path. */
  readonly checkUpgrade: (request: IncomingMessage, url: string) => Decision;
}

const admissions = new WeakMap<IncomingMessage, Admission>();

/** What the hook or the upgrade check found out about this client. Throws `unauthorized` for a request that passed neither. */
export function admissionOf(request: FastifyRequest | IncomingMessage): Admission {
  const admission = admissions.get('raw' in request ? request.raw : request);
  if (!admission) throw new SluiceError('unauthorized', 'The request has not been checked.');
  return admission;
}

/** `token=…` if the client was admitted by a token in its query, else empty: what the URIs of its playlists must carry on. */
export function tokenQuery(request: FastifyRequest | IncomingMessage): string {
  const token = admissions.get('raw' in request ? request.raw : request)?.queryToken;
  return token ? `token=${encodeURIComponent(token)}` : '';
}

/** The request target without the base path. A proxy may have taken it off already: then it comes back unchanged. */
export function stripBasePath(url: string, basePath: string): string {
  if (basePath === '/') return url;
  if (url.startsWith(basePath)) return url.slice(basePath.length - 1);
  const bare = basePath.slice(0, -1);
  return url === bare || url.startsWith(`${bare}?`) ? `/${url.slice(bare.length)}` : url;
}

/** HTTP/2 has `:authority` in the place of Host (RFC 9113 8.3.1). */
function headersOf(request: IncomingMessage): IncomingMessage['headers'] {
  const authority = request.headers[':authority'];
  return request.headers.host === undefined && typeof authority === 'string' ? { ...request.headers, host: authority } : request.headers;
}

/** Guards a server of this configuration. */
export function access(config: AccessConfig, log: Logger): AccessGuard {
  const decide = makeAdmission(config);
  if (config.anonymous === 'all') log.warn({ anonymous: 'all' }, 'everybody who reaches this server may change and delete everything');
  let quietUntil = 0;
  const note = (decision: Decision, method: string, url: string, peer: string | undefined) => {
    if (decision.kind !== 'refuse' || Date.now() < quietUntil) return;
    quietUntil = Date.now() + 1000;
    log.warn({ code: decision.error.code, method, url: redactUrl(url), peer }, 'a request was refused');
  };
  // A player asks ten times a second on the same connections, with the same headers, for the same right.
  const players = new WeakMap<Socket, { readonly key: string; readonly decision: Decision }>();
  const decideFor = (raw: IncomingMessage, url: string): Decision => {
    const key = playerKey(raw, url);
    const known = key === null ? undefined : players.get(raw.socket);
    if (known && known.key === key) return known.decision;
    const decision = decide({
      method: raw.method ?? 'GET',
      url,
      headers: headersOf(raw),
      peer: raw.socket.remoteAddress,
      encrypted: 'encrypted' in raw.socket,
      upgrade: false,
    });
    if (key !== null && decision.kind === 'admit') players.set(raw.socket, { key, decision });
    return decision;
  };
  return {
    async onRequest(request, reply) {
      const { raw } = request;
      const decision = decideFor(raw, request.url);
      note(decision, request.method, request.url, raw.socket.remoteAddress);
      reply.headers(decision.headers);
      switch (decision.kind) {
        case 'admit':
          admissions.set(raw, decision.admission);
          return undefined;
        case 'preflight':
          return reply.code(204).send();
        case 'redirect':
          return reply
            .code(303)
            .headers({ location: decision.location, 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' })
            .send();
        case 'refuse':
          reply.header('cache-control', 'no-store');
          if (!decision.page) return sendProblem(reply, decision.error);
          return reply
            .code(decision.error.status)
            .headers({ ...pageHeaders(decision.headers), 'content-type': 'text/html; charset=utf-8' })
            .send(refusalPage(decision.error, decision.askToken, request.url));
      }
    },
    checkPlayer(request, url) {
      const decision = decideFor(request, url);
      if (decision.kind !== 'admit') return null;
      admissions.set(request, decision.admission);
      return decision.headers;
    },
    check(request, url) {
      const decision = decideFor(request, url);
      note(decision, request.method ?? 'GET', url, request.socket.remoteAddress);
      if (decision.kind === 'admit') admissions.set(request, decision.admission);
      return decision;
    },
    checkUpgrade(request, url) {
      const decision = decide({
        method: request.method ?? 'GET',
        url,
        headers: request.headers,
        peer: request.socket.remoteAddress,
        encrypted: 'encrypted' in request.socket,
        upgrade: true,
      });
      note(decision, 'UPGRADE', url, request.socket.remoteAddress);
      if (decision.kind === 'admit') admissions.set(request, decision.admission);
      return decision;
    },
  };
}

/** Everything that decides about a request for HLS media, but for its peer, which a connection keeps; `null` for other requests. */
function playerKey(raw: IncomingMessage, url: string): string | null {
  if (raw.method !== 'GET' || !/^\/live\/[^/?]+\/hls\//.test(url)) return null;
  const at = url.indexOf('?');
  // `%74oken=` is a token as well.
  const query = at >= 0 && /token|%/i.test(url.slice(at)) ? url.slice(at) : '';
  // HTTP/2 has the path among its headers: another one for each part, and of those here only the query decides.
  const headers = raw.httpVersionMajor < 2 ? raw.rawHeaders : raw.rawHeaders.filter((_, i, all) => all[i & ~1] !== ':path');
  return `${query}\n${headers.join('\n')}`;
}

function pageHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  const policy = headers['Content-Security-Policy'];
  return { 'content-security-policy': `default-src 'none'; style-src 'unsafe-inline'; form-action 'self'${policy ? `; ${policy}` : ''}` };
}

const escapeHtml = (text: string) => text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);

/** Plain page for a person who may not pass (yet): what was wrong, what helps, a field for the token. No script. */
function refusalPage(error: SluiceError, askToken: boolean, url: string): string {
  const query = new URLSearchParams(parseUrl(url).clean.split('?')[1] ?? '');
  const kept = [...query].map(([name, value]) => `<input type="hidden" name="${escapeHtml(name)}" value="${escapeHtml(value)}">`).join('');
  const form = askToken
    ? `<form method="get">${kept}<label>Token <input name="token" type="password" autocomplete="current-password" autofocus required></label> <button>Open</button></form>
<p>The program that runs Sluice printed the token, and an address that contains it, when it started.</p>`
    : '';
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Sluice</title>
<style>:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:36rem;margin:15vh auto;padding:0 1rem}input,button{font:inherit;padding:.4em .6em}</style></head>
<body><h1>${escapeHtml(error.toProblem().title)}</h1><p>${escapeHtml(error.message)}</p>${form}</body></html>
`;
}
