// WHEP (draft-ietf-wish-whep) and WHIP (RFC 9725): POST an offer, get an answer; PATCH brings candidates; DELETE ends. Section numbers are those
// of RFC 9725, which the draft follows.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { SluiceError } from '../../core/errors.ts';
import { type IceServer, iceLink, readIceServer } from '../../formats/ice-server.ts';
import { type IceFragment, readIceFragment, readSdp } from '../../formats/sdp.ts';
import type { Stream } from '../../pipeline/stream.ts';
import type { Output, OutputContext } from '../output.ts';
import { Sessions } from './sessions.ts';

const SDP = 'application/sdp';
const FRAGMENT = 'application/trickle-ice-sdpfrag';
const MAX_SDP = 200_000;
const EXPOSED = 'location, etag, link, accept-patch, retry-after';
/** What somebody who was refused for the moment is told to wait, s. */
const RETRY_S = 2;

const Params = z.object({ stream: z.string(), id: z.string().default('') });

/** A session as HTTP sees it. */
interface Session {
  readonly id: string;
  readonly stream: { readonly name: string };
  readonly etag: string;
  close(reason: string): void;
}

interface Kind {
  readonly name: 'whep' | 'whip';
  readonly summary: string;
  open(stream: string, offer: string, request: FastifyRequest): Promise<{ session: Session; answer: string }>;
  find(id: string): Session | undefined;
}

/** WebRTC for those who bring offers by a way of their own. */
export interface WebRtcOutput extends Output {
  /** STUN and TURN servers of the configuration, as browsers take them. */
  readonly iceServers: readonly IceServer[];
  /**
   * The answer to a viewer's offer, with all candidates; `stun`: further servers that tell under which address others see us. Throws
   * `bad-request`, `not-acceptable`, `unavailable`.
   */
  open(stream: Stream, offer: string, stun: readonly string[]): Promise<{ readonly session: WebRtcSession; readonly answer: string }>;
  addCandidates(session: WebRtcSession, candidates: readonly { readonly candidate: string; readonly mid: string }[]): void;
}

/** A viewer's connection. */
export interface WebRtcSession {
  readonly id: string;
  /** It has ended when this is false. */
  readonly open: boolean;
  close(reason: string): void;
}

/** Opens both ways: watching and publishing. */
export function openWebRtc(context: OutputContext): WebRtcOutput {
  const sessions = new Sessions(context, context.webrtc, context.host);
  const kinds: Kind[] = [
    {
      name: 'whep',
      summary: 'WebRTC (WHEP): an SDP offer of a viewer, answered with 201',
      open: async (stream, offer, request) => {
        const { sound } = request.query as Record<string, string>;
        return await sessions.open(context.registry.get(stream), offer, sound !== '0');
      },
      find: (id) => sessions.find(id),
    },
    {
      name: 'whip',
      summary: 'WebRTC (WHIP): an SDP offer of a publisher, answered with 201',
      open: async (name, offer, request) => {
        const stream = await context.forPush(name);
        const exclusive = (request.query as Record<string, string>).exclusive === '1';
        const { publishing, answer } = await sessions.publishers.open(stream, offer, `a WebRTC publisher at ${request.ip}`, exclusive);
        return { session: publishing, answer };
      },
      find: (id) => sessions.publishers.find(id),
    },
  ];
  context.app.register((scope, _options, registered) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser([SDP, FRAGMENT], { parseAs: 'string', bodyLimit: MAX_SDP }, (_request, body, done) => done(null, body));
    scope.addContentTypeParser('*', (request, _payload, done) => done(wrongType(request, request.method === 'PATCH' ? FRAGMENT : SDP)));
    for (const kind of kinds) addRoutes(scope, kind, context, (session, { candidates }) => sessions.addCandidates(session, candidates));
    registered();
  });
  return {
    iceServers: context.webrtc.iceServers.flatMap((entry) => readIceServer(entry) ?? []),
    close: () => sessions.close(),
    open: async (stream, offer, stun) => {
      await sessions.askPublicAddress(stun);
      const { session, answer } = await sessions.open(stream, offer);
      const { id } = session;
      return {
        session: {
          id,
          get open() {
            return sessions.find(id) !== undefined;
          },
          close: (reason) => session.close(reason),
        },
        answer,
      };
    },
    addCandidates: (session, candidates) => sessions.addCandidates(session, candidates),
  };
}

