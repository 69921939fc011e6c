// What passes between the main thread and the jobs inside media workers. One MessagePort per job.
import type { AudioFrame } from '../core/audio.ts';
import type { ErrorCode } from '../core/errors.ts';
import type { FrameInfo, PixelFormat } from '../core/frame.ts';
import type { TrackInfo } from '../core/packet.ts';
import type { QueueStats } from '../core/queue.ts';
import type { RingMemory } from '../core/ring.ts';
import type { ViewSettings } from '../core/view.ts';
import type { AudioSettings, RenditionSettings } from '../encoders/encoder.ts';
import type { LiveCodec } from '../native/ffmpeg-stream-decode.ts';
import type { PROCESSORS } from '../processors/index.ts';
import type { Findings } from '../processors/processor.ts';
import type { SOURCES } from '../sources/index.ts';
import type { SoundBlock } from '../sources/source.ts';
import type { RecordingGap, StopRule } from './recording/frame-recorder.ts';
import type { SeriesShape } from './recording/tiff-recording.ts';

/** Work for a media worker. */
export type JobSpec =
  | {
      readonly kind: 'source';
      readonly type: keyof typeof SOURCES;
      readonly params: unknown;
      readonly clock: BigInt64Array<SharedArrayBuffer>;
      readonly ids: BigInt64Array<SharedArrayBuffer>;
      readonly ring: RingMemory | null;
      /** Newest capture time of the stream so far, µs. */
      readonly last: number;
    }
  | {
      /** Copies the frames of another stream. */
      readonly kind: 'follow';
      readonly clock: BigInt64Array<SharedArrayBuffer>;
      readonly ids: BigInt64Array<SharedArrayBuffer>;
      /** Reader number in the other stream's ring. */
      readonly reader: number;
      readonly from: RingMemory | null;
      readonly ring: RingMemory | null;
      /** Newest capture time of the stream so far, µs. */
      readonly last: number;
    }
  | {
      readonly kind: 'encode';
      readonly settings: RenditionSettings;
      readonly view: ViewSettings;
      readonly clock: BigInt64Array<SharedArrayBuffer>;
      /** Reader number in the ring. */
      readonly reader: number;
      readonly ring: RingMemory | null;
      /** No packet before this media time: what lies earlier belongs to segments that are closed. */
      readonly notBefore: number;
    }
  | {
      readonly kind: 'audio';
      readonly settings: AudioSettings;
      readonly clock: BigInt64Array<SharedArrayBuffer>;
      /** No packet before this media time: what lies earlier belongs to segments that are closed. */
      readonly notBefore: number;
    }
  | {
      readonly kind: 'decode';
      readonly codec: LiveCodec;
      readonly clock: BigInt64Array<SharedArrayBuffer>;
    }
  | { readonly kind: 'decode-sound'; readonly clock: BigInt64Array<SharedArrayBuffer> }
  | {
      readonly kind: 'process';
      readonly use: keyof typeof PROCESSORS;
      readonly params: unknown;
      readonly clock: BigInt64Array<SharedArrayBuffer>;
      /** Reader number in the ring. */
      readonly reader: number;
      readonly ring: RingMemory | null;
      /** Frames up to this id were looked at before. */
      readonly after: number;
    }
  | {
      readonly kind: 'record';
      /** Path of the OME-TIFF to make. */
      readonly file: string;
      readonly name: string;
      /** µm; `null` = not known. */
      readonly pixelSize: number | null;
      readonly deflate: boolean;
      readonly stop: StopRule;
      /** Memory for frames that wait for the disk, bytes. */
      readonly queueBytes: number;
      /** Bytes of the disk that must stay free. */
      readonly minFree: number;
      readonly clock: BigInt64Array<SharedArrayBuffer>;
      /** Reader number in the ring. */
      readonly reader: number;
      readonly ring: RingMemory | null;
    };

/** To a job. */
export type JobCommand =
  | { readonly type: 'ring'; readonly ring: RingMemory }
  | { readonly type: 'no-ring'; readonly reason: string }
  /** The other stream has a new ring. */
  | { readonly type: 'from-ring'; readonly ring: RingMemory }
  /** To a source: the ring that it has is its own no longer, and it asks for another one. */
  | { readonly type: 'move' }
  | { readonly type: 'key' }
  /** To an encoder of sound: pictures or sound come. */
  | { readonly type: 'alive' }
  /** Sound to encode; answered by `done`. */
  | { readonly type: 'block'; readonly block: AudioFrame }
  | {
      /** An access unit to decode. */
      readonly type: 'unit';
      readonly data: Uint8Array;
      readonly key: boolean;
      /** Time on the sender's clock, and of arrival, µs. */
      readonly time: number;
      readonly arrival: number;
    }
  | { readonly type: 'change'; readonly settings: RenditionSettings }
  | { readonly type: 'view'; readonly view: ViewSettings }
  /** Params that hold from the next frame on; answered by `params` with the same number. */
  | { readonly type: 'params'; readonly request: number; readonly params: unknown }
  /** `reason`: of a recording, in words. */
  | { readonly type: 'stop'; readonly reason?: string };

