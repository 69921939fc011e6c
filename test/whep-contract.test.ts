// The HTTP side of WHEP (draft-ietf-wish-whep) and WHIP (RFC 9725): status codes and headers, and what an offer may look like.
import { expect, it } from 'vitest';
import type { StreamStats } from '../src/api/schema.ts';
import { readIceLinks } from '../src/formats/ice-server.ts';
import { readSdp } from '../src/formats/sdp.ts';
import { ownTime } from './own-time.ts';
import { type TestServer, testServer } from './server.ts';
import { whepClient, whepOffer } from './whep-client.ts';

const cam = { source: { type: 'pattern', width: 320, height: 180, fps: 20 } } as const;
const FRAGMENT = 'application/trickle-ice-sdpfrag';
const candidates = (ufrag = '') =>
  `${ufrag && `a=ice-ufrag:${ufrag}\r\na=ice-pwd:0123456789012345678901\r\n`}m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\n` +
  'a=candidate:1 1 udp 1 127.0.0.1 9 typ host\r\na=candidate:2 1 udp 1 5b2c.local 9 typ host\r\na=candidate:3 1 tcp 1 127.0.0.1 9 typ host tcptype active\r\n';

async function offerOf(codec: 'H264' | 'VP8' = 'H264'): Promise<string> {
  const { peer, sdp } = await whepOffer({ codec });
  peer.close();
  return sdp;
}

const post = (server: TestServer, body: string, type = 'application/sdp', path = 'live/cam/whep') =>
  server.fetch(path, { method: 'POST', body, headers: { 'content-type': type } });

it('offers: what is wrong is said with its status', async () => {
  await using server = await testServer({ streams: { cam } });
  const wrong = await post(server, 'v=0', 'text/plain');
  expect([wrong.status, wrong.headers.get('accept-post')]).toEqual([415, 'application/sdp']);
  expect((await post(server, '')).status).toBe(400);
  expect((await post(server, 'no description')).status).toBe(400);
  expect((await post(server, 'v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n')).status).toBe(406);
  const offer = await offerOf();
  expect((await post(server, offer.replaceAll('a=recvonly', 'a=sendonly'))).status).toBe(406);
  expect((await post(server, offer.replaceAll('H264', 'H266'))).status).toBe(406);
  expect((await post(server, offer, 'application/sdp', 'live/nobody/whep')).status).toBe(404);
  expect((await post(server, `${offer}a=x:${'y'.repeat(300_000)}\r\n`)).status).toBe(413);
  for (const method of ['PUT', 'PATCH', 'DELETE']) {
    const refused = await server.fetch('live/cam/whep', { method });
    expect([method, refused.status, refused.headers.get('allow')]).toEqual([method, 405, 'POST, OPTIONS']);
  }
  const got = await server.fetch('live/cam/whep');
  expect([got.status, await got.text()]).toEqual([204, '']);
  // Content types are compared without case and parameters.
  const answered = await post(server, offer, 'Application/SDP; charset=utf-8');
  expect(answered.status).toBe(201);
  const media = readSdp(await answered.text())!.media.find(({ kind }) => kind === 'video');
  expect(media).toMatchObject({ direction: 'sendonly', codecs: [{ name: 'H264' }] });
}, 90_000);

