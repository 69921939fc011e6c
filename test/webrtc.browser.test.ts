// WebRTC in a real Chromium: identities, the death of the WebRTC process, and the HTTP side of WHEP.
import { expect, it } from 'vitest';
import type { SluicePlayer } from '../src/player/element.ts';
import { readShown, waitForPicture } from './barcode-probe.ts';
import { launchChromium } from './chromium.ts';
import { type TestServer, testServer } from './server.ts';

const cam = { source: { type: 'pattern', width: 640, height: 360, fps: 25 } } as const;

/** Process ids of the WebRTC processes below this test. */
async function webRtcProcesses(): Promise<number[]> {
  const { execFileSync } = await import('node:child_process');
  const rows = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,args='], { encoding: 'utf8' }).split('\n');
  return rows
    .map((row) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(row))
    .flatMap((match) => (match && Number(match[2]) === process.pid && /webrtc\/process-main/.test(match[3]!) ? [Number(match[1])] : []));
}

it('after kill -9 of the WebRTC process the picture is back, and other outputs never noticed', async () => {
  await using server = await testServer({ streams: { cam } });
  await using chromium = await launchChromium();
  const page = await chromium.page();
  await page.goto(`${server.url}embed/cam?transport=webrtc`);
  await waitForPicture(page);
  const other = await chromium.page();
  await other.goto(`${server.url}embed/cam?transport=jpeg`);
  await waitForPicture(other);
  const [pid] = await webRtcProcesses();
  expect(pid).toBeGreaterThan(0);
  const before = (await readShown(page)).named!.id;
  process.kill(pid!, 'SIGKILL');
  const killed = performance.now();
  await expect
    .poll(
      async () => {
        const { named, code } = await readShown(page);
        return named && code && code.frame - named.id < 3 && named.id > before + 25 * 1.6 ? named.id : 0;
      },
      { timeout: 30_000, interval: 50 },
    )
    .toBeGreaterThan(0);
  expect(performance.now() - killed).toBeLessThan(20_000);
  expect(await page.evaluate(() => (document.querySelector('sluice-player') as unknown as SluicePlayer).activeTransport)).toBe('webrtc');
  const [next] = await webRtcProcesses();
  expect(next).not.toBe(pid);
  const shown = await readShown(other);
  expect(shown.named!.id).toBeGreaterThan(before);
  await page.close();
  await other.close();
});

it('a page that goes away is gone at the server at once', async () => {
  await using server = await testServer({ streams: { cam } });
  await using chromium = await launchChromium();
  const page = await chromium.page();
  await page.goto(`${server.url}embed/cam?transport=webrtc`);
  await waitForPicture(page);
  const viewers = async () =>
    ((await server.json('api/streams/cam/stats')) as { outputs: Record<string, { viewers: number }> }).outputs.webrtc?.viewers;
  expect(await viewers()).toBe(1);
  await page.close({ runBeforeUnload: false });
  await expect.poll(viewers, { timeout: 10_000 }).toBe(0);
});

it('WHEP answers wrong requests with the reason', async () => {
  await using server = await testServer({ streams: { cam } });
  const post = (body: string, type = 'application/sdp', stream = 'cam') =>
    server.fetch(`live/${stream}/whep`, { method: 'POST', body, headers: { 'content-type': type } });
  expect((await post('v=0', 'text/plain')).status).toBe(415);
  expect((await post('no description')).status).toBe(400);
  expect((await post('v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n')).status).toBe(406);
  expect((await post('v=0', 'application/sdp', 'nobody')).status).toBe(404);
  const wrong = await server.fetch('live/cam/whep', { method: 'PUT' });
  expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'POST, OPTIONS']);
  expect((await server.fetch('live/cam/whep/unknown', { method: 'DELETE' })).status).toBe(404);
  const session = await openSession(server);
  const patch = (headers: Record<string, string>, type = 'application/trickle-ice-sdpfrag') =>
    fetch(session.location, {
      method: 'PATCH',
      body: 'a=mid:0\r\na=candidate:1 1 udp 1 127.0.0.1 9 typ host\r\n',
      headers: { 'content-type': type, ...headers },
    });
  expect((await patch({})).status).toBe(428);
  expect((await patch({ 'if-match': '"other"' })).status).toBe(412);
  expect((await patch({ 'if-match': '*' })).status).toBe(422);
  expect((await patch({ 'if-match': session.etag })).status).toBe(204);
  expect((await patch({ 'if-match': session.etag }, 'application/json')).status).toBe(415);
  expect((await fetch(session.location, { method: 'DELETE' })).status).toBe(200);
  expect((await fetch(session.location, { method: 'DELETE' })).status).toBe(404);
});

/** A session by a real offer of Chromium. */
async function openSession(server: TestServer): Promise<{ location: string; etag: string }> {
  await using chromium = await launchChromium();
  const page = await chromium.page();
  await page.goto(`${server.url}healthz`);
  return await page.evaluate(async (address) => {
    const peer = new RTCPeerConnection();
    peer.addTransceiver('video', { direction: 'recvonly' });
    await peer.setLocalDescription();
    const answer = await fetch(address, {
      method: 'POST',
      body: peer.localDescription!.sdp,
      headers: { 'content-type': 'application/sdp' },
    });
    if (answer.status !== 201) throw new Error(`${answer.status} ${await answer.text()}`);
    return { location: new URL(answer.headers.get('location')!, address).href, etag: answer.headers.get('etag')! };
  }, `${server.url}live/cam/whep`);
}
