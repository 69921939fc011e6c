// Two simulated detectors in a process of their own, triggered together:  node examples/microscope/cameras.ts URL [--side 1024] [--fps 30]
// Each picture is 16-bit gray with shot noise of a 12-bit sensor; its first two pixels are the number of the trigger, as some cameras have it.
// Frames go out as one endless POST each (docs/pushing.md). Needs no package; cameras.py does the same with numpy.
import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { readOptions } from '../options.ts';

const { values, positionals } = readOptions({
  options: {
    side: { type: 'string', default: '1024' },
    fps: { type: 'string', default: '30' },
    streams: { type: 'string', default: 'left,right' },
    /** ms */
    exposure: { type: 'string', default: '20' },
  },
  allowPositionals: true,
});
const url = new URL(positionals[0] ?? 'http://127.0.0.1:8000/');
const side = Number(values.side);
const exposure = Number(values.exposure);
const interval = 1000 / Number(values.fps);
const METADATA = Buffer.from(JSON.stringify({ exposure }).padEnd(24));
let stopped = false;
/** Pictures that come again and again: noise at 60 pictures a second would take a core. */
const POOL = 24;

/** A frame header (docs/pushing.md) with its pixels behind it. */
function makeFrame(seed: number, phase: number): Buffer {
  const frame = Buffer.alloc(48 + METADATA.length + side * side * 2);
  frame.write('SLF1');
  frame.writeUInt16LE(48 + METADATA.length, 4);
  frame.writeUInt8(1, 7);
  frame.writeUInt32LE(side, 8);
  frame.writeUInt32LE(side, 12);
  frame.writeUInt32LE(side * side * 2, 20);
  frame.writeUInt32LE(METADATA.length, 40);
  frame.writeUInt16LE(12, 44);
  METADATA.copy(frame, 48);
  let state = seed;
  const random = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  const pixels = new Uint16Array(frame.buffer, frame.byteOffset + 48 + METADATA.length, side * side);
  const size = side / 8;
  for (let y = 0, i = 0; y < side; y++) {
    for (let x = 0; x < side; x++, i++) {
      const cell = Math.floor(x / size) + 8 * Math.floor(y / size);
      const far = ((x % size) - size / 2) ** 2 + ((y % size) - size / 2) ** 2;
      const flash = 0.5 + 0.5 * Math.sin(phase + cell * 2.4);
      const level = 110 + 2200 * flash * Math.exp(-far / (size * size * 0.03));
      // Three random numbers make nearly a normal one of variance 1/4.
      pixels[i] = Math.min(4095, Math.max(0, level + 2 * Math.sqrt(2 * level) * (random() + random() + random() - 1.5)));
    }
  }
  return frame;
}

class Detector {
  readonly #name: string;
  readonly #pool: Buffer[];
  readonly #post: ReturnType<typeof request>;
  #full = false;
  missed = 0;

  constructor(name: string, seed: number) {
    this.#name = name;
    this.#pool = Array.from({ length: POOL }, (_, i) => makeFrame(seed + i, (2 * Math.PI * i) / POOL + seed));
    this.#post = request(new URL(`api/streams/${name}/frames`, url), {
      method: 'POST',
      headers: { 'content-type': 'application/x-sluice-frames' },
    });
    this.#post.on('response', (answer) => answer.resume());
    this.#post.on('error', (error) => {
      console.error(`${name}: the server is gone (${error.message})`);
      process.exitCode = 1;
      stopped = true;
    });
    this.#post.on('drain', () => {
      this.#full = false;
    });
  }

  /** Says that it acquires, or no longer: its live view starts and stops with it. */
  async acquire(on: boolean): Promise<void> {
    await fetch(new URL(`api/streams/${this.#name}/acquisition`, url), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ on, exposure }),
    });
  }

  /** @param timestamp capture time, µs */
  shoot(trigger: number, timestamp: number): void {
    // A camera does not wait.
    if (this.#full) return void this.missed++;
    const frame = Buffer.from(this.#pool[trigger % POOL]!);
    frame.writeBigInt64LE(BigInt(timestamp), 32);
    frame.writeUInt16LE(trigger & 0xffff, 48 + METADATA.length);
    frame.writeUInt16LE(Math.floor(trigger / 65_536) & 0xffff, 50 + METADATA.length);
    this.#full = !this.#post.write(frame) && this.#post.writableLength > 2 * frame.length;
  }

  end(): void {
    this.#post.end();
  }
}

const detectors = values.streams.split(',').map((name, i) => new Detector(name, 1000 * (i + 1)));
await Promise.all(detectors.map((detector) => detector.acquire(true)));
console.log(`${detectors.length} detectors of ${side} x ${side}, 16 bit, at ${values.fps} fps`);

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    stopped = true;
  });
}
const start = performance.now();
const began = Date.now() * 1000;
for (let trigger = 0; !stopped; trigger++) {
  await sleep(Math.max(0, start + trigger * interval - performance.now()));
  // One trigger for all: frames of equal capture time belong together.
  const timestamp = Math.round(began + (performance.now() - start) * 1000);
  for (const detector of detectors) detector.shoot(trigger, timestamp);
}
for (const detector of detectors) detector.end();
await Promise.all(detectors.map((detector) => detector.acquire(false).catch(() => {})));
