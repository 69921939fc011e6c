// Frames as a camera gives them, the same in every process: gradients, a blob that moves, blocks with texture, a little noise.

/** Frames of the loop; it is run forth and back, so that nothing jumps. */
const COUNT = 12;

/** Makes a loop of RGB24 frames. Ask it for frame 0, 1, 2 … */
export function cameraFrames(width: number, height: number): (index: number) => Uint8Array {
  const frames = Array.from({ length: COUNT }, (_, i) => cameraFrame(width, height, i));
  const period = 2 * (COUNT - 1);
  return (index) => {
    const at = index % period;
    return frames[at < COUNT ? at : period - at]!;
  };
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
