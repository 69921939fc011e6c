// One encoded picture and the description of the track it belongs to.
import type { Queueable } from './queue.ts';
import type { Micros, Ticks } from './time.ts';

/** What a decoder must know before the first packet. A new object (other `version`) means: init segment, discontinuity, key frame. */
export interface TrackInfo {
  /** RFC 6381 codec string (`avc1.42c01f`), or `jpeg`. */
  readonly codec: string;
  readonly width: number;
  readonly height: number;
  /** AVCDecoderConfigurationRecord (ISO/IEC 14496-15 5.3.3.1) for H.264, else empty. */
  readonly description: Uint8Array;
  /** Rises with each encoder start and each change of size. */
  readonly version: number;
  /** Bits per second that the encoder aims at; 0 where there is no such aim. */
  readonly bitrate: number;
}

/** One encoded picture. `data` is immutable and shared by all readers. */
export interface Packet extends Queueable {
  readonly track: TrackInfo;
  /** Id of the frame that it shows. */
  readonly id: number;
  /** Capture time of that frame. */
  readonly timestamp: Micros;
  /** Media time: of the frame, or of the moment for a repeat. Rises strictly within a rendition. */
  readonly pts: Ticks;
  readonly key: boolean;
  /** The picture of `id` once more, because no newer one had come. */
  readonly repeat: boolean;
  /** H.264: length-prefixed NAL units with the identity SEI first. JPEG: a whole file with the identity segment. */
  readonly data: Uint8Array;
  /** Server UTC when the frame was in the ring and when its encoding was done. */
  readonly times: { readonly received: Micros; readonly encoded: Micros };
}
