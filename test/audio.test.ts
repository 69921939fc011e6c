// Sound from the source to its packets: media time is capture time, to the sample, and every block has a fate.
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { StreamStats } from '../src/api/schema.ts';
import type { AudioFrame } from '../src/core/audio.ts';
import type { Packet } from '../src/core/packet.ts';
import { type Ticks, toMicros } from '../src/core/time.ts';
import { readSamples } from '../src/formats/fmp4-read.ts';
import { readPcm } from '../src/formats/wav.ts';
import { pushSound } from '../src/pipeline/audio/push-sound.ts';
import { type TestServer, testServer } from './server.ts';
import { hasTool } from './tools.ts';

const ffmpeg = hasTool('ffmpeg', ['-version']);

/** AAC packets with ADTS headers (ISO/IEC 14496-3 1.A.3): 48 kHz. */
function adts(packets: readonly Packet[]): Buffer {
  return Buffer.concat(
    packets.flatMap(({ data, track }) => {
      const length = data.length + 7;
      const channels = track.audio!.channels;
      const head = [0xff, 0xf1, (1 << 6) | (3 << 2) | (channels >> 2), ((channels & 3) << 6) | (length >> 11)];
      return [Buffer.from([...head, (length >> 3) & 0xff, ((length & 7) << 5) | 0x1f, 0xfc]), data];
    }),
  );
}

/** Samples of the first channel at 48 kHz. */
function decode(input: Buffer): Float32Array {
  const raw = execFileSync(
    'ffmpeg',
    ['-v', 'error', '-i', '-', '-map', '0:a', '-af', 'pan=mono|c0=c0', '-ar', '48000', '-f', 'f32le', '-'],
    {
      maxBuffer: 1 << 28,
      input,
    },
  );
  return new Float32Array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.length - (raw.length % 4)));
}

/** Positions of the samples that are loud after 50 ms of quiet. */
function onsets(samples: Float32Array): number[] {
  const found: number[] = [];
  let quiet = 0;
  for (const [i, sample] of samples.entries()) {
    if (Math.abs(sample) < 0.1) quiet++;
    else {
      if (quiet > 2400) found.push(i);
      quiet = 0;
    }
  }
  return found;
}

/** How far the best of the beeps is from a whole second, s. On a busy machine silence may have taken the place of the beginning of one. */
function offSecond(firstPts: number, samples: Float32Array): number {
  const times = onsets(samples).map((at) => firstPts / 90_000 + at / 48_000);
  return Math.min(...times.map((time) => Math.abs(time - Math.round(time))));
}

it.skipIf(!ffmpeg)('a beep lies on the whole second in the packets of AAC and Opus, and all blocks are accounted for', async () => {
  await using server = await testServer();
  const stream = await server.openStream('cam', {
    source: { type: 'pattern', width: 320, height: 180, fps: 10, audio: true },
  });
  using aac = stream.sound.main.subscribe('test', 1000, 'newest');
  using opus = stream.sound.opus.subscribe('test', 1000, 'newest');
  const take = async (queue: typeof aac.queue, seconds: number) => {
    const packets: Packet[] = [];
    for (let packet = await queue.take(); packet; packet = await queue.take()) {
      packets.push(packet);
      if (packet.pts - packets[0]!.pts > seconds * 90_000) return packets;
    }
    return packets;
  };
  const [sound, voice] = await Promise.all([take(aac.queue, 2.5), take(opus.queue, 2.5)]);
  for (const [i, packet] of sound.entries()) if (i) expect(packet.pts - sound[i - 1]!.pts).toBe(1920);
  for (const [i, packet] of voice.entries()) if (i) expect(packet.pts - voice[i - 1]!.pts).toBe(1800);
  expect(sound[0]!.track).toMatchObject({ codec: 'mp4a.40.2', audio: { rate: 48_000, channels: 2, frameSize: 1024 } });
  expect(voice[0]!.track).toMatchObject({ codec: 'opus', audio: { rate: 48_000, channels: 2, frameSize: 960 } });
  let off = offSecond(sound[0]!.pts, decode(adts(sound)));
  for (let i = 0; i < 8 && off >= 0.001; i++) {
    const next = await take(aac.queue, 2.5);
    off = offSecond(next[0]!.pts, decode(adts(next)));
  }
  expect(off).toBeLessThan(0.001);
  const { audio } = await server.json<StreamStats>('/api/streams/cam/stats');
  expect(audio).toMatchObject({ rate: 48_000, channels: 2, layout: 'stereo', refused: {}, dropped: {} });
  expect(audio!.captured).toBe(audio!.published);
  for (const one of audio!.renditions) expect(one.offered).toBe(one.dropped + one.encoded + one.failed + one.inFlight);
  // Blocks that a busy machine brings late are silence.
  expect(audio!.renditions.map(({ codec, encoded }) => [codec, encoded > 20])).toEqual([
    ['aac', true],
    ['opus', true],
  ]);
});

