// Streams as trickle channels, of this server while somebody reads them and of another one as the configuration says: what comes out is
// judged segment by segment by FFmpeg, and by the identities and barcodes in it.
import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { StreamConfigInput, StreamInfo, StreamStats } from '../src/api/schema.ts';
import { toTicks } from '../src/core/time.ts';
import { readBarcode } from '../src/formats/barcode.ts';
import { readIdentitySei, splitAnnexB } from '../src/formats/h264.ts';
import type { Identity } from '../src/formats/identity.ts';
import { TS_WRAP } from '../src/formats/mpegts.ts';
import { TsDemuxer } from '../src/formats/mpegts-demux.ts';
import { TrickleServer } from '../src/trickle/server.ts';
import { TrickleSubscriber } from '../src/trickle/subscriber.ts';
import { type TestServer, testServer } from './server.ts';
import { hasTool } from './tools.ts';

const WIDTH = 320;
const HEIGHT = 192;
const CAM: StreamConfigInput = { source: { type: 'pattern', width: WIDTH, height: HEIGHT, fps: 30, audio: true }, linger: '500ms' };
const SOON = { timeout: 20_000 };

let server: TestServer;
let far: TrickleServer;

beforeAll(async () => {
  far = await TrickleServer.start({ autocreate: true });
  server = await testServer();
  await Promise.all(['cam', 'left', 'idle'].map((name) => put(name, CAM)));
});

afterAll(async () => {
  await server?.close();
  await far?.close();
});

async function put(name: string, config: StreamConfigInput): Promise<StreamInfo> {
  const body = JSON.stringify(config);
  const answer = await server.fetch(`api/streams/${name}`, { method: 'PUT', body, headers: { 'content-type': 'application/json' } });
  expect(answer.status, await answer.clone().text()).toBeLessThan(300);
  return (await answer.json()) as StreamInfo;
}

const infoOf = (name: string) => server.json<StreamInfo>(`api/streams/${name}`);
const encoders = async (name: string) =>
  (await server.json<StreamStats>(`api/streams/${name}/stats`)).renditions.filter(({ running }) => running).map(({ readers }) => readers);

/** Whole segments as they come, until so many are there or the channel ends. */
async function* segmentsOf(subscriber: TrickleSubscriber): AsyncGenerator<Buffer, void, void> {
  for (let reader = await subscriber.next(); reader; reader = await subscriber.next()) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of reader) chunks.push(chunk);
    yield Buffer.concat(chunks);
  }
}

interface Picture extends Identity {
  readonly ticks: number;
  readonly key: boolean;
}

function unitsOf(segment: Buffer): { pictures: Picture[]; sounds: number[] } {
  const demuxer = new TsDemuxer();
  const pictures: Picture[] = [];
  const sounds: number[] = [];
  for (const { track, pts, key, data } of [...demuxer.push(segment), ...demuxer.flush()]) {
    if (track.kind === 'audio') {
      sounds.push(pts);
      continue;
    }
    const identity = splitAnnexB(data).reduce<Identity | null>((found, nal) => found ?? readIdentitySei(nal), null);
    expect(identity).not.toBeNull();
    pictures.push({ ...identity!, ticks: pts, key });
  }
  return { pictures, sounds };
}

/** Decodes a segment alone; the barcodes of its pictures. */
function barcodes(segment: Buffer): (number | undefined)[] {
  const args = [
    '-v',
    'error',
    '-i',
    '-',
    '-map',
    '0:v',
    '-fps_mode',
    'passthrough',
    '-enc_time_base',
    '1:90000',
    '-f',
    'rawvideo',
    '-pix_fmt',
    'gray',
    '-',
  ];
  const { stdout, stderr } = spawnSync('ffmpeg', args, { input: segment, maxBuffer: 2 ** 28 });
  expect(stderr.toString()).toBe('');
  const size = WIDTH * HEIGHT;
  return Array.from({ length: stdout.length / size }, (_, i) => readBarcode(stdout.subarray(i * size, (i + 1) * size), WIDTH)?.frame);
}

