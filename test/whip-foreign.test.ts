// Publishers that are no browser: aiortc with pictures and sound, and an offer of the shape that OBS sends.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import type { StreamInfo, StreamStats } from '../src/api/schema.ts';
import { readSdp } from '../src/formats/sdp.ts';
import { missingTool, pythonWith } from './python.ts';
import { testServer } from './server.ts';

const python = pythonWith('aiortc');
if (!python) missingTool('aiortc (Debian package python3-aiortc)');

const SCRIPT = fileURLToPath(new URL('whip-publish.py', import.meta.url));

for (const [codec, sizes] of [
  ['H264', ['640x360', '320x240']],
  ['VP8', ['322x242']],
] as const) {
  it.runIf(python)(`aiortc publishes ${codec}: each picture becomes one frame, of its size`, { timeout: 120_000 }, async () => {
    await using server = await testServer({});
    const count = 50;
    const run = await promisify(execFile)(python!, [SCRIPT, `${server.url}live/cam/whip`, codec, String(count), ...sizes]);
    expect(run.stdout.trim()).toBe(String(count));
    const info = await server.json<StreamInfo>('api/streams/cam');
    expect(`${info.width}x${info.height}`).toBe(sizes.at(-1));
    const { ledger, audio } = await server.json<StreamStats>('api/streams/cam/stats');
    // Silence, in packets of 20 ms.
    expect(audio).toMatchObject({ rate: 48_000, refused: {}, dropped: {} });
    expect(audio!.samples).toBeGreaterThan(48_000);
    expect(ledger).toMatchObject({ captured: count, published: count, refused: {}, dropped: {} });
    expect(info.lastFrame!.id).toBe(count);
    // Its program left: another one may come without being told that somebody is there.
    expect((await server.fetch('live/cam/whip?exclusive=1', { method: 'POST', body: OBS, headers: HEADERS })).status).toBe(201);
  });
}

const HEADERS = { 'content-type': 'application/sdp', authorization: 'Bearer any' };

/** As libdatachannel writes it for OBS 30: sound first, one codec each, no candidates; attributes of the session above all sections. */
const OBS = `v=0
o=rtc 3767197920 0 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1
a=group:LS 0 1
a=msid-semantic:WMS *
a=setup:actpass
a=ice-ufrag:4oZx
a=ice-pwd:c4mPqbBZ0FKbNLpSH0mNKU
a=ice-options:ice2,trickle
a=fingerprint:sha-256 ${Array(32).fill('AB').join(':')}
m=audio 9 UDP/TLS/RTP/SAVPF 111
c=IN IP4 0.0.0.0
a=mid:0
a=sendonly
a=ssrc:1002 cname:sluice
a=ssrc:1002 msid:obs obs-audio
a=msid:obs obs-audio
a=rtcp-mux
a=rtpmap:111 opus/48000/2
a=fmtp:111 minptime=10;maxaveragebitrate=96000;stereo=1;sprop-stereo=1;useinbandfec=1
m=video 9 UDP/TLS/RTP/SAVPF 96
c=IN IP4 0.0.0.0
a=mid:1
a=sendonly
a=ssrc:1003 cname:sluice
a=ssrc:1003 msid:obs obs-video
a=msid:obs obs-video
a=rtcp-mux
a=rtpmap:96 H264/90000
a=rtcp-fb:96 nack
a=rtcp-fb:96 nack pli
a=rtcp-fb:96 goog-remb
a=fmtp:96 profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1
`.replaceAll('\n', '\r\n');

it('an offer of OBS: pictures and sound are taken, all candidates are in the answer', async () => {
  await using server = await testServer({});
  const answer = await server.fetch('live/cam/whip', { method: 'POST', body: OBS, headers: HEADERS });
  expect(answer.status).toBe(201);
  expect(answer.headers.get('content-type')).toBe('application/sdp');
  expect(answer.headers.get('location')).toMatch(/^whip\/\w/);
  const text = await answer.text();
  const sdp = readSdp(text)!;
  expect(sdp.media.map(({ kind, mid, direction, rejected }) => [kind, mid, direction, rejected])).toEqual([
    ['audio', '0', 'recvonly', false],
    ['video', '1', 'recvonly', false],
  ]);
  expect(sdp.media[0]!.codecs).toMatchObject([{ payloadType: 111, name: 'opus', clockRate: 48_000 }]);
  expect(sdp.media[1]!.codecs).toMatchObject([{ payloadType: 96, name: 'H264', feedback: ['nack', 'nack pli', 'goog-remb'] }]);
  expect(text).toMatch(/^a=candidate:.* 127\.0\.0\.1 /m);
  const session = new URL(answer.headers.get('location')!, `${server.url}live/cam/whip`);
  expect((await fetch(session, { method: 'DELETE' })).status).toBe(200);
  expect((await fetch(session, { method: 'DELETE' })).status).toBe(404);
});

it('a second publisher is refused if it asks to be alone, else it takes over', async () => {
  await using server = await testServer({});
  const post = (query: string) => server.fetch(`live/cam/whip${query}`, { method: 'POST', body: OBS, headers: HEADERS });
  const first = await post('');
  expect(first.status).toBe(201);
  const refused = await post('?exclusive=1');
  expect(refused.status).toBe(409);
  expect(await refused.json()).toMatchObject({ code: 'publisher-busy', detail: expect.stringContaining('WebRTC publisher at 127.0.0.1') });
  expect((await post('')).status).toBe(201);
  // The session of the first one is over.
  const session = new URL(first.headers.get('location')!, `${server.url}live/cam/whip`);
  expect((await fetch(session, { method: 'DELETE' })).status).toBe(404);
});
