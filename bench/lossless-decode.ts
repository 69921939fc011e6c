// What a lossless picture costs in the page's worker and on its thread, step by step: the very code of the player, run by Node's V8.
//
//     npx node bench/lossless-decode.ts [--side 1024,2048] [--rounds 25]
//
// Shot noise on blobs in 12 bits. The best of all rounds: what the machine does beside it makes rounds slower, never faster. Putting the
// pixels onto the canvas is not in it; bench/lossless-view.ts measures whole pages.
import { parseArgs } from 'node:util';
import { ZSTDDecoder } from 'zstddec';
import type { Picture } from '../src/core/frame.ts';
import { drawPixels, LookTable } from '../src/formats/look.ts';
import { decodeLz4, filterSamples, unfilterSamples } from '../src/formats/lossless.ts';
import { deepSamples, ToneFollower } from '../src/formats/tone-window.ts';
import { compressLz4, compressZstd } from '../src/native/compress.ts';

const { values } = parseArgs({ options: { side: { type: 'string', default: '1024,2048' }, rounds: { type: 'string', default: '25' } } });

function best(work: (round: number) => void): number {
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < Number(values.rounds); round++) {
    const started = performance.now();
    work(round);
    least = Math.min(least, performance.now() - started);
  }
  return least;
}

function camera(side: number): Uint16Array {
  const noise = () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
  return Uint16Array.from({ length: side * side }, (_, i) => {
    const [x, y] = [(i % side) % 256, Math.floor(i / side) % 256];
    const mean = 200 + 3000 * Math.exp(-((x - 128) ** 2 + (y - 128) ** 2) / 4000);
    return Math.max(0, Math.min(4095, mean + Math.sqrt(mean) * noise()));
  });
}

const zstd = new ZSTDDecoder();
await zstd.init();
console.log('side  zstd  lz4  unfilter  window  table  colours  sum with zstd  sum with lz4   (ms)');
for (const side of values.side.split(',').map(Number)) {
  const samples = camera(side);
  const bytes = new Uint8Array(samples.byteLength);
  filterSamples(bytes, samples, side);
  const [small, block] = [compressZstd(bytes, 1), compressLz4(bytes).subarray(4)];
  const picture: Picture = { format: 'gray16le', width: side, height: side, significantBits: 12, data: new Uint8Array(samples.buffer) };
  const out = new Uint8Array(bytes.length);
  const back = new Uint16Array(samples.length);
  const words = new Uint32Array(samples.length);
  const table = new LookTable();
  const follower = new ToneFollower();
  const look = { low: 100, high: 3500, gamma: 1.5, map: 'gray', saturated: false } as const;
  const times = {
    zstd: best(() => zstd.decode(small, bytes.length)),
    lz4: best(() => decodeLz4(out, block)),
    unfilter: best(() => unfilterSamples(back, bytes, side)),
    window: best(() => follower.update(picture, deepSamples(picture)!)),
    table: best((round) => table.set({ ...look, low: round }, 4095)),
    colours: best(() => drawPixels(words, picture, table.words, look)),
  };
  const rest = times.unfilter + times.window + times.table + times.colours;
  console.log([side, ...[...Object.values(times), rest + times.zstd, rest + times.lz4].map((each) => each.toFixed(2))].join('  '));
}
