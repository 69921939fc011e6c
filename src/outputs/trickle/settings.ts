// What a publication asks for, and which renditions that is: what viewers have already is not encoded again.
import { parseDuration, TICKS_PER_SECOND } from '../../core/time.ts';
import type { AudioSettings, RenditionSettings } from '../../encoders/encoder.ts';
import { DEFAULT_GOP_TICKS } from '../../pipeline/grid.ts';
import { mainSettings, parseSize } from '../../pipeline/renditions.ts';
import type { Stream } from '../../pipeline/stream.ts';

/** How a stream goes out over trickle. */
export interface PublicationSettings {
  /** bit/s; left out: as everybody gets it. */
  readonly bitrate?: number | undefined;
  /** Length of a segment, seconds or a string such as `2s`; default 2 s. */
  readonly gop?: number | string | undefined;
  /** Default Opus. */
  readonly audio?: 'opus' | 'aac' | 'none' | undefined;
  /** `WIDTHxHEIGHT`; left out: that of the stream. */
  readonly size?: string | undefined;
  /** Pictures that come later go out as large as the first one. */
  readonly hold?: boolean | undefined;
  /** As many pictures go out as come in, none twice; default: where the stream comes from a trickle channel. */
  readonly exact?: boolean | undefined;
}

/** Length of a segment, ticks. */
export function segmentTicks({ gop = 2 }: PublicationSettings): number {
  return (parseDuration(gop, 'publish.gop') * TICKS_PER_SECOND) / 1000;
}

/** Settings of the pictures. */
export function pictureSettings({ config }: Stream, settings: PublicationSettings): RenditionSettings {
  const main = mainSettings(config);
  const size = parseSize(settings.size);
  const seconds = segmentTicks(settings) / TICKS_PER_SECOND;
  const usual = main.gop ?? DEFAULT_GOP_TICKS / TICKS_PER_SECOND;
  const exact = settings.exact ?? config.source.type === 'trickle';
  return {
    ...main,
    bitrate: settings.bitrate ?? main.bitrate,
    width: size?.width ?? main.width,
    height: size?.height ?? main.height,
    gop: seconds < usual ? seconds : main.gop,
    ...(exact ? { repeats: false as const } : {}),
    ...(settings.hold ? { hold: true as const } : {}),
  };
}

/** Settings of the sound: those of WebRTC, or those of HLS; `null`: none is wanted. */
export function soundSettings({ audio = 'opus' }: PublicationSettings): AudioSettings | null {
  if (audio === 'none') return null;
  return { codec: audio, bitrate: null, channels: audio === 'opus' ? 2 : null };
}
