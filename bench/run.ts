// Runs benches and prints what they found.
import { readFile, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import { BENCHES } from './index.ts';
import type { Bench } from './result.ts';
import { markdownTable, replaceBetweenMarkers, type Section } from './table.ts';

export interface RunOptions {
  /** Names of benches; empty = all. */
  readonly only: readonly string[];
  /** Length of each window of measurement; `null` = as each bench has it. */
  readonly seconds: number | null;
  readonly json: boolean;
  /** Puts the table into `bench/README.md`. */
  readonly write: boolean;
  /** Lists the benches and ends. */
  readonly list: boolean;
  /** Said about the machine in the table, such as "2 shared cores, no GPU". */
  readonly note: string;
  readonly profileDir: string | null;
  readonly viewers?: readonly number[];
  readonly version: string;
  readonly print: (line: string) => void;
  readonly warn: (text: string) => void;
  readonly signal: AbortSignal;
}

const README = new URL('./README.md', import.meta.url);

/** A mistake in the call. */
export class BenchUsageError extends Error {
  override readonly name = 'BenchUsageError';
}

function choose(only: readonly string[]): readonly Bench[] {
  const names = BENCHES.map(({ name }) => name);
  for (const name of only) {
    if (!names.includes(name)) throw new BenchUsageError(`--only: there is no bench "${name}"; there are ${names.join(', ')}`);
  }
  return only.length ? BENCHES.filter(({ name }) => only.includes(name)) : BENCHES;
}

/** Runs what was chosen. Resolves with the exit code: 1 if a bench could not be run; a missed budget is a finding, not a failure. */
export async function runBenches(options: RunOptions): Promise<number> {
  const { print, warn, signal } = options;
  const benches = choose(options.only);
  if (options.list) {
    for (const { name, what } of benches) print(`${name.padEnd(12)}  ${what}`);
    return 0;
  }
  if (options.write && options.only.length) {
    throw new BenchUsageError('--write replaces the whole table, so it cannot be used together with --only');
  }
  const before = machine(options);
  const sections: Section[] = [];
  for (const [i, bench] of benches.entries()) {
    const label = `[${i + 1}/${benches.length}] ${bench.name}`;
    warn(`${label}: ${bench.what}\n`);
    try {
      const results = await bench.run({
        seconds: options.seconds,
        viewers: options.viewers ?? null,
        profileDir: options.profileDir,
        progress: (text) => warn(`${label}: ${text}\n`),
        signal,
      });
      sections.push({ bench: bench.name, results, error: null });
    } catch (error) {
      if (signal.aborted) {
        warn('stopped\n');
        break;
      }
      const message = error instanceof Error ? error.message : String(error);
      warn(`${label}: failed: ${message}\n`);
      sections.push({ bench: bench.name, results: [], error: message });
    }
  }
  const table = `${describe(before)}\n\n${markdownTable(sections)}`;
  if (options.json) print(JSON.stringify({ ...before, sections }, null, 2));
  else print(table);
  if (options.write && !signal.aborted) {
    await writeFile(README, replaceBetweenMarkers(await readFile(README, 'utf8'), table));
    warn('bench/README.md has the new table\n');
  }
  return signal.aborted || sections.some(({ error }) => error !== null) ? 1 : 0;
}

function machine({ note, version }: RunOptions) {
  return {
    date: new Date().toISOString().slice(0, 10),
    cores: availableParallelism(),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    platform: `${process.platform}-${process.arch}`,
    node: process.version,
    sluice: version,
    /** Processes that wanted to run before ours began (1 minute); zero on Windows. */
    load: Math.round(loadavg()[0]! * 10) / 10,
    note,
  };
}

function describe(found: ReturnType<typeof machine>): string {
  const { date, cores, cpu, memoryGiB, platform, node, sluice, load, note } = found;
  const parts = [date, `${cores} cores (${cpu}), ${memoryGiB} GiB, ${platform}`, `Node ${node}`, `Sluice ${sluice}`, `load before ${load}`];
  return `${[...parts, ...(note ? [note] : [])].join(' · ')}`;
}
