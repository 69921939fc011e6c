// Keeps the benches alive: the cheap ones run for a moment. What they measure is judged by people, never here.
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hasTool } from '../test/tools.ts';
import { BENCHES } from './index.ts';
import { percentile, result } from './result.ts';
import { BenchUsageError, type RunOptions, runBenches } from './run.ts';
import { digits, markdownTable, replaceBetweenMarkers } from './table.ts';

function options(change: Partial<RunOptions> = {}): RunOptions & { readonly lines: string[] } {
  const lines: string[] = [];
  return {
    only: [],
    seconds: 0.2,
    json: true,
    write: false,
    list: false,
    note: '',
    profileDir: null,
    viewers: [1, 2],
    version: '0.0.0',
    print: (line) => lines.push(line),
    warn: () => {},
    signal: new AbortController().signal,
    lines,
    ...change,
  };
}

interface Report {
  readonly sections: readonly {
    readonly bench: string;
    readonly error: string | null;
    readonly results: readonly { readonly what: string; readonly figure: number; readonly ratio: number | null }[];
  }[];
}

describe('benches', () => {
  it('measure a server process and its viewers, and leave nothing behind', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'bench-test-'));
    const before = process.env.TMPDIR;
    process.env.TMPDIR = folder;
    try {
      const given = options({ only: ['jpeg'] });
      const code = await runBenches(given);
      const { sections } = JSON.parse(given.lines.join('\n')) as Report;
      expect(sections.map(({ bench, error }) => ({ bench, error }))).toEqual([{ bench: 'jpeg', error: null }]);
      expect(code).toBe(0);
      const figures = new Map(sections[0]!.results.map((row) => [row.what, row.figure]));
      expect(figures.get('encoders, 2 viewers')).toBe(1);
      expect(figures.get('whole server, 1 viewer')).toBeGreaterThan(0);
      expect(figures.get('delivered per viewer, 2 viewers')).toBeGreaterThan(0);
      expect(await readdir(folder)).toEqual([]);
    } finally {
      if (before === undefined) delete process.env.TMPDIR;
      else process.env.TMPDIR = before;
      await rm(folder, { recursive: true, force: true });
    }
  });

  it('count what WebRTC viewers get from each of the servers that are compared', async () => {
    const given = options({ only: ['webrtc'], viewers: [1] });
    if (!hasTool('janus', ['--version'])) given.warn('without Janus');
    const code = await runBenches(given);
    const { sections } = JSON.parse(given.lines.join('\n')) as Report;
    expect(sections.map(({ bench, error }) => ({ bench, error }))).toEqual([{ bench: 'webrtc', error: null }]);
    expect(code).toBe(0);
    const costs = sections[0]!.results.filter(({ what }) => what.includes('CPU per viewer, 1 viewer'));
    expect(costs.map(({ what }) => what.split(':')[0])).toEqual(expect.arrayContaining(['Sluice', 'bare libdatachannel']));
    // Windows of a moment say nothing about cost, but packets came in each of them.
    for (const { figure } of costs) expect(figure).not.toBeNaN();
  }, 120_000);

  it('end at once when they are stopped, with all that they had started', async () => {
    const abort = new AbortController();
    const given = options({ only: ['idle'], seconds: 600, signal: abort.signal, warn: (text) => text.includes('600 s') && abort.abort() });
    expect(await runBenches(given)).toBe(1);
  });

  it('have names of their own, and an unknown one is refused with those that there are', async () => {
    const names = BENCHES.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    await expect(runBenches(options({ only: ['jpg'] }))).rejects.toThrow(/there is no bench "jpg"; there are encode, jpeg/);
    await expect(runBenches(options({ only: ['idle'], write: true }))).rejects.toThrow(BenchUsageError);
  });
});

describe('table', () => {
  const over = result('CPU', 3, 'ms/s', { budget: 2, note: 'a|b' });

  it('shows figure, budget and their ratio, and marks a budget that does not hold', () => {
    const table = markdownTable([
      { bench: 'one', results: [over, result('rate', 2836.4, '/s')], error: null },
      { bench: 'two', results: [], error: 'no\nanswer' },
    ]);
    expect(table.split('\n').slice(2)).toEqual([
      '| one | CPU | 3 ms/s | 2 ms/s | 1.50 **over** | a\\|b |',
      '| one | rate | 2836 /s |  |  |  |',
      '| two | failed: no answer |  |  |  |  |',
    ]);
  });

  it('is put between the markers and replaces what was there', () => {
    const text = 'a\n<!-- bench:begin -->\nold\n<!-- bench:end -->\nz\n';
    const once = replaceBetweenMarkers(text, 'new');
    expect(once).toBe('a\n<!-- bench:begin -->\nnew\n<!-- bench:end -->\nz\n');
    expect(replaceBetweenMarkers(once, 'new')).toBe(once);
    expect(() => replaceBetweenMarkers('no place', 'new')).toThrow(/not in the file/);
  });

  it('writes numbers for people', () => {
    expect([0.07194, 2.3614, 339.4, 4306.02, 0, 30, Number.NaN].map(digits)).toEqual(['0.0719', '2.36', '339', '4306', '0', '30', '?']);
  });

  it('takes percentiles by nearest rank', () => {
    expect(percentile([5, 1, 4, 2, 3], 0.5)).toBe(3);
    expect(percentile([5, 1, 4, 2, 3], 0.95)).toBe(5);
    expect(percentile([], 0.5)).toBeNaN();
  });
});
