// A file of pictures and sound that is played.
import type { PixelFormat } from '../../core/frame.ts';
import type { DecodedSound } from '../../native/ffmpeg-sound.ts';

/** A frame of a file, before its pixels are read. */
export interface ClipFrame {
  readonly format: PixelFormat;
  /** Pixels. */
  readonly width: number;
  readonly height: number;
  readonly significantBits: number;
  /** When it is shown, µs from any zero. */
  readonly time: number;
  /** What it was; `null` in files of others. */
  readonly original: { readonly id: number; readonly timestamp: number } | null;
  /** Writes its pixels, tightly packed. Before the next frame is asked for. */
  read(pixels: Uint8Array): Promise<void>;
}

/** Sound of a file; `time` as that of its frames. */
export interface ClipSound extends DecodedSound {
  readonly time: number;
}

/** An open file. */
export interface Clip<Item = ClipFrame | ClipSound> extends AsyncDisposable {
  /** All frames from the first, each time it is called. */
  frames(): AsyncGenerator<Item>;
}
