// A chain of one processor between two rings, fed in this process: what the way through it costs, without encoders and viewers.
import { setTimeout as pause } from 'node:timers/promises';
import { InlineConfig, type StreamStats } from '../src/api/schema.ts';
import type { FrameInfo, PixelFormat } from '../src/core/frame.ts';
import { frameBytes } from '../src/core/frame.ts';
import { silentLogger } from '../src/core/log.ts';
import type { Micros } from '../src/core/time.ts';
import { startClock } from '../src/native/system-clock.ts';
import { Chain, type ResolvedProcessor } from '../src/pipeline/chain/chain.ts';
import { FrameHub } from '../src/pipeline/frame-hub.ts';

export interface ChainRun {
  readonly width: number;
  readonly height: number;
  readonly format: PixelFormat;
  /** As in a stream's configuration. */
  readonly processor: Parameters<typeof InlineConfig.parse>[0];
  readonly resolve: (config: InlineConfig) => ResolvedProcessor;
  /** Frames per second that come; `null` = as fast as it goes. */
  readonly fps: number | null;
  readonly seconds: number;
  readonly signal: AbortSignal;
  /** Told each second of the run. */
  readonly onSecond?: (second: number, latenciesMs: readonly number[]) => void;
}

export interface ChainFigures {
  /** Pictures that came out, per second. */
  readonly fps: number;
  /** CPU of the whole process per picture that came out, ms. */
  readonly cpuMs: number;
  /** Capture to shown, ms. */
  readonly latenciesMs: readonly number[];
  readonly ledger: StreamStats['processors'][number];
}

/** Frames at work at a time when they come as fast as it goes. */
const AHEAD = 3;
const WARM_MS = 500;

export async function runChain(run: ChainRun): Promise<ChainFigures> {
  const clock = startClock();
  const from = new FrameHub(512 * 2 ** 20);
  const to = new FrameHub(512 * 2 ** 20);
  let shown = 0;
  let latencies: number[] = [];
  let second: number[] = [];
  const chain = new Chain([InlineConfig.parse(run.processor)], {
    name: 'bench',
    clock,
    log: silentLogger,
    from,
    to,
    patienceMs: 60_000,
    resolve: run.resolve,
    takeId: () => 0,
    nextId: () => 0,
    nextOwnId: () => 0,
    onShown: (info) => {
      shown++;
      const ms = (clock.now() - info.timestamp) / 1000;
      latencies.push(ms);
      second.push(ms);
    },
    onResults: () => {},
    onSound: () => {},
    note: () => {},
  });
  const ring = from.ringFor(run.format, run.width, run.height);
  const bytes = frameBytes(run.format, run.width, run.height);
  for (let slot = 0; slot < ring.memory.slots; slot++) ring.pixels(slot).subarray(0, bytes).fill(slot);
  let id = 0;
  const push = () => {
    const slot = ring.claim();
    if (slot < 0) return;
    const now = clock.now() as Micros;
    const { format, width, height } = run;
    const info: FrameInfo = { id: ++id, timestamp: now, format, width, height, significantBits: 8, received: now };
    ring.publish(slot, info);
    chain.offer(info, false, null);
  };
  const stats = () => chain.stats()[0]!;
  const feed = async (ms: number, onSecond?: ChainRun['onSecond']) => {
    const start = performance.now();
    let due = start;
    let told = 0;
    while (performance.now() - start < ms && !run.signal.aborted) {
      if (run.fps === null) {
        while (stats().inFlight < AHEAD) push();
        await new Promise((resolve) => setImmediate(resolve));
      } else {
        push();
        due += 1000 / run.fps;
        await pause(Math.max(0, due - performance.now()));
      }
      if (onSecond && performance.now() - start >= (told + 1) * 1000) {
        onSecond(++told, second);
        second = [];
      }
    }
  };
  try {
    chain.want(true);
    push();
    while (!shown && !run.signal.aborted) await pause(5);
    await feed(WARM_MS);
    const before = { shown, cpu: process.cpuUsage(), at: performance.now() };
    latencies = [];
    second = [];
    await feed(run.seconds * 1000, run.onSecond);
    const cpu = process.cpuUsage(before.cpu);
    const seconds = (performance.now() - before.at) / 1000;
    const pictures = shown - before.shown;
    const end = performance.now() + 5000;
    while (stats().inFlight > 0 && performance.now() < end) await pause(5);
    return {
      fps: pictures / seconds,
      cpuMs: (cpu.user + cpu.system) / 1000 / Math.max(1, pictures),
      latenciesMs: latencies,
      ledger: stats(),
    };
  } finally {
    await chain.close();
  }
}