it('a session: candidates, refused restarts, tags, its end', async () => {
  await using server = await testServer({ streams: { cam } });
  const offer = await offerOf();
  const answered = await post(server, offer);
  const { headers } = answered;
  expect([answered.status, headers.get('content-type'), headers.get('accept-patch')]).toEqual([201, 'application/sdp', FRAGMENT]);
  expect(headers.get('access-control-expose-headers')).toMatch(/location.*etag.*link/);
  // Relative to the endpoint, so that any prefix in front of the server holds.
  expect(headers.get('location')).toMatch(/^whep\/[\w-]+$/);
  const etag = headers.get('etag')!;
  expect(etag).toMatch(/^"[^"]+"$/);
  const session = `live/cam/${headers.get('location')}`;
  const patch = async (more: Record<string, string>, body = candidates(), type = FRAGMENT) => {
    const response = await server.fetch(session, { method: 'PATCH', body, headers: { 'content-type': type, ...more } });
    return { status: response.status, etag: response.headers.get('etag'), text: await response.text() };
  };
  expect((await patch({})).status).toBe(428);
  expect((await patch({ 'if-match': '"other"' })).status).toBe(412);
  expect((await patch({ 'if-match': `W/${etag}` })).status).toBe(412);
  expect((await patch({ 'if-match': etag }, candidates(), 'application/json')).status).toBe(415);
  expect((await patch({ 'if-match': etag }, 'nonsense')).status).toBe(400);
  expect(await patch({ 'if-match': etag })).toEqual({ status: 204, etag: null, text: '' });
  const { iceUfrag } = readSdp(offer)!;
  expect((await patch({ 'if-match': `"other", ${etag}` }, candidates(iceUfrag))).status).toBe(204);
  // ICE restarts (4.3.3): refused, and the session goes on.
  expect((await patch({ 'if-match': '*' }, candidates('newfrag'))).status).toBe(422);
  expect((await patch({ 'if-match': etag }, candidates('newfrag'))).status).toBe(422);
  expect((await patch({ 'if-match': etag }, candidates(iceUfrag))).status).toBe(204);
  const put = await server.fetch(session, { method: 'PUT' });
  expect([put.status, put.headers.get('allow')]).toEqual([405, 'PATCH, DELETE, OPTIONS']);
  expect((await server.fetch(session)).status).toBe(204);
  expect((await server.fetch(session.replace('/cam/', '/nobody/'), { method: 'DELETE' })).status).toBe(404);
  // DELETE takes no notice of tags.
  expect((await server.fetch(session, { method: 'DELETE', headers: { 'if-match': '"other"' } })).status).toBe(200);
  expect((await server.fetch(session, { method: 'DELETE' })).status).toBe(404);
  expect((await patch({ 'if-match': etag })).status).toBe(404);
  expect((await server.fetch(session)).status).toBe(404);
}, 90_000);

it('pages of other origins: preflight, exposed headers; nothing secret for strangers', async () => {
  const origin = 'https://lab.example';
  await using server = await testServer({
    streams: { cam },
    origins: [origin],
    token: 'all-of-it-please-0123456789',
    viewToken: 'only-watching-0123456789',
    webrtc: { iceServers: ['turn:anna:secret@127.0.0.1:9'] },
  });
  const preflight = await server.fetch('live/cam/whep', {
    method: 'OPTIONS',
    headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type,authorization' },
  });
  expect(preflight.ok).toBe(true);
  expect(preflight.headers.get('access-control-allow-origin')).toBe(origin);
  expect(preflight.headers.get('access-control-allow-methods')).toMatch(/POST.*PATCH.*DELETE/);
  expect([preflight.headers.get('accept-post'), preflight.headers.get('link')]).toEqual(['application/sdp', null]);
  const stranger = await server.fetch('live/cam/whep', { method: 'OPTIONS' });
  expect([stranger.status, stranger.headers.get('link')]).toEqual([401, null]);
  const viewer = { authorization: 'Bearer only-watching-0123456789' };
  const options = await server.fetch('live/cam/whep', { method: 'OPTIONS', headers: { ...viewer, origin } });
  expect([options.status, options.headers.get('accept-post')]).toEqual([200, 'application/sdp']);
  expect(readIceLinks(options.headers.get('link')!)).toEqual([{ urls: 'turn:127.0.0.1:9', username: 'anna', credential: 'secret' }]);
  const offer = await offerOf();
  using first = ownTime();
  const answered = await server.fetch('live/cam/whep', {
    method: 'POST',
    body: offer,
    headers: { ...viewer, origin, 'content-type': 'application/sdp' },
  });
  expect([answered.status, answered.headers.get('access-control-allow-origin')]).toEqual([201, origin]);
  expect(answered.headers.get('link')).toBe(options.headers.get('link'));
  expect(answered.headers.get('access-control-expose-headers')).toContain('link');
  // Nobody answers at that server's address: later viewers do not wait for it at all. A wait would be one of seconds.
  expect(first.ms()).toBeLessThan(8000);
  using second = ownTime();
  expect(
    (await server.fetch('live/cam/whep', { method: 'POST', body: offer, headers: { ...viewer, 'content-type': 'application/sdp' } }))
      .status,
  ).toBe(201);
  expect(second.ms()).toBeLessThan(1000);
  // Watching is allowed with that token, publishing is not.
  expect(
    (await server.fetch('live/cam/whip', { method: 'POST', body: offer, headers: { ...viewer, 'content-type': 'application/sdp' } }))
      .status,
  ).toBe(403);
}, 90_000);

