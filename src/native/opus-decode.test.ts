import { expect, it } from 'vitest';
import { opusSamples } from '../formats/opus.ts';
import { AudioEncoder } from './ffmpeg-audio.ts';
import { OpusDecoder } from './opus-decode.ts';

it.each([1, 2] as const)('sound in %i channels comes back, at the time that its packets say', async (channels) => {
  using encoder = await AudioEncoder.open({ codec: 'opus', channels, bitrate: 64_000 * channels });
  using decoder = await OpusDecoder.open(channels);
  // A click in the sixth packet, in the first channel.
  const click = 5 * 960 + 100;
  const heard = new Float32Array(960 * 20);
  let first: number | null = null;
  for (let i = 0; i < 20; i++) {
    const plane = Float32Array.from({ length: 960 }, (_, k) => (Math.abs(i * 960 + k - click) < 24 ? 0.9 : 0));
    const planes = Array.from({ length: channels }, (_, channel) => (channel ? new Float32Array(960) : plane));
    for (const { data, pts } of encoder.encode(planes, BigInt(i * 960))) {
      first ??= Number(pts);
      const samples = decoder.decode(data)!;
      expect(samples.length).toBe(opusSamples(data) * channels);
      for (let k = 0; k < 960; k++) {
        const at = Number(pts) + k;
        if (at >= 0) heard[at] = samples[k * channels]! / 32_768;
      }
    }
  }
  const loudest = heard.reduce((best, value, at) => (Math.abs(value) > Math.abs(heard[best]!) ? at : best), 0);
  expect(first).toBeLessThanOrEqual(0);
  expect(Math.abs(loudest - click)).toBeLessThan(96);
});

it('bytes that are no packet give nothing', async () => {
  using decoder = await OpusDecoder.open(2);
  expect(decoder.decode(Uint8Array.of((31 << 3) | 3))).toBeNull();
  expect(decoder.decode(new Uint8Array())).toBeNull();
});
