// Sound from the source to its packets: media time is capture time, to the sample, and every block has a fate.
import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import type { StreamStats } from '../src/api/schema.ts';
import type { Packet } from '../src/core/packet.ts';
import { testServer } from './server.ts';
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

/** Position of the first sample that is loud after 50 ms of quiet. */
function onset(samples: Float32Array, from = 0): number {
  let quiet = 0;
  for (let i = from; i < samples.length; i++) {
    if (Math.abs(samples[i]!) < 0.1) quiet++;
    else if (quiet > 2400) return i;
    else quiet = 0;
  }
  return -1;
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
  const samples = decode(adts(sound));
  // The first packets hear nothing of what was before them.
  const at = sound[0]!.pts / 90_000 + onset(samples, 4096) / 48_000;
  expect(Math.abs(at - Math.round(at))).toBeLessThan(0.001);
  const { audio } = await server.json<StreamStats>('/api/streams/cam/stats');
  expect(audio).toMatchObject({ rate: 48_000, channels: 2, layout: 'stereo', refused: {}, dropped: {} });
  expect(audio!.captured).toBe(audio!.published);
  for (const one of audio!.renditions) expect(one.offered).toBe(one.dropped + one.encoded + one.failed + one.inFlight);
  expect(audio!.renditions.map(({ codec, encoded }) => [codec, encoded > 100])).toEqual([
    ['aac', true],
    ['opus', true],
  ]);
});
