// Pictures as rgb24 for programs that ask for it: FFmpeg does in one millisecond what a program in Python takes thirty for. Loaded only then.
import type { PixelFormat } from '../../core/frame.ts';
import type { Scaler } from '../../native/ffmpeg-encode.ts';

type MakeScaler = (width: number, height: number) => Scaler;

export class RgbPictures implements Disposable {
  #make: MakeScaler | null = null;
  #scaler: Scaler | null = null;

  async load(): Promise<void> {
    const { Scaler } = await import('../../native/ffmpeg-encode.ts');
    this.#make = (width, height) => new Scaler('rgb24', width, height);
  }

  /** `null`: not loaded yet, or a format that has no colours by a matrix. What comes back holds until the next call. */
  of(format: PixelFormat, width: number, height: number, pixels: Uint8Array): Uint8Array | null {
    if (!this.#make || (format !== 'yuv420p' && format !== 'nv12')) return null;
    if (this.#scaler?.width !== width || this.#scaler.height !== height) {
      this.#scaler?.[Symbol.dispose]();
      this.#scaler = this.#make(width, height);
    }
    this.#scaler.convert(format, width, height, pixels);
    return this.#scaler.pixels;
  }

  [Symbol.dispose](): void {
    this.#make = null;
    this.#scaler?.[Symbol.dispose]();
    this.#scaler = null;
  }
}
