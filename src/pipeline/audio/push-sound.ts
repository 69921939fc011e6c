// Sound that programs push: any length, cut into blocks.
import type { Micros } from '../../core/time.ts';
import type { PcmSound } from '../../formats/wav.ts';
import type { Stream } from '../stream.ts';
import type { SoundReceipt } from './sound.ts';

/** Longer sound is cut into blocks of this length, s: processors and encoders get it piece by piece. */
const BLOCK_S = 1;

/**
 * Takes sound into a stream. Without a time it ends now. The receipt is that of its first block, or of the first that was dropped.
 * @param arrival when it came, µs
 */
export function pushSound(stream: Stream, sound: PcmSound, timestamp: Micros | undefined, arrival: Micros): SoundReceipt {
  const { rate, channels, format, samples, data } = sound;
  const start = timestamp ?? ((arrival - Math.round((samples * 1e6) / rate)) as Micros);
  const length = rate * BLOCK_S;
  let first: SoundReceipt | null = null;
  for (let at = 0; at < samples; at += length) {
    const count = Math.min(length, samples - at);
    const per = format === 's16' ? channels : 1;
    const block = {
      timestamp: (start + Math.round((at * 1e6) / rate)) as Micros,
      rate,
      channels,
      samples: count,
      format,
      data: data.map((plane) => plane.slice(at * per, (at + count) * per)),
    };
    const receipt = stream.takeSound(block);
    if (receipt.dropped !== undefined) return receipt;
    first ??= receipt;
  }
  return first!;
}
