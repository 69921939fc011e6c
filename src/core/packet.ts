// One encoded picture, or a packet of sound, and the description of the track it belongs to.
import type { Queueable } from './queue.ts';
import type { Micros, Ticks } from './time.ts';

/** What a decoder must know before the first packet. A new object (other `version`) means: init segment, discontinuity, key frame. */
export interface TrackInfo {
  /** RFC 6381 codec string (`avc1.42c01f`, `mp4a.40.2`, `opus`), or `jpeg`. */
  readonly codec: string;
  readonly width: number;
  readonly height: number;
  /** H.264: AVCDecoderConfigurationRecord (ISO/IEC 14496-15 5.3.3.1). AAC: AudioSpecificConfig. Opus: OpusHead. Else empty. */
  readonly description: Uint8Array;
  /** Rises with each encoder start and each change of size. */
  readonly version: number;
  /** Bits per second that the encoder aims at; 0 where there is no such aim. */
  readonly bitrate: number;
  /** Of a track of sound; `width` and `height` are 0 then. */
  readonly audio?: AudioTrack;
}

export interface AudioTrack {
  /** Hz */
  readonly rate: number;
  readonly channels: number;
  /** Samples of each channel in a packet. */
  readonly frameSize: number;
}

/** One encoded picture, or the sound of some milliseconds. `data` is immutable and shared by all readers. */
export interface Packet extends Queueable {
  readonly track: TrackInfo;
  /** Id of the frame that it shows; of sound: of the block with its first sample. */
  readonly id: number;
  /** Capture time of that frame; of sound: of its first sample. */
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