/** Mean brightness of a square of 20 pixels in the lower right corner of each picture. */
function corners(input: Uint8Array): Uint8Array {
  const filter = ['-vf', 'crop=20:20:iw-25:ih-25,scale=1:1', '-pix_fmt', 'gray', '-fps_mode', 'passthrough', '-f', 'rawvideo', '-'];
  return execFileSync('ffmpeg', ['-v', 'error', '-i', '-', ...filter], { input });
}

/** A track of HLS as its players get it: the init segment and whole segments behind each other, and where its samples lie. */
async function track(server: TestServer, name: 'video' | 'audio', segments: number) {
  const folder = `/live/cam/hls/${name}`;
  const load = async (path: string) => Buffer.from(await (await server.fetch(path)).arrayBuffer());
  const list = () => load(`${folder}/media.m3u8`).then(String);
  await expect.poll(async () => ((await list()).match(/^s\d+-/gm) ?? []).length, { timeout: 30_000 }).toBeGreaterThanOrEqual(segments);
  const text = await list();
  const files = [...text.matchAll(/^s\d+-\w+\.m4s/gm)].map(String);
  const init = await load(`${folder}/${/init-\w+\.mp4/.exec(text)}`);
  const media = Buffer.concat(await Promise.all(files.map((file) => load(`${folder}/${file}`))));
  return { text, bytes: Buffer.concat([init, media]), samples: readSamples(media), files };
}