/** An error as a plain object, for crossing threads. */
export interface PlainError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: Record<string, unknown>;
}

/** From a source job. */
export type SourceEvent =
  | {
      readonly type: 'frame';
      readonly info: FrameInfo;
      readonly stepped: boolean;
      readonly metadata?: Readonly<Record<string, unknown>>;
      /** Time in the medium that it came from, 90 kHz ticks. */
      readonly mediaTime?: number;
    }
  /** How the source's connection stands. */
  | { readonly type: 'details'; readonly details: Readonly<Record<string, unknown>> }
  /** A block of sound; its samples were handed over. */
  | { readonly type: 'sound'; readonly sound: SoundBlock }
  | { readonly type: 'refused'; readonly reason: string; readonly detail: string }
  | { readonly type: 'no-slot' }
  /** New params hold from this frame id on. */
  | { readonly type: 'params'; readonly request: number; readonly frame: number }
  /** Ids up to this one have to be reserved. */
  | { readonly type: 'need-ids'; readonly id: number }
  | { readonly type: 'need-ring'; readonly format: PixelFormat; readonly width: number; readonly height: number }
  | { readonly type: 'report'; readonly state: 'starting' | 'failed'; readonly message: string }
  | { readonly type: 'log'; readonly level: 'debug' | 'info' | 'warn' | 'error'; readonly values: object; readonly message: string }
  | { readonly type: 'end'; readonly error: PlainError | null };

/** From a decode job. */
export type DecodeEvent =
  | {
      readonly type: 'picture';
      readonly width: number;
      readonly height: number;
      /** yuv420p */
      readonly data: Uint8Array;
      readonly time: number;
      readonly arrival: number;
    }
  /** Units without a picture: a key frame is needed. */
  | { readonly type: 'lost'; readonly count: number }
  | { readonly type: 'end'; readonly error: PlainError | null };

/** From a job that decodes sound. */
export type SoundDecodeEvent =
  | {
      readonly type: 'sound';
      readonly channels: 1 | 2;
      /** 48 kHz, the channels interleaved. */
      readonly samples: Int16Array<ArrayBuffer>;
      readonly time: number;
      readonly arrival: number;
    }
  | { readonly type: 'lost'; readonly count: number }
  | { readonly type: 'end'; readonly error: PlainError | null };

/** From an encode job. */
export type EncodeEvent =
  | { readonly type: 'track'; readonly track: TrackInfo }
  | {
      readonly type: 'packet';
      readonly id: number;
      readonly timestamp: number;
      readonly pts: number;
      readonly key: boolean;
      readonly repeat: boolean;
      readonly data: Uint8Array;
      readonly received: number;
      readonly encoded: number;
      /** Time inside the encoder, ms. */
      readonly encodeMs: number;
    }
  /** A frame that was taken from the ring and not encoded. */
  | { readonly type: 'skip'; readonly policy: 'thinned' | 'late' | 'too-early'; readonly id: number }
  | { readonly type: 'failed'; readonly id: number; readonly error: PlainError }
  | { readonly type: 'end'; readonly error: PlainError | null };

/** From a job that encodes sound. */
export type AudioEvent =
  | { readonly type: 'track'; readonly track: TrackInfo }
  | {
      readonly type: 'packet';
      readonly id: number;
      readonly timestamp: number;
      readonly pts: number;
      readonly data: Uint8Array;
      readonly received: number;
      readonly encoded: number;
      readonly encodeMs: number;
    }
  /** A block was taken in. */
  | { readonly type: 'done' }
  | { readonly type: 'end'; readonly error: PlainError | null };

/** From a process job. Each frame that was taken from the ring ends as one `found`, `skip` or `failed`. */
export type ProcessEvent =
  | {
      readonly type: 'found';
      readonly info: FrameInfo;
      readonly findings: Findings | null;
      /** Time inside the processor, ms. */
      readonly processMs: number;
      /** Server UTC when it was done. */
      readonly at: number;
    }
  /** What it had to say at its end. */
  | { readonly type: 'finished'; readonly findings: Findings }
  | { readonly type: 'skip'; readonly policy: 'seen'; readonly id: number }
  | { readonly type: 'failed'; readonly id: number; readonly error: PlainError }
  /** New params hold from this frame id on; 0 = it has looked at none yet. */
  | { readonly type: 'params'; readonly request: number; readonly frame: number }
  | { readonly type: 'end'; readonly error: PlainError | null };

/** How a recording goes. */
export interface RecordProgress {
  readonly frames: number;
  readonly bytes: number;
  /** Frames that were captured while it ran and are not in it. */
  readonly dropped: number;
  readonly first: { readonly id: number; readonly timestamp: number } | null;
  readonly last: { readonly id: number; readonly timestamp: number } | null;
  readonly shape: SeriesShape | null;
  readonly queue: QueueStats | null;
}

/** From a record job. */
export type RecordEvent =
  | { readonly type: 'progress'; readonly progress: RecordProgress; readonly gaps: readonly RecordingGap[] }
  /** It takes no more frames, and why. */
  | { readonly type: 'ending'; readonly reason: string }
  | { readonly type: 'end'; readonly error: PlainError | null };