function addRoutes(
  scope: FastifyInstance,
  kind: Kind,
  context: OutputContext,
  addCandidates: (session: Session, fragment: IceFragment) => void,
): void {
  const url = `/live/:stream/${kind.name}`;
  const find = (request: FastifyRequest): Session => {
    const { stream, id } = Params.parse(request.params);
    const session = kind.find(id);
    if (session?.stream.name === stream) return session;
    throw new SluiceError('not-found', `there is no ${kind.name.toUpperCase()} session ${id} of ${stream}; it has ended`);
  };

  const links = context.webrtc.iceServers.flatMap((entry) => readIceServer(entry) ?? []).map(iceLink);
  const tellServers = (reply: FastifyReply) => {
    if (links.length) reply.header('link', links.join(', '));
  };
  /** User fragment of the other side's ICE session (4.3.1). */
  const ufrags = new WeakMap<Session, string>();

  const accepts = (name: string, type: string) => (_request: FastifyRequest, reply: FastifyReply, done: () => void) => {
    reply.header(name, type);
    done();
  };

  scope.post(
    url,
    { schema: { tags: ['webrtc'], summary: kind.summary }, onRequest: accepts('accept-post', SDP) },
    async (request, reply) => {
      if (mediaType(request) !== SDP || typeof request.body !== 'string') throw wrongType(request, SDP);
      const { session, answer } = await kind.open(Params.parse(request.params).stream, request.body, request).catch((error: unknown) => {
        if (error instanceof SluiceError && (error.status === 409 || error.status === 503)) reply.header('retry-after', RETRY_S);
        throw error;
      });
      ufrags.set(session, readSdp(request.body)?.iceUfrag ?? '');
      const query = context.tokenQuery(request);
      reply
        .code(201)
        .type(SDP)
        // Relative, so that any path prefix in front of the server holds.
        .header('location', `${kind.name}/${session.id}${query ? `?${query}` : ''}`)
        .header('etag', session.etag)
        .header('accept-patch', FRAGMENT)
        .header('access-control-expose-headers', EXPOSED);
      tellServers(reply);
      return answer;
    },
  );

  // 4.2: a preflight is answered before it comes here; its answer gets the same header, but no credentials of TURN servers.
  scope.options(url, {
    schema: { hide: true },
    onSend: (request, reply, payload, done) => {
      reply.header('accept-post', SDP);
      if (reply.statusCode < 300 && request.headers['access-control-request-method'] === undefined) {
        reply.header('access-control-expose-headers', EXPOSED);
        tellServers(reply);
      }
      done(null, payload);
    },
    handler: (_request, reply) => reply.header('allow', 'POST, OPTIONS').send(''),
  });
  // 4.1: these have no representation.
  for (const path of [url, `${url}/:id`]) {
    scope.get(path, { schema: { hide: true } }, (request, reply) => {
      if (path === url) context.registry.get(Params.parse(request.params).stream);
      else find(request);
      return reply.code(204).send();
    });
  }

  scope.patch(
    `${url}/:id`,
    {
      schema: { tags: ['webrtc'], summary: `Further ICE candidates of a ${kind.name.toUpperCase()} session` },
      onRequest: accepts('accept-patch', FRAGMENT),
    },
    async (request, reply) => {
      const session = find(request);
      if (mediaType(request) !== FRAGMENT || typeof request.body !== 'string') throw wrongType(request, FRAGMENT);
      const match = request.headers['if-match'];
      if (match === undefined) throw new SluiceError('precondition-required', `If-Match is missing; expected ${session.etag}`);
      const fragment = readIceFragment(request.body);
      if (!fragment) throw new SluiceError('bad-request', `the body is no ${FRAGMENT} (RFC 8840 9)`);
      // 4.3.3. libdatachannel keeps one ICE session for the life of a connection; whoever cannot do both answers 422 (4.3.1).
      if (match.trim() === '*' || (fragment.ufrag !== null && fragment.ufrag !== ufrags.get(session))) {
        throw new SluiceError(
          'unprocessable',
          'an ICE restart was asked for, which is not offered: POST a new offer. This session goes on as it is',
        );
      }
      if (!match.split(',').some((tag) => tag.trim() === session.etag)) {
        throw new SluiceError('precondition-failed', `If-Match ${match} received; the session is ${session.etag}`);
      }
      addCandidates(session, fragment);
      return noContent(reply);
    },
  );

  scope.delete(`${url}/:id`, { schema: { tags: ['webrtc'], summary: `Ends a ${kind.name.toUpperCase()} session` } }, async (request) => {
    find(request).close('the other side ended it');
    return '';
  });

  const refuse = (path: string, method: ('POST' | 'PUT' | 'PATCH' | 'DELETE')[], allow: string) =>
    scope.route({
      method,
      url: path,
      schema: { hide: true },
      handler: (request, reply) => {
        reply.header('allow', allow);
        throw new SluiceError('method-not-allowed', `${request.method} received; allowed are ${allow}`);
      },
    });
  refuse(url, ['PUT', 'PATCH', 'DELETE'], 'POST, OPTIONS');
  refuse(`${url}/:id`, ['POST', 'PUT'], 'PATCH, DELETE, OPTIONS');
}

function mediaType(request: FastifyRequest): string {
  return (request.headers['content-type'] ?? '').split(';')[0]!.trim().toLowerCase();
}

function wrongType(request: FastifyRequest, expected: string): SluiceError {
  return new SluiceError('unsupported-media-type', `Content-Type ${mediaType(request) || '(none)'} received; expected ${expected}`);
}

function noContent(reply: FastifyReply): string {
  reply.code(204);
  return '';
}
