// The table of encoders. A new encoder is one file, one row here and one case of RenditionSettings.
import type { CodecName, EncoderSession, RenditionSettings } from './encoder.ts';

export interface EncoderRow {
  /** Frames that may wait for it. */
  readonly depth: number;
  /** Packets depend on one another: key frames on the 2 s grid, repeats of the last picture, no skipping of single packets. */
  readonly interCoded: boolean;
  /** Where its packets say which frame they show: the SEI of H.264, the APP9 segment of JPEG, or `own`: the encoder has written it, or there is no room for it. */
  readonly identity: 'sei' | 'app9' | 'own';
  /** Loaded in media workers only. */
  readonly load: () => Promise<{ openEncoder: (settings: never) => Promise<EncoderSession> }>;
}

export const ENCODERS: Record<CodecName, EncoderRow> = {
  h264: { depth: 12, interCoded: true, identity: 'sei', load: () => import('./h264.ts') },
  vp8: { depth: 12, interCoded: true, identity: 'own', load: () => import('./vp8.ts') },
  jpeg: { depth: 2, interCoded: false, identity: 'app9', load: () => import('./jpeg.ts') },
  // Programs want every frame: as long a wait as the ring allows.
  raw: { depth: 12, interCoded: false, identity: 'own', load: () => import('./raw.ts') },
  lossless: { depth: 2, interCoded: false, identity: 'own', load: () => import('./lossless.ts') },
  uc2f: { depth: 2, interCoded: false, identity: 'own', load: () => import('./uc2f.ts') },
};

/** Opens the encoder of some settings. */
export async function openEncoder(settings: RenditionSettings): Promise<EncoderSession> {
  const module = await ENCODERS[settings.codec].load();
  return await module.openEncoder(settings as never);
}
