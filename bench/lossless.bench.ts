// Deep pictures without loss: what a frame costs in each way of packing, and what each further viewer costs.
import { Child } from './child.ts';
import type { EncodeMethods } from './children/encode.ts';
import { type EncodeCase, FPS, WARM_UP } from './encode-settings.ts';
import { measureFanOut } from './fan-out.ts';
import { type Bench, type BenchOptions, median, type Result, result } from './result.ts';

const SECONDS = 3;
const ROUNDS = 3;
/** Of one core, for 30 pictures of 2048x2048 in a second (DESIGN 7). */
const LARGE_BUDGET_MS = 1000 / 30;
/** On shot noise, as part of the bytes that there were: a ratio of 2.3. */
const BYTES_BUDGET = 1 / 2.3;

const WAYS = [
  { name: 'Zstd with the filter', compression: 'zstd', filter: true },
  { name: 'Zstd', compression: 'zstd', filter: false },
  { name: 'LZ4 with the filter', compression: 'lz4', filter: true },
  { name: 'LZ4', compression: 'lz4', filter: false },
  { name: 'uncompressed', compression: 'none', filter: false },
] as const;

function caseOf(side: number, { name, compression, filter }: (typeof WAYS)[number]): EncodeCase {
  const settings = { codec: 'lossless', compression, filter, level: null, crop: null, step: 1, binning: false, fps: null } as const;
  return { name, width: side, height: side, frames: 'microscope', settings };
}

async function measureSide(side: number, options: BenchOptions): Promise<Result[]> {
  const frames = Math.max(5, Math.round((options.seconds ?? SECONDS) * FPS));
  const bytes = side * side * 2;
  const results: Result[] = [];
  for (const way of WAYS) {
    options.signal.throwIfAborted();
    options.progress(`${side}x${side}, ${way.name}`);
    await using child = await Child.start<EncodeMethods>('encode.ts', caseOf(side, way));
    await child.call('run', Math.min(WARM_UP, frames));
    const runs = [];
    for (let round = 0; round < ROUNDS; round++) runs.push(await child.call('run', frames));
    const cpuMs = median(runs.map((run) => run.cpuMs / run.frames));
    const ratio = bytes / median(runs.map((run) => run.bytes / run.frames));
    const usual = way.compression === 'zstd' && way.filter;
    const note = `ratio ${ratio.toFixed(2)}, ${(bytes / 1e3 / cpuMs).toFixed(0)} MB per second of a core`;
    results.push(
      result(`${side}x${side} 16 bit, ${way.name}`, cpuMs, 'ms/frame', {
        ...(usual && side === 2048 ? { budget: LARGE_BUDGET_MS } : {}),
        note,
      }),
    );
    if (usual) results.push(result(`${side}x${side} 16 bit, bytes left`, 1 / ratio, 'x', { budget: BYTES_BUDGET, note: 'of the frame' }));
  }
  return results;
}

export const lossless: Bench = {
  name: 'lossless',
  what: '16-bit pictures without loss: CPU per frame, ratio, what each further viewer costs',
  run: async (options) => {
    const results = [...(await measureSide(2048, options)), ...(await measureSide(1024, options))];
    const fanOut = await measureFanOut(
      {
        kind: 'lossless',
        stream: { source: { type: 'pattern', kind: 'microscope', width: 1024, height: 1024, fps: FPS }, dvr: { mode: 'off' } },
        seconds: 6,
        codec: 'lossless',
        // Twenty of them take half a core at most.
        cpuBudget: 25,
        viewers: [1, 5, 20],
        delivered: ({ pictures }) => pictures,
        deliveredUnit: 'fps',
      },
      options,
    );
    return [...results, ...fanOut];
  },
};
