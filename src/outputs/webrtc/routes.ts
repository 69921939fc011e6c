// WHEP (draft-ietf-wish-whep): POST an offer, get an answer; PATCH brings candidates; DELETE ends.
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { SluiceError } from '../../core/errors.ts';
import type { Output, OutputContext, WebRtcConfig } from '../output.ts';
import { type Session, Sessions } from './sessions.ts';

const SDP = 'application/sdp';
const FRAGMENT = 'application/trickle-ice-sdpfrag';
const MAX_SDP = 200_000;

const Params = z.object({ stream: z.string(), id: z.string().optional() });

/** Opens the output. `address`: where to listen, `null` = everywhere. */
export function openWebRtc(context: OutputContext): Output {
  const config: WebRtcConfig = context.webrtc;
  const sessions = new Sessions(context, config, context.host);
  const { app } = context;

  void app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser([SDP, FRAGMENT], { parseAs: 'string', bodyLimit: MAX_SDP }, (_request, body, done) => done(null, body));
    scope.addContentTypeParser('*', (request, _payload, done) => {
      const expected = request.method === 'PATCH' ? FRAGMENT : SDP;
      done(
        new SluiceError(
          'unsupported-media-type',
          `Content-Type ${request.headers['content-type'] ?? '(none)'} received; expected ${expected}`,
        ),
      );
    });

    scope.post(
      '/live/:stream/whep',
      { schema: { tags: ['watching'], summary: 'WebRTC (WHEP): an SDP offer, answered with 201' } },
      async (request, reply) => {
        const { stream: name } = Params.parse(request.params);
        const stream = context.registry.get(name);
        if (typeof request.body !== 'string' || mediaType(request) !== SDP) {
          throw new SluiceError('unsupported-media-type', `Content-Type ${mediaType(request) || '(none)'} received; expected ${SDP}`);
        }
        const { session, answer } = await sessions.open(stream, request.body);
        const query = context.tokenQuery(request);
        reply
          .code(201)
          .type(SDP)
          .header('location', `whep/${session.id}${query ? `?${query}` : ''}`)
          .header('etag', session.etag)
          .header('accept-patch', FRAGMENT)
          .header('access-control-expose-headers', 'location, etag, link, accept-patch');
        for (const server of config.iceServers) reply.header('link', iceLink(server));
        return answer;
      },
    );

    scope.patch(
      '/live/:stream/whep/:id',
      { schema: { tags: ['watching'], summary: 'Further ICE candidates of a WHEP session' } },
      async (request, reply) => {
        const session = find(request);
        const match = request.headers['if-match'];
        if (match === undefined) throw new SluiceError('precondition-required', `If-Match is missing; expected ${session.etag}`);
        // With If-Match: * an ICE restart is asked for (RFC 9725 4.3.3).
        if (match === '*') {
          throw new SluiceError('unprocessable', 'ICE restarts are not offered; DELETE this session and POST a new offer');
        }
        if (match !== session.etag)
          throw new SluiceError('precondition-failed', `If-Match ${match} received; the session is ${session.etag}`);
        if (typeof request.body !== 'string' || mediaType(request) !== FRAGMENT) {
          throw new SluiceError('unsupported-media-type', `Content-Type ${mediaType(request) || '(none)'} received; expected ${FRAGMENT}`);
        }
        sessions.addCandidates(session, candidatesOf(request.body));
        return noContent(reply);
      },
    );

    scope.delete('/live/:stream/whep/:id', { schema: { tags: ['watching'], summary: 'Ends a WHEP session' } }, async (request, reply) => {
      find(request).close('the viewer ended it');
      reply.code(200);
      return '';
    });

    for (const url of ['/live/:stream/whep', '/live/:stream/whep/:id']) {
      const allow = url.endsWith(':id') ? 'PATCH, DELETE, OPTIONS' : 'POST, OPTIONS';
      const method = url.endsWith(':id') ? (['GET', 'POST', 'PUT'] as const) : (['GET', 'PUT', 'PATCH', 'DELETE'] as const);
      scope.route({
        method: [...method],
        url,
        schema: { hide: true },
        handler: (request, reply) => {
          reply.header('allow', allow);
          throw new SluiceError('method-not-allowed', `${request.method} received; allowed are ${allow}`);
        },
      });
    }
  });

  const find = (request: FastifyRequest): Session => {
    const { stream, id = '' } = Params.parse(request.params);
    const session = sessions.find(id);
    if (!session || session.stream.name !== stream)
      throw new SluiceError('not-found', `there is no WHEP session ${id} of ${stream}; it has ended`);
    return session;
  };

  return { close: () => sessions.close() };
}

function mediaType(request: FastifyRequest): string {
  return (request.headers['content-type'] ?? '').split(';')[0]!.trim().toLowerCase();
}

function noContent(reply: FastifyReply): string {
  reply.code(204);
  return '';
}

/** Candidates of an SDP fragment (RFC 8840 9) with the section that they belong to. */
export function candidatesOf(fragment: string): { candidate: string; mid: string }[] {
  let mid = '0';
  const found: { candidate: string; mid: string }[] = [];
  for (const line of fragment.split(/\r?\n/)) {
    if (line.startsWith('a=mid:')) mid = line.slice(6).trim();
    else if (line.startsWith('a=candidate:') && found.length < 100) found.push({ candidate: line.slice(2), mid });
  }
  return found;
}

/** `stun:host:port` or `turn:user:password@host:port` as a Link header (WHEP "STUN/TURN server configuration"). */
export function iceLink(server: string): string {
  const match = /^(stuns?|turns?):(?:([^:@]+):([^@]+)@)?(.+)$/.exec(server);
  if (!match) return `<${server}>; rel="ice-server"`;
  const [, scheme, user, password, host] = match;
  const credentials = user ? `; username="${user}"; credential="${password}"; credential-type="password"` : '';
  return `<${scheme}:${host}>; rel="ice-server"${credentials}`;
}
