// A processor in the way of the picture that changes nothing: 1080p through a thread, as fast as it goes and at 30 frames a second.
import { runChain } from './processor-run.ts';
import { type Bench, type BenchOptions, median, percentile, type Result, result } from './result.ts';

const SIZE = { width: 1920, height: 1080, format: 'rgb24' } as const;
/** At least 200 frames a second (DESIGN "Budgets"). */
const MOST_MS = 5;

export const processors: Bench = {
  name: 'processors',
  what: 'identity processor, 1080p RGB, in a thread: frames per second, CPU per frame',
  run: async (options: BenchOptions): Promise<Result[]> => {
    const { signal, progress } = options;
    const seconds = options.seconds ?? 5;
    const results: Result[] = [];
    for (const fps of [null, 30]) {
      progress(`identity, 1080p, ${fps ?? 'as fast as it goes'}`);
      const {
        fps: out,
        cpuMs,
        latenciesMs,
      } = await runChain({
        ...SIZE,
        processor: { use: 'pass', flow: 'every' },
        resolve: ({ use }) => ({ spec: { kind: 'builtin', use }, open: null }),
        fps,
        seconds,
        signal,
      });
      const name = `identity 1080p, ${fps === null ? 'as fast as it goes' : `${fps} fps`}`;
      if (fps === null) {
        results.push(
          result(`${name}: time per frame`, 1000 / out, 'ms', { budget: MOST_MS, note: `${out.toFixed(0)} fps, one copy, into the ring` }),
        );
      } else {
        const note = `p95 ${percentile(latenciesMs, 0.95).toFixed(1)} ms, ${out.toFixed(1)} fps`;
        results.push(result(`${name}: capture to shown, p50`, median(latenciesMs), 'ms', { note }));
      }
      results.push(result(`${name}: CPU per frame`, cpuMs, 'ms', { note: 'the whole process' }));
    }
    return results;
  },
};