describe.runIf(hasTool('ffmpeg'))('a stream read at /trickle/', () => {
  test('is encoded once while somebody reads it; each segment stands alone, with the times and ids of its pictures', async () => {
    const url = `${server.url}trickle/cam`;
    const readers = [new TrickleSubscriber(url, { start: -2 }), new TrickleSubscriber(url, { start: -2 })];
    // A stream that comes from that channel, and is read at its own.
    await put('again', { source: { type: 'trickle', url: 'cam' }, linger: '500ms' });
    const through = segmentsOf(new TrickleSubscriber(`${server.url}trickle/again`, { start: -2 }));
    const passed = through.next();
    // One that leaves again.
    const left = new TrickleSubscriber(`${server.url}trickle/left`, { start: -2 });
    expect(await left.next()).not.toBeNull();
    expect((await infoOf('left')).trickle?.outs).toMatchObject([{ channel: 'left', own: true, readers: expect.any(Number) }]);
    await left.close();

    const both = readers.map((reader) => segmentsOf(reader));
    const [first, again] = await Promise.all(both.map((segments) => segments.next()));
    const second = await both[0]!.next();
    expect(Buffer.compare(first!.value!, again!.value!)).toBe(0);
    expect(await encoders('cam')).toEqual([1]);
    expect((await infoOf('cam')).trickle?.outs[0]?.readers).toBeGreaterThan(0);
    expect((await infoOf('cam')).trickle).toMatchObject({ in: null, outs: [{ channel: 'cam', own: true, state: 'live', error: null }] });

    let before = 0;
    const ticksOf = new Map<number, number>();
    for (const segment of [first!.value!, second.value!]) {
      expect(segment[0]).toBe(0x47);
      const { pictures, sounds } = unitsOf(segment);
      expect(pictures[0]!.key).toBe(true);
      for (const { id, timestamp, ticks, pts, repeat } of pictures) {
        expect(ticks).toBe(pts % TS_WRAP);
        if (!repeat && pts > before + 1) expect(pts).toBe(toTicks(timestamp));
        expect(pts).toBeGreaterThan(before);
        if (!repeat) ticksOf.set(timestamp, ticks);
        before = pts;
        expect(id).toBeGreaterThan(0);
      }
      // A machine under load may give the encoder its pictures late; what it shows in their place is marked.
      const last = pictures.at(-1)!.ticks;
      expect(last - pictures[0]!.ticks).toBeLessThan(3 * 90_000);
      expect(sounds.every((time, i) => i === 0 || time - sounds[i - 1]! === 1800)).toBe(true);
      // On one clock: pictures do not wait for sound, which a busy machine encodes later by a second and more.
      if (segment === second.value) expect(Math.abs(sounds.at(-1)! - last)).toBeLessThan(3 * 90_000);
      expect(barcodes(segment)).toEqual(pictures.map(({ id }) => id % 2 ** 32));
    }

    const out = unitsOf((await passed).value!).pictures.filter(({ timestamp }) => ticksOf.has(timestamp));
    expect(out.length).toBeGreaterThan(5);
    for (const { timestamp, ticks } of out) expect(ticks).toBe(ticksOf.get(timestamp));
    expect((await infoOf('again')).trickle).toMatchObject({
      in: { channel: 'cam', own: true, state: 'live' },
      outs: [{ channel: 'again' }],
    });

    const { offered, sent, skipped, inFlight } = (await server.json<StreamStats>('api/streams/cam/stats')).outputs.trickle!;
    expect(sent).toBeGreaterThan(20);
    expect(offered).toBe(sent + inFlight + Object.values(skipped).reduce((sum, count) => sum + count, 0));

    const refused = await server.fetch('trickle/cam/0', { method: 'POST', body: 'x' });
    expect([refused.status, await refused.text()]).toEqual([409, expect.stringContaining('written by the stream cam')]);

    // The end of the stream is the end of the channel.
    const removed = performance.now();
    await server.fetch('api/streams/cam', { method: 'DELETE' });
    await Promise.all(
      both.map(async (segments) => {
        for await (const segment of segments) expect(segment.length % 188).toBe(0);
      }),
    );
    expect(readers.map(({ reason }) => reason)).toEqual(['ended', 'ended']);
    expect(performance.now() - removed).toBeLessThan(10_000);

    await expect.poll(async () => (await infoOf('left')).trickle, SOON).toBeUndefined();
    await expect.poll(() => encoders('left'), SOON).toEqual([]);
    expect(await encoders('idle')).toEqual([]);
    expect((await infoOf('idle')).state).toBe('asleep');
    expect((await server.fetch('trickle/nobody/-1')).status).toBe(404);
  });
});

