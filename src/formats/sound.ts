// Samples of sound as numbers: from either format to planes of floats, and from many channels to few. Pure.
import type { AudioFrame } from '../core/audio.ts';

/** One array of floats, -1 to 1, for each channel. Of `fltp` those of the block itself. */
export function toPlanes({
  format,
  data,
  channels,
  samples,
}: Pick<AudioFrame, 'format' | 'data' | 'channels' | 'samples'>): Float32Array[] {
  if (format === 'fltp') return data as Float32Array[];
  const all = data[0] as Int16Array;
  return Array.from({ length: channels }, (_, channel) => {
    const plane = new Float32Array(samples);
    for (let i = 0; i < samples; i++) plane[i] = all[i * channels + channel]! / 32_768;
    return plane;
  });
}

/** Share of a further channel of a surround layout that goes to both sides: -3 dB. */
const SIDE = Math.SQRT1_2;

/** One or two channels: what is to the left goes to the left, the centre to both, the effects channel to none (ITU-R BS.775). */
export function mixTo(planes: readonly Float32Array[], channels: 1 | 2): Float32Array[] {
  if (planes.length === channels) return [...planes];
  if (planes.length === 1) return [planes[0]!, planes[0]!];
  const two = planes.length === 2 ? [...planes] : surround(planes);
  if (channels === 2) return two;
  const [left, right] = two as [Float32Array, Float32Array];
  return [left.map((value, i) => (value + right[i]!) / 2)];
}

function surround(planes: readonly Float32Array[]): Float32Array[] {
  // Left, right, centre, effects, then pairs of left and right.
  const mix = (side: 0 | 1) => {
    const parts = [{ plane: planes[side]!, share: 1 }];
    if (planes[2]) parts.push({ plane: planes[2], share: SIDE });
    for (let i = 4 + side; i < planes.length; i += 2) parts.push({ plane: planes[i]!, share: SIDE });
    const total = parts.reduce((sum, { share }) => sum + share, 0);
    return planes[0]!.map((_, i) => parts.reduce((sum, { plane, share }) => sum + plane[i]! * share, 0) / total);
  };
  return [mix(0), mix(1)];
}
