// A processor that takes 100 ms on a source of 30 frames a second, under each policy: frames per second that come out, the ledger, and whether
// the latency stays flat. `node bench/processor-flow.ts --seconds 300`; several policies run one after the other.
import { parseArgs } from 'node:util';
import { defineProcessor } from '../src/processors/define.ts';
import { DefinitionSession } from '../src/processors/definition-session.ts';
import { runChain } from './processor-run.ts';
import { percentile } from './result.ts';

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '20' }, only: { type: 'string' } } });
const seconds = Number(values.seconds);
const TAKES_MS = 100;

/** It waits, as one does that asks a network or a graphics card: no core is needed for it. */
const slow = defineProcessor({
  concurrent: true,
  video: async (frame) => {
    await new Promise((resolve) => setTimeout(resolve, TAKES_MS));
    frame.edit();
    return frame;
  },
});

const POLICIES = {
  latest: { flow: 'latest' },
  every: { flow: 'every' },
  'parallel 4': { flow: { parallel: 4 } },
  'fps 5': { flow: 'every', fps: 5 },
} as const;

const total = (counts: Record<string, number>) => Object.values(counts).reduce((sum, count) => sum + count, 0);
process.stdout.write('policy      out fps  latency p50 / p95, first tenth -> last tenth (ms)   ledger\n');
for (const [name, policy] of Object.entries(POLICIES)) {
  if (values.only && values.only !== name) continue;
  const { fps, latenciesMs, ledger } = await runChain({
    width: 640,
    height: 360,
    format: 'rgb24',
    processor: { use: 'slow', ...policy },
    resolve: ({ use }) => ({ spec: { kind: 'object', use }, open: (spec, host) => new DefinitionSession(slow, spec, host) }),
    fps: 30,
    seconds,
    signal: AbortSignal.timeout((seconds + 60) * 1000),
  });
  const tenth = Math.max(1, Math.floor(latenciesMs.length / 10));
  const span = (part: readonly number[]) => `${percentile(part, 0.5).toFixed(0)} / ${percentile(part, 0.95).toFixed(0)}`;
  const { offered, processed, passed, withheld, dropped, failed, inFlight } = ledger;
  const sum = processed + passed + withheld + total(dropped) + failed + inFlight;
  const drops = Object.entries(dropped).map(([reason, count]) => `${reason} ${count}`);
  process.stdout.write(
    `${name.padEnd(11)} ${fps.toFixed(1).padStart(7)}  ${span(latenciesMs.slice(0, tenth))} -> ${span(latenciesMs.slice(-tenth))}   ` +
      `offered ${offered} = processed ${processed}${drops.length ? ` + ${drops.join(' + ')}` : ''} + failed ${failed} + in flight ${inFlight}` +
      ` (${((sum / offered) * 100).toFixed(1)} %)\n`,
  );
}
