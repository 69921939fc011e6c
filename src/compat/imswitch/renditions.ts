// From ImSwitch's params to the rendition that serves them.
import type { Stream } from '../../pipeline/stream.ts';
import type { ImswitchProtocol } from './names.ts';
import type { StreamParams } from './params.ts';

type RenditionSettings = Parameters<Stream['rendition']>[0];

/** JPEG below this is refused by the encoder. */
const LEAST_QUALITY = 5;
/** Of Zstd: higher ones need more memory than they save. */
const MOST_LEVEL = 19;

/** Rendition of single pictures. What changes nothing is left out, so that other viewers of the same pictures share it. */
export function renditionOf(protocol: Exclude<ImswitchProtocol, 'webrtc'>, params: StreamParams): RenditionSettings {
  const { crop_size, subsampling_factor: step, throttle_ms, jpeg_quality, compression_algorithm, compression_level: level } = params;
  const crop = crop_size || null;
  const fps = throttle_ms ? 1000 / throttle_ms : null;
  if (protocol !== 'binary') {
    const part = { ...(crop === null ? {} : { crop }), ...(step === 1 ? {} : { step }) };
    return { codec: 'jpeg', quality: Math.max(LEAST_QUALITY, jpeg_quality), width: null, fps, ...part };
  }
  const compression = compression_algorithm === 'zstandard' ? 'zstd' : compression_algorithm;
  return { codec: 'uc2f', compression, level: compression === 'zstd' && level > 1 ? Math.min(MOST_LEVEL, level) : null, crop, step, fps };
}