it('WHIP: 409 with Retry-After while somebody else publishes exclusively', async () => {
  await using server = await testServer({});
  const offer = (await offerOf('VP8')).replaceAll('a=recvonly', 'a=sendonly');
  const whip = (query = '') => post(server, offer, 'application/sdp', `live/door/whip${query}`);
  const first = await whip();
  expect([first.status, first.headers.get('location')]).toEqual([201, expect.stringMatching(/^whip\//)]);
  const second = await whip('?exclusive=1');
  expect([second.status, second.headers.get('retry-after')]).toEqual([409, '2']);
  expect((await whip()).status).toBe(201);
  expect((await server.fetch(`live/door/${first.headers.get('location')}`, { method: 'DELETE' })).status).toBe(404);
}, 90_000);

it('behind a path prefix the session is found below it', async () => {
  await using server = await testServer({ streams: { cam }, basePath: '/lab/' });
  await using viewer = await whepClient(new URL('live/cam/whep', server.url).href);
  expect(new URL(viewer.location).pathname).toMatch(/^\/lab\/live\/cam\/whep\/[\w-]+$/);
  await expect.poll(() => viewer.pictures, { timeout: 20_000 }).toBeGreaterThan(5);
  expect((await fetch(viewer.location, { method: 'DELETE' })).status).toBe(200);
}, 90_000);

/** An offer of a viewer: sections as asked for, with no candidates. */
function soundOffer(...kinds: ('audio' | 'video')[]): string {
  const sections = kinds.map((kind, mid) => {
    const [type, map] = kind === 'audio' ? [111, '111 opus/48000/2'] : [96, '96 H264/90000'];
    const more = kind === 'video' ? 'a=fmtp:96 profile-level-id=42e01f;packetization-mode=1\n' : '';
    return `m=${kind} 9 UDP/TLS/RTP/SAVPF ${type}\nc=IN IP4 0.0.0.0\na=mid:${mid}\na=recvonly\na=rtcp-mux\na=rtpmap:${map}\n${more}`;
  });
  const head = `v=0\no=- 1 1 IN IP4 127.0.0.1\ns=-\nt=0 0\na=group:BUNDLE ${kinds.map((_, mid) => mid).join(' ')}\n`;
  const keys = `a=setup:actpass\na=ice-ufrag:4oZx\na=ice-pwd:c4mPqbBZ0FKbNLpSH0mNKU\na=fingerprint:sha-256 ${Array(32).fill('AB').join(':')}\n`;
  return `${head}${keys}${sections.join('')}`.replaceAll('\n', '\r\n');
}

it('sound: answered where the stream has some, also alone; inactive where it has none; encoded for nobody who did not ask', async () => {
  const small = { type: 'pattern', width: 64, height: 48, fps: 5 } as const;
  await using server = await testServer({ streams: { beat: { source: { ...small, audio: true } }, still: { source: small } } });
  const post = async (path: string, ...kinds: ('audio' | 'video')[]) => {
    const answer = await server.fetch(`live/${path}`, {
      method: 'POST',
      body: soundOffer(...kinds),
      headers: { 'content-type': 'application/sdp' },
    });
    const text = await answer.text();
    return answer.status === 201 ? readSdp(text)!.media.map(({ kind, direction }) => `${kind} ${direction}`) : answer.status;
  };
  expect(await post('still/whep', 'video', 'audio')).toEqual(['video sendonly', 'audio inactive']);
  expect(await post('still/whep', 'audio')).toBe(406);
  expect(await post('beat/whep?sound=0', 'audio', 'video')).toEqual(['audio sendonly', 'video sendonly']);
  const opus = async () =>
    (await server.json<StreamStats>('api/streams/beat/stats')).audio?.renditions.find(({ codec }) => codec === 'opus')?.readers ?? 0;
  expect(await opus()).toBe(0);
  expect(await post('beat/whep', 'audio')).toEqual(['audio sendonly']);
  await expect.poll(opus, { timeout: 20_000 }).toBe(1);
});
