// Processors in the way of the picture, on a real server: what viewers get is what they made, with the identity of what was captured.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { StreamInfo, StreamStats } from '../src/api/schema.ts';
import { createServer, defineProcessor } from '../src/index.ts';
import { testServer } from './server.ts';

const INVERT = fileURLToPath(new URL('./programs/invert.ts', import.meta.url));
const gray = (level: number) => new Uint8Array(32 * 16).fill(level);

async function until<T>(what: () => Promise<T | null | undefined | false>, timeoutMs = 20_000): Promise<T> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const found = await what();
    if (found) return found;
    if (performance.now() > end) throw new Error('waited in vain');
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

const total = (counts: Record<string, number>) => Object.values(counts).reduce((sum, count) => sum + count, 0);

/** Every frame has one fate. */
function balanced(stats: StreamStats['processors'][number]): void {
  const { offered, processed, passed, withheld, dropped, failed, faults, inFlight } = stats;
  expect(processed + passed + withheld + total(dropped) + failed + inFlight).toBe(offered);
  expect(total(faults)).toBe(failed);
  expect(inFlight).toBeGreaterThanOrEqual(0);
}

/** The newest picture of a stream: its frame id, and the level of a pixel in the middle. */
async function newest(url: string, stream: string) {
  const answer = await fetch(new URL(`live/${stream}/snapshot.npy`, url));
  if (!answer.ok) return null;
  const bytes = new Uint8Array(await answer.arrayBuffer());
  return { id: Number(answer.headers.get('x-sluice-frame')), level: bytes.at(-40)! };
}

describe('a chain of processors', () => {
  it('shows what a file of the user makes, with the id and time of the frame', { timeout: 60_000 }, async () => {
    await using server = await testServer({
      streams: {
        scope: {
          source: { type: 'push' },
          processors: [
            { use: INVERT, loading: 'withhold' },
            { use: 'pass', loading: 'withhold' },
          ],
        },
      },
    });
    const push = (level: number) =>
      server.json<{ id: number; timestamp: number }>('api/streams/scope/frames?width=32&height=16&format=gray', {
        method: 'POST',
        headers: { 'content-type': 'application/octet-stream' },
        body: gray(level),
      });
    // A busy machine takes its time to start the threads; until then nothing is shown.
    const before = await until(async () => {
      const { id } = await push(99);
      return (await newest(server.url, 'scope')) && id;
    });
    const first = await push(10);
    await until(async () => (await newest(server.url, 'scope'))?.id === first.id);
    expect((await newest(server.url, 'scope'))?.level).toBe(245);
    const second = await push(200);
    await until(async () => (await newest(server.url, 'scope'))?.id === second.id);
    expect((await newest(server.url, 'scope'))?.level).toBe(55);
    const stats = await server.json<StreamStats>('api/streams/scope/stats');
    const [inverted, passed] = stats.processors;
    expect(stats.ledger).toMatchObject({ captured: second.id, published: second.id, shown: passed!.passed });
    expect(inverted!.processed).toBeGreaterThanOrEqual(3);
    expect(second.id - before).toBe(2);
    expect(stats.processors).toMatchObject([
      { id: 'invert', place: 'inline', state: 'running', offered: second.id, error: null },
      { id: 'pass', place: 'inline', state: 'running', offered: inverted!.processed, error: null },
    ]);
    for (const each of stats.processors) balanced(each);
    const { series } = await until(async () => {
      const answer = await server.json<{ series: { name: string; frame: number[] }[] }>(
        `api/streams/scope/metrics?names=first&start=${first.timestamp}&end=${second.timestamp}&step=0`,
      );
      return answer.series[0]?.frame.length === 2 && answer;
    });
    expect(series[0]!.frame).toEqual([first.id, second.id]);
  });

  it('runs an object of the program itself on the main thread', { timeout: 60_000 }, async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'sluice-test-'));
    const server = await createServer({ port: 0, dataDir });
    try {
      const half = defineProcessor({ name: 'half', video: (frame) => frame.pixels.map((value) => value >> 1) });
      const stream = server.stream('scope', { format: 'gray', width: 32, height: 16, processors: [half] });
      const { id } = await stream.push(gray(100));
      expect(await until(async () => await newest(server.url, 'scope'))).toEqual({ id, level: 50 });
    } finally {
      await server.close();
      await rm(dataDir, { recursive: true, force: true });
    }
  });
});

describe('another stream as source', () => {
  it('shows its pictures, processed or not, with the same ids and times, and wakes it only while it is watched itself', {
    timeout: 60_000,
  }, async () => {
    await using server = await testServer({
      streams: {
        scope: {
          source: { type: 'pattern', kind: 'testbars', width: 64, height: 48, fps: 20, barcode: false },
          processors: [{ use: INVERT, loading: 'withhold' }],
          linger: 0,
        },
        again: { source: { type: 'stream', stream: 'scope' }, linger: 0 },
        round: { source: { type: 'stream', stream: 'about' } },
        about: { source: { type: 'stream', stream: 'round' } },
      },
    });
    const info = (name: string) => server.json<StreamInfo>(`api/streams/${name}`);
    const companion = await until(async () => (await info('scope')).companion);
    expect(companion).toBe('scope.unprocessed');
    expect((await info(companion)).companionOf).toBe('scope');
    const { items } = await server.json<{ items: StreamInfo[] }>('api/streams');
    expect(items.map(({ name }) => name)).toEqual(['about', 'again', 'round', 'scope']);
    expect((await info('scope')).state).toBe('asleep');

    const frames = (name: string) => {
      const seen = new Map<number, { timestamp: number; level: number }>();
      const { events, hub } = server.streams.registry.get(name);
      events.on('frame', ({ info: { id, timestamp } }) => seen.set(id, { timestamp, level: hub.newest()!.data[0]! }));
      return seen;
    };
    const [processed, copied, original] = [frames('scope'), frames('again'), frames(companion)];
    const demands = ['again', companion].map((name) => server.streams.registry.get(name).demand());
    const both = () => [...original.keys()].filter((id) => copied.has(id));
    await until(async () => both().length > 5);
    for (const id of both()) {
      expect(copied.get(id)!.timestamp).toBe(original.get(id)!.timestamp);
      expect(copied.get(id)!.level).toBe(255 - original.get(id)!.level);
      expect(processed.get(id)!.timestamp).toBe(original.get(id)!.timestamp);
    }
    for (const demand of demands) demand[Symbol.dispose]();
    await until(async () => (await info('scope')).state === 'asleep');

    using _awake = server.streams.registry.get('round').demand();
    expect(await info('round')).toMatchObject({ state: 'failed', reason: 'about gets its pictures from round itself' });
    const refused = await server.fetch(`api/streams/${companion}`, { method: 'DELETE' });
    expect(refused.status).toBe(409);
  });
});