it.skipIf(!ffmpeg)(
  'HLS has sound as a track of its own on the same grid; flash and beep lie on the same second',
  { timeout: 150_000 },
  async () => {
    await using server = await testServer();
    await server.openStream('cam', { source: { type: 'pattern', width: 320, height: 180, fps: 20, audio: true } });
    const index = await (await server.fetch('/live/cam/hls/index.m3u8?v=test')).text();
    expect(index).toMatch(/#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="sound",.*URI="audio\/media\.m3u8\?v=test"/);
    expect(index).toMatch(/CODECS="avc1\.[0-9a-f]{6},mp4a\.40\.2".*AUDIO="sound"/);
    const whole = (pts: number) => Math.abs(pts / 90_000 - Math.round(pts / 90_000));
    /** How far flash and beep of the segments, and the beep of a clip of them, are from a whole second: the best of each, s. */
    const look = async (segments: number) => {
      const [video, sound] = await Promise.all([track(server, 'video', segments), track(server, 'audio', segments)]);
      // Names are those of the 2 s grid for both.
      for (const { files, samples } of [video, sound]) expect(Number(/\d+/.exec(files[0]!))).toBe(Math.floor(samples[0]!.pts / 180_000));
      expect(video.text).toMatch(/#EXT-X-RENDITION-REPORT:URI="\.\.\/audio\/media\.m3u8",LAST-MSN=\d+,LAST-PART=\d+/);
      expect(sound.text).toMatch(/#EXT-X-PART:DURATION=0\.192000000/);
      for (const [i, { pts }] of sound.samples.entries()) if (i) expect(pts - sound.samples[i - 1]!.pts).toBe(1920);
      const levels = corners(video.bytes);
      const flashes = [...levels].flatMap((level, i) => (i && level > 128 && levels[i - 1]! < 128 ? [video.samples[i]!.pts] : []));
      // A clip has both, at the same place: it begins with the picture that was asked for, and the sound of that moment.
      const [start, end] = [video.samples[5]!.pts, video.samples.at(-1)!.pts].map((pts) => toMicros(pts as Ticks));
      const heard = decode(Buffer.from(await (await server.fetch(`/live/cam/clip.mp4?start=${start}&end=${end}`)).arrayBuffer()));
      expect(Math.abs(heard.length / 48_000 - (end! - start!) / 1e6)).toBeLessThan(0.1);
      return {
        flash: Math.min(...flashes.map(whole)),
        beep: offSecond(sound.samples[0]!.pts, decode(sound.bytes)),
        inClip: offSecond(video.samples[5]!.pts, heard),
      };
    };
    // A machine that stands still may lose the picture of the second, or the beginning of a beep: then there is another second.
    const below = (limit: number) => expect.toSatisfy((distance) => distance < limit);
    let segments = 2;
    await expect
      .poll(() => look(segments++), { timeout: 60_000 })
      .toEqual({ flash: below(0.0001), beep: below(0.001), inClip: below(0.001) });
  },
);

describe('processors', () => {
  it('change sound in their way; blocks keep id and time, and every one has a fate', { timeout: 30_000 }, async () => {
    await using server = await testServer();
    const use = fileURLToPath(new URL('./programs/quieter.ts', import.meta.url));
    const stream = await server.openStream('cam', {
      source: { type: 'pattern', width: 320, height: 180, fps: 10, audio: true },
      processors: [{ use }, { use: 'pass' }],
    });
    // What it was before they came to it can be heard beside it.
    const beside = await server.openStream('beside', { source: { type: 'stream', stream: 'cam', unprocessed: true } });
    using _beside = beside.demand();
    using unprocessed = beside.sound.hub.subscribe('test', 1000);
    using _awake = stream.demand();
    using heard = stream.sound.hub.subscribe('test', 1000);
    const captured = new Map<number, AudioFrame>();
    const loud: { id: number; change: number }[] = [];
    using before = stream.sound.captured.subscribe('test', 1000);
    const peak = ({ data }: AudioFrame) => Math.max(...data[0]!);
    while (!loud.some(({ change }) => change === 0.5)) {
      const block = (await heard.queue.take())!;
      for (let one = before.queue.poll(); one; one = before.queue.poll()) captured.set(one.id, one);
      const original = captured.get(block.id)!;
      expect(block.timestamp).toBe(original.timestamp);
      const change = peak(original) > 0.1 ? peak(block) / peak(original) : null;
      // Failed, or it came before the processor was ready: the original.
      if (change !== null) loud.push({ id: block.id, change });
      if (block.id > 800) break;
    }
    expect(loud.map(({ change }) => change)).toContain(0.5);
    let loudest = 0;
    while (loudest < 0.4) loudest = Math.max(loudest, peak((await unprocessed.queue.take())!));
    const { processors, audio } = await server.json<StreamStats>('/api/streams/cam/stats');
    const { offered, processed, passed, withheld, dropped, failed, inFlight } = processors[0]!.sound!;
    expect(offered).toBe(processed + passed + withheld + Object.values(dropped).reduce((sum, count) => sum + count, 0) + failed + inFlight);
    expect(processed).toBeGreaterThan(0);
    expect(processors[1]!.sound).toMatchObject({ processed: 0, failed: 0 });
    expect(audio!.captured).toBeGreaterThanOrEqual(audio!.heard);
  });
});

describe('pushed sound', () => {
  const tone = (rate: number, count: number) =>
    Int16Array.from({ length: count }, (_, i) => Math.round(10_000 * Math.sin((2 * Math.PI * 440 * i) / rate)));

  it('comes by POST as bare samples or WAV, and over the socket; its times are kept', { timeout: 30_000 }, async () => {
    await using server = await testServer();
    const post = (query: string, body: Uint8Array) =>
      server.fetch(`/api/streams/mic/audio?${query}`, { method: 'POST', body: Buffer.from(body), headers: { 'content-type': 'audio/x' } });
    const start = server.clock.now() - 1_000_000;
    const second = tone(16_000, 1600);
    const first = await post(`rate=16000&timestamp=${start}`, new Uint8Array(second.buffer));
    expect(first.status).toBe(202);
    expect(await first.json()).toEqual({ id: 1, timestamp: start });
    const early = await post(`rate=16000&timestamp=${start}`, new Uint8Array(second.buffer));
    expect(await early.json()).toMatchObject({ dropped: 'not-rising' });
    const odd = await post('rate=16000&channels=2', new Uint8Array(6));
    expect([odd.status, await odd.json()]).toMatchObject([400, { code: 'bad-frame', detail: expect.stringMatching(/multiple of 4/) }]);
    const wrong = await post('rate=1', new Uint8Array(6));
    expect(wrong.status).toBe(400);

    const ws = new WebSocket(new URL('/api/streams/mic/frames', server.url.replace('http', 'ws')));
    await once(ws, 'open');
    ws.send(JSON.stringify({ type: 'audio', rate: 16_000, format: 'f32', timestamp: start + 100_000 }));
    ws.send(new Float32Array(1600).fill(0.25));
    const [answer] = (await once(ws, 'message')) as [{ data: string }];
    expect(JSON.parse(answer.data)).toEqual({ type: 'ack', audio: true, id: 2, timestamp: start + 100_000 });
    ws.close();

    const stream = await server.openStream('mic', { source: { type: 'push' } });
    expect(stream.state).toBe('live');
    expect(stream.sound.hub.format).toEqual({ rate: 16_000, channels: 1, layout: 'mono', format: 'fltp' });
    // Sound alone is a stream of HLS too, resampled; nothing of it is before its time.
    const pushing = setInterval(
      () => pushSound(stream, readPcm(new Uint8Array(tone(16_000, 1600).buffer), 's16', 16_000, 1), undefined, stream.clock.now()),
      100,
    );
    try {
      const index = await (await server.fetch('/live/mic/hls/index.m3u8')).text();
      expect(index).toMatch(/#EXT-X-STREAM-INF:BANDWIDTH=\d+,AVERAGE-BANDWIDTH=\d+,CODECS="mp4a\.40\.2"\naudio\/media\.m3u8\?v=/);
      expect(index).not.toMatch(/video/);
      await expect
        .poll(async () => (await server.fetch('/live/mic/hls/audio/media.m3u8')).text(), { timeout: 10_000 })
        .toMatch(/#EXT-X-PART:/);
    } finally {
      clearInterval(pushing);
    }
  });
});

it.skipIf(!ffmpeg)(
  'an MP4 recording has the sound at its place, and sounds when it is played again; how loud it is are metrics',
  {
    timeout: 180_000,
  },
  async () => {
    await using server = await testServer();
    const source = { type: 'pattern', width: 320, height: 180, fps: 20, audio: true } as const;
    const stream = await server.openStream('cam', { source });
    using _awake = stream.demand();
    await expect.poll(() => stream.sound.hub.format !== null && stream.lastFrame !== null, { timeout: 10_000 }).toBe(true);
    const record = async () => {
      const begun = await server.fetch('/api/streams/cam/recordings', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ format: 'mp4', duration: 1.6 }),
      });
      const { id } = (await begun.json()) as { id: string };
      const state = () => server.json<{ state: string }>(`/api/streams/cam/recordings/${id}`);
      await expect.poll(state, { timeout: 20_000 }).toMatchObject({ state: 'finished' });
      const file = Buffer.from(await (await server.fetch(`/api/streams/cam/recordings/${id}/file`)).arrayBuffer());
      const levels = corners(file);
      const sizes = readSamples(file);
      const samples = decode(file);
      expect(samples.length / 48_000).toBeGreaterThan(1.4);
      // Times in the file begin with the first picture; both tracks tell of the same second.
      const pictures = sizes.filter(({ duration }) => duration !== 1920);
      const flashes = [...levels].flatMap((level, i) => (i > 0 && level > 128 && levels[i - 1]! < 128 ? [pictures[i]!.pts / 90_000] : []));
      const sound = sizes.find(({ duration }) => duration === 1920)!;
      const beeps = onsets(samples).map((at) => sound.pts / 90_000 + at / 48_000);
      return { id, apart: Math.min(...flashes.flatMap((flash) => beeps.map((beep) => Math.abs(beep - flash)))) };
    };
    let { id, apart } = await record();
    // The one flash or beep of a recording may be lost to a machine that stands still.
    for (let i = 0; i < 6 && apart >= 0.002; i++) ({ id, apart } = await record());
    expect(apart).toBeLessThan(0.002);

    const again = await server.openStream('again', { source: { type: 'recording', recording: id } });
    using _played = again.demand();
    using blocks = again.sound.hub.subscribe('test', 1000);
    const first = (await blocks.queue.take())!;
    expect(first).toMatchObject({ rate: 48_000, channels: 2 });
    expect(Math.abs(first.timestamp - again.lastFrame!.timestamp)).toBeLessThan(3_000_000);
    const { series } = await server.json<{ series: { name: string; values: unknown[] }[] }>(
      `/api/streams/cam/metrics?names=audio.peak.left&start=${server.clock.now() - 5_000_000}&end=${server.clock.now()}&step=0`,
    );
    expect(series.map(({ name }) => name)).toContain('audio.peak.left');
  },
);