describe('publish', () => {
  test('sends a stream to other servers, each by itself: again after a failure, on in the same channel with other settings, to its end', async () => {
    const url = `${far.url}sent`;
    const nowhere = { url: 'http://127.0.0.1:9/nowhere', token: 'secret-token' };
    const made = await put('sent', { ...CAM, publish: [{ url, gop: '500ms', audio: 'aac' }, nowhere] });
    expect(made.config.publish[1]!.token).toBe('***');
    await expect.poll(() => far.channels.get('sent')?.latest ?? 0, SOON).toBeGreaterThan(0);

    const reader = new TrickleSubscriber(url, { start: -2 });
    const segments = segmentsOf(reader);
    const { pictures, sounds } = unitsOf((await segments.next()).value!);
    expect(pictures[0]!.key).toBe(true);
    expect(pictures.at(-1)!.ticks - pictures[0]!.ticks).toBeLessThan(90_000);
    for (let segment = await segments.next(); !sounds.length; segment = await segments.next())
      sounds.push(...unitsOf(segment.value!).sounds);
    await expect
      .poll(async () => (await infoOf('sent')).trickle?.outs, SOON)
      .toMatchObject([
        { channel: url, own: false, state: 'live', reconnects: 0, error: null },
        { channel: nowhere.url, state: 'waiting', error: 'nothing answers at this address (ECONNREFUSED)' },
      ]);

    // Other settings: its readers see no end. What is shown comes back as it is meant.
    const channel = far.channels.get('sent')!;
    const changed = await put('sent', { ...made.config, publish: [{ url, gop: '500ms', size: '160x96' }, made.config.publish[1]!] });
    expect(server.streams.registry.get('sent').config.publish[1]!.token).toBe('secret-token');
    for (let small = false; !small; ) {
      const next = await segments.next();
      expect(next.done).toBe(false);
      small = sizeOf(next.value!) === '160x96';
    }
    expect(far.channels.get('sent')).toBe(channel);

    // The channel goes away: it is made anew.
    far.channels.delete('sent');
    await expect.poll(() => far.channels.get('sent')?.latest ?? 0, SOON).toBeGreaterThan(0);
    await expect.poll(async () => (await infoOf('sent')).trickle?.outs[0], SOON).toMatchObject({ state: 'live', reconnects: 1 });

    // No longer asked for: the channel ends, the stream goes on.
    await put('sent', { ...changed.config, publish: [] });
    await expect.poll(() => far.channels.get('sent'), SOON).toBeUndefined();
    await expect.poll(async () => (await infoOf('sent')).state, SOON).toBe('asleep');
    expect((await infoOf('sent')).trickle).toBeUndefined();
    await reader.close();
  });

  test('refuses what is no channel by the name of the key', async () => {
    for (const [publish, field] of [
      [[{ url: 'rtmp://host/x' }], 'publish.0.url'],
      [[{ url: 'http://host/' }], 'publish.0.url'],
      [[{ url: 'http://host/x', gop: '1h' }], 'publish.0.gop'],
      [[{ url: 'http://host/x', audio: 'mp3' }], 'publish.0.audio'],
    ] as const) {
      const answer = await server.fetch('api/streams/wrong', {
        method: 'PUT',
        body: JSON.stringify({ ...CAM, publish }),
        headers: { 'content-type': 'application/json' },
      });
      expect(answer.status).toBe(400);
      expect(await answer.json()).toMatchObject({ field, detail: expect.stringContaining(field) });
    }
  });
});

/** Size of the pictures in a segment, by their parameter sets. */
function sizeOf(segment: Buffer): string {
  const args = ['-v', 'error', '-select_streams', 'v', '-show_entries', 'stream=width,height', '-of', 'csv=s=x:p=0', '-'];
  return spawnSync('ffprobe', args, { input: segment }).stdout.toString().trim().split('\n')[0]!;
}
