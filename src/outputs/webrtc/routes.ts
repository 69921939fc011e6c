// WHEP (draft-ietf-wish-whep) and WHIP (RFC 9725): POST an offer, get an answer; PATCH brings candidates; DELETE ends.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { SluiceError } from '../../core/errors.ts';
import type { Output, OutputContext } from '../output.ts';
import { Sessions } from './sessions.ts';

const SDP = 'application/sdp';
const FRAGMENT = 'application/trickle-ice-sdpfrag';
const MAX_SDP = 200_000;

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

/** Opens both ways: watching and publishing. */
export function openWebRtc(context: OutputContext): Output {
  const sessions = new Sessions(context, context.webrtc, context.host);
  const kinds: Kind[] = [
    {
      name: 'whep',
      summary: 'WebRTC (WHEP): an SDP offer of a viewer, answered with 201',
      open: async (stream, offer) => await sessions.open(context.registry.get(stream), offer),
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
    for (const kind of kinds) addRoutes(scope, kind, context, (session, body) => sessions.addCandidates(session, candidatesOf(body)));
    registered();
  });
  return { close: () => sessions.close() };
}

function addRoutes(
  scope: FastifyInstance,
  kind: Kind,
  context: OutputContext,
  addCandidates: (session: Session, fragment: string) => void,
): void {
  const url = `/live/:stream/${kind.name}`;
  const find = (request: FastifyRequest): Session => {
    const { stream, id } = Params.parse(request.params);
    const session = kind.find(id);
    if (session?.stream.name === stream) return session;
    throw new SluiceError('not-found', `there is no ${kind.name.toUpperCase()} session ${id} of ${stream}; it has ended`);
  };

  scope.post(url, { schema: { tags: ['webrtc'], summary: kind.summary } }, async (request, reply) => {
    if (mediaType(request) !== SDP || typeof request.body !== 'string') throw wrongType(request, SDP);
    const { session, answer } = await kind.open(Params.parse(request.params).stream, request.body, request);
    const query = context.tokenQuery(request);
    reply
      .code(201)
      .type(SDP)
      .header('location', `${kind.name}/${session.id}${query ? `?${query}` : ''}`)
      .header('etag', session.etag)
      .header('accept-patch', FRAGMENT)
      .header('access-control-expose-headers', 'location, etag, link, accept-patch');
    const links = context.webrtc.iceServers.map(iceLink);
    if (links.length) reply.header('link', links.join(', '));
    return answer;
  });

  scope.patch(
    `${url}/:id`,
    { schema: { tags: ['webrtc'], summary: `Further ICE candidates of a ${kind.name.toUpperCase()} session` } },
    async (request, reply) => {
      const session = find(request);
      const match = request.headers['if-match'];
      if (match === undefined) throw new SluiceError('precondition-required', `If-Match is missing; expected ${session.etag}`);
      // With If-Match: * an ICE restart is asked for (RFC 9725 4.3.3).
      if (match === '*') throw new SluiceError('unprocessable', 'ICE restarts are not offered; DELETE this session and POST a new offer');
      if (match !== session.etag)
        throw new SluiceError('precondition-failed', `If-Match ${match} received; the session is ${session.etag}`);
      if (mediaType(request) !== FRAGMENT || typeof request.body !== 'string') throw wrongType(request, FRAGMENT);
      addCandidates(session, request.body);
      return noContent(reply);
    },
  );

  scope.delete(`${url}/:id`, { schema: { tags: ['webrtc'], summary: `Ends a ${kind.name.toUpperCase()} session` } }, async (request) => {
    find(request).close('the other side ended it');
    return '';
  });

  const refuse = (path: string, method: ('GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE')[], allow: string) =>
    scope.route({
      method,
      url: path,
      schema: { hide: true },
      handler: (request, reply) => {
        reply.header('allow', allow);
        throw new SluiceError('method-not-allowed', `${request.method} received; allowed are ${allow}`);
      },
    });
  refuse(url, ['GET', 'PUT', 'PATCH', 'DELETE'], 'POST, OPTIONS');
  refuse(`${url}/:id`, ['GET', 'POST', 'PUT'], 'PATCH, DELETE, OPTIONS');
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
