// Frames as cameras give them, the same in every process. A scene: gradients, a blob that moves, blocks with texture, a little noise. A
// microscope: cells on a dark ground with the shot noise of a 12-bit sensor.
import type { PixelFormat } from '../src/core/frame.ts';

/** Frames of the loop; it is run forth and back, so that nothing jumps. */
const COUNT = 12;

type MakeFrame = (width: number, height: number, index: number) => Uint8Array;

/** Makes a loop of frames. Ask it for frame 0, 1, 2 … */
function loopOf(frame: MakeFrame, width: number, height: number): (index: number) => Uint8Array {
  const frames = Array.from({ length: COUNT }, (_, i) => frame(width, height, i));
  const period = 2 * (COUNT - 1);
  return (index) => {
    const at = index % period;
    return frames[at < COUNT ? at : period - at]!;
  };
}

/** RGB24 frames of the scene. */
export function cameraFrames(width: number, height: number): (index: number) => Uint8Array {
  return loopOf(cameraFrame, width, height);
}

/** The kinds of frames. */
export const FRAMES = {
  camera: { format: 'rgb24', significantBits: 8, make: cameraFrames },
  microscope: {
    format: 'gray16le',
    significantBits: 12,
    make: (width: number, height: number) => loopOf(microscopeFrame, width, height),
  },
} as const satisfies Record<
  string,
  {
    readonly format: PixelFormat;
    readonly significantBits: number;
    readonly make: (width: number, height: number) => (index: number) => Uint8Array;
  }
>;

/** Photons of the dark ground and of the middle of a cell; a count is one photon. */
const GROUND = 100;
const CELL = 900;

function microscopeFrame(width: number, height: number, index: number): Uint8Array {
  const samples = new Uint16Array(width * height);
  let state = (index + 1) * 2_654_435_761;
  const random = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const mean = GROUND + CELL * Math.exp(-(((x % 128) - 64) ** 2 + ((y % 128) - 64) ** 2) / 1500);
      // So many photons are as good as normally distributed (Box-Muller).
      const normal = Math.sqrt(-2 * Math.log(random() + 1e-12)) * Math.cos(2 * Math.PI * random());
      samples[at++] = Math.max(0, Math.min(4095, Math.round(mean + Math.sqrt(mean) * normal)));
    }
  }
  return new Uint8Array(samples.buffer);
}

function cameraFrame(width: number, height: number, index: number): Uint8Array {
  const pixels = new Uint8Array(width * height * 3);
  const [cx, cy, radius] = [width * (0.3 + 0.03 * index), height * (0.4 + 0.02 * index), height / 6];
  let state = (index + 1) * 2_654_435_761;
  let at = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      // xorshift: the noise must be the same everywhere and cost little.
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      const noise = (state & 7) - 3;
      const texture = ((x >> 4) ^ (y >> 4)) & 1 ? 12 : 0;
      const inside = (x - cx) ** 2 + (y - cy) ** 2 < radius ** 2 ? 90 : 0;
      pixels[at++] = 40 + (x * 120) / width + texture + inside + noise;
      pixels[at++] = 50 + (y * 100) / height + texture + noise;
      pixels[at++] = 60 + ((x + y) * 60) / (width + height) + inside / 2 + noise;
    }
  }
  return pixels;
}
