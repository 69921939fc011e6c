// The contract of encoders. A session encodes the frames of one rendition inside a media worker; it is called for one picture at a time
// and may block its thread.
import type { FrameInfo } from '../core/frame.ts';
import type { TrackInfo } from '../core/packet.ts';
import type { Ticks } from '../core/time.ts';
import type { ViewSettings } from '../core/view.ts';

/** What is asked of one picture. */
export interface EncodeRequest {
  readonly pts: Ticks;
  /** Must be decodable alone. */
  readonly key: boolean;
  /** A segment of the 2 s grid begins here: the only place where the size may change. */
  readonly boundary: boolean;
}

export interface EncodedPicture {
  readonly data: Uint8Array;
  readonly key: boolean;
  readonly track: TrackInfo;
}

export interface EncoderSession extends AsyncDisposable {
  /** Encodes a picture; `pixels` may change after the promise has settled. */
  encode(info: FrameInfo, pixels: Uint8Array, request: EncodeRequest): Promise<EncodedPicture | null>;
  /** Encodes the picture before once more, at a later time; absent where every packet stands alone. */
  repeat?(request: EncodeRequest): Promise<EncodedPicture | null>;
  /** Takes over changed settings that need no new session; `false` = it cannot. */
  change?(settings: unknown): boolean;
  /** How deep pictures become lossy ones, from the next one on; absent where nothing is lost. */
  setView?(view: ViewSettings): void;
}

/** Settings of a rendition. They are its identity: the same settings mean the same encoder, whoever asks. */
export type RenditionSettings =
  | {
      readonly codec: 'h264';
      readonly bitrate: number | null;
      readonly preset: string | null;
      readonly encoder: string | null;
      readonly width: number | null;
      readonly height: number | null;
      /** Seconds, at most 2. */
      readonly gop: number | null;
      /** Pictures per second at most; absent or `null` = all. */
      readonly fps?: number | null;
      readonly options: Readonly<Record<string, string | number>>;
      /** `false`: as many pictures come out as went in, also where none come for a while. */
      readonly repeats?: false;
      /** The size of the first picture holds: later ones are scaled to it. */
      readonly hold?: true;
    }
  | {
      readonly codec: 'vp8';
      readonly bitrate: number | null;
      /** Pixels; with `height: null` a width that is never scaled up. */
      readonly width: number | null;
      readonly height: number | null;
      /** Pictures per second at most; absent or `null` = all. */
      readonly fps?: number | null;
    }
  | {
      readonly codec: 'jpeg';
      /** 5..100 */
      readonly quality: number;
      /** Pixels; `null` = as captured. Never scaled up. */
      readonly width: number | null;
      /** Pictures per second at most; `null` = all. */
      readonly fps: number | null;
      /** Side of a square in the middle, pixels; left out: the whole picture. */
      readonly crop?: number | null;
      /** Of so many pixels along each side the first one is taken; left out: all. */
      readonly step?: number;
    }
  | {
      /** Uncompressed, each packet a whole SLF1 message. */
      readonly codec: 'raw';
      /** Pixels; `null` = as captured. Never scaled up. */
      readonly width: number | null;
      /** Pictures per second at most; `null` = all. */
      readonly fps: number | null;
    }
  | {
      /** At full depth without loss, each packet a whole SLF1 message. */
      readonly codec: 'lossless';
      readonly compression: 'zstd' | 'lz4' | 'none';
      /** Of Zstd, 1..19; `null` = the usual one. */
      readonly level: number | null;
      /** 16-bit samples are filtered before compression. */
      readonly filter: boolean;
      /** Side of a square in the middle, or a region, pixels; `null` = the whole picture. */
      readonly crop: number | { readonly x: number; readonly y: number; readonly width: number; readonly height: number } | null;
      /** Of so many pixels along each side one is sent, 1..32: the first, or with `binning` their mean. */
      readonly step: number;
      readonly binning: boolean;
      /** Pictures per second at most; `null` = all. */
      readonly fps: number | null;
    }
  | {
      /** At 16 bits in one channel, each packet a whole UC2F packet; its track's description is JSON, see `uc2f.ts`. */
      readonly codec: 'uc2f';
      /** LZ4: a frame, not a block. */
      readonly compression: 'lz4' | 'zstd' | 'none';
      /** Of Zstd, 1..19; `null` = the usual one. */
      readonly level: number | null;
      /** Side of a square in the middle, pixels; `null` = the whole picture. */
      readonly crop: number | null;
      /** Of so many pixels along each side the first one is sent. */
      readonly step: number;
      /** Pictures per second at most; `null` = all. */
      readonly fps: number | null;
    };

/** Name of a codec with an encoder. */
export type CodecName = RenditionSettings['codec'];

/** Settings of a rendition of sound. */
export interface AudioSettings {
  readonly codec: 'aac' | 'opus';
  /** Bits per second; `null` = 64,000 for each channel. */
  readonly bitrate: number | null;
  /** `null` = as captured, at most two. */
  readonly channels: 1 | 2 | null;
}
