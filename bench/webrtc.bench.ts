// WebRTC to many viewers, beside Janus with the same packets and the same viewers, and beside the least that libdatachannel needs.
import { availableParallelism } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { Child } from './child.ts';
import type { FloorMethods } from './children/rtp-floor.ts';
import { FEED_PAYLOAD_TYPE, Janus, janusVersion } from './janus.ts';
import { childrenOf, cpuOf, hasProc, memoryOf } from './processes.ts';
import { type Bench, type BenchOptions, median, type Result, result } from './result.ts';
import { RtpFeed } from './rtp-feed.ts';
import { BenchServer } from './server.ts';
import { sumOf, WhepClients } from './whep-clients.ts';

const VIEWERS = [1, 10, 50];
const SECONDS = 6;
const CPU_BUDGET = 3;
const MEMORY_BUDGET_MB = 1;
const JANUS_BUDGET = 0.4;
/** Windows at the largest number of viewers, in turn. */
const ROUNDS = 3;
/** Viewers in one process of theirs at most. */
const CLIENTS_PER_PROCESS = 25;
/** Pictures that are looked at for their size. */
const WARM_UP_PICTURES = 150;
const OURS = 'Sluice';
const OURS_WITH_CHANNEL = 'Sluice with data channel';
const FLOOR = 'bare libdatachannel';

/** CPU time since the start, ms. */
interface Spent {
  readonly all: number;
  /** Of the WebRTC process alone, where there is one. */
  readonly child: number;
}

/** A server that is measured. */
interface Target {
  readonly name: string;
  readonly clients: WhepClients;
  spent(): Promise<Spent>;
  /** Resident bytes. */
  memory(): Promise<number>;
  /** Lets it have the packets while it is measured. */
  feed(on: boolean): void;
}

/** What a target did for some seconds. */
interface Window {
  readonly viewers: number;
  /** ms of CPU time per second. */
  readonly load: number;
  readonly child: number;
  /** Bytes. */
  readonly memory: number;
  /** Whole pictures per viewer and second. */
  readonly fps: number;
  /** Packets that came, per second and all together. */
  readonly rate: number;
  readonly lost: number;
}

export const webrtc: Bench = {
  name: 'webrtc',
  what: 'WebRTC, 720p30: what each viewer costs, beside Janus with the same packets',
  run: measure,
};

async function measure(options: BenchOptions): Promise<Result[]> {
  if (!hasProc) throw new Error('the CPU time of other processes is read from /proc, which this system does not have');
  const counts = options.viewers ?? VIEWERS;
  await using opened = new AsyncDisposableStack();
  const targets = await openTargets(opened, options);
  // Code that runs for the first time is slow and takes memory once: neither belongs to the viewers.
  for (const target of targets.slice(0, counts.length > 1 ? 2 : 0)) {
    options.progress(`${target.name}, warming up`);
    await measureWindow(target, counts[1]!, options);
  }
  const windows = new Map<Target, Window[]>(targets.map((target) => [target, []]));
  // What runs without viewers, then with more and more of them, in turn.
  const last = counts.at(-1)!;
  const again = counts.length > 1 ? ROUNDS - 1 : 0;
  for (const count of [0, ...counts, ...Array.from({ length: again }, () => last)]) {
    for (const target of targets) {
      options.progress(`${target.name}, ${count} viewer${count === 1 ? '' : 's'}`);
      windows.get(target)!.push(await measureWindow(target, count, options));
    }
  }
  return rows(windows, counts);
}

async function openTargets(opened: AsyncDisposableStack, options: BenchOptions): Promise<Target[]> {
  const stream = { source: { type: 'pattern', kind: 'microscope' }, dvr: { mode: 'off' } } as const;
  const server = opened.use(await BenchServer.start({ cam: stream }, options));
  const feed = opened.use(new RtpFeed(server.url, 'cam', FEED_PAYLOAD_TYPE));
  const shape = await shapeOf(feed, options);
  const start = async (url: string, how: { server?: 'janus'; channel?: boolean } = {}) =>
    opened.use(
      await WhepClients.start(url, 0, {
        processes: Math.ceil((options.viewers ?? VIEWERS).at(-1)! / CLIENTS_PER_PROCESS),
        channel: false,
        ...how,
      }),
    );
  const ours = (name: string, clients: WhepClients): Target => ({
    name,
    clients,
    spent: async () => {
      const { all, media } = await server.usage();
      const child = childrenOf(server.pid).reduce((sum, pid) => sum + cpuOf(pid), 0);
      return { all: all - (media ?? 0) + child, child };
    },
    memory: async () => (await server.memory()) + childrenOf(server.pid).reduce((sum, pid) => sum + memoryOf(pid), 0),
    feed: () => {},
  });
  const whep = `${server.url}live/cam/whep`;
  const targets = [ours(OURS, await start(whep)), ours(OURS_WITH_CHANNEL, await start(whep, { channel: true }))];
  const other = (name: string, pid: number, clients: WhepClients, send: (on: boolean) => void = () => {}): Target => ({
    name,
    clients,
    spent: async () => ({ all: cpuOf(pid), child: 0 }),
    memory: async () => memoryOf(pid),
    feed: send,
  });
  const version = janusVersion();
  if (version === null) options.progress('SKIPPED: janus is not installed: nothing to compare with');
  for (const loops of version === null ? [] : [null, availableParallelism()]) {
    const janus = opened.use(await Janus.start(loops, options.signal));
    const name = loops === null ? `Janus ${version}` : `Janus ${version}, event_loops = ${loops}`;
    const send = (on: boolean) => feed.sendTo(on ? janus.rtpPort : null);
    targets.push(other(name, janus.pid, await start(janus.url, { server: 'janus' }), send));
  }
  const floor = opened.use(await Child.start<FloorMethods>('rtp-floor.ts', shape));
  targets.push(other(FLOOR, floor.pid, await start(await floor.call('url'))));
  return targets;
}

/** Packets of a picture and bytes of a packet, as the encoder makes them. */
async function shapeOf(feed: RtpFeed, options: BenchOptions): Promise<{ packets: number; bytes: number; fps: number }> {
  options.progress('warming up');
  while (feed.counts.pictures < WARM_UP_PICTURES) {
    if (feed.failure) throw new Error(`H.264 over WebSocket: ${feed.failure}`);
    await delay(100, undefined, { signal: options.signal });
  }
  const { packets, pictures, bytes } = feed.counts;
  return { packets: Math.max(1, Math.round(packets / pictures)), bytes: Math.round(bytes / packets), fps: 30 };
}

async function measureWindow(target: Target, count: number, options: BenchOptions): Promise<Window> {
  const { signal } = options;
  const seconds = options.seconds ?? SECONDS;
  const { clients } = target;
  target.feed(true);
  try {
    await clients.set(count);
    if (count) await clients.untilMoving({ signal });
    await delay(Math.min(2500, seconds * 500), undefined, { signal });
    const before = { spent: await target.spent(), counts: sumOf((await clients.counts()).counts), at: performance.now() };
    await delay(seconds * 1000, undefined, { signal });
    const after = { spent: await target.spent(), ...(await clients.counts()), at: performance.now() };
    if (after.failures.length) throw new Error(`${target.name}: ${after.failures[0]}`);
    const elapsed = (after.at - before.at) / 1000;
    const sum = sumOf(after.counts);
    return {
      viewers: count,
      load: (after.spent.all - before.spent.all) / elapsed,
      child: (after.spent.child - before.spent.child) / elapsed,
      memory: await target.memory(),
      fps: (sum.pictures - before.counts.pictures) / elapsed / Math.max(1, count),
      rate: (sum.packets - before.counts.packets) / elapsed,
      lost: sum.lost - before.counts.lost,
    };
  } finally {
    target.feed(false);
    await clients.set(0).catch(() => {});
  }
}

function rows(windows: ReadonlyMap<Target, readonly Window[]>, counts: readonly number[]): Result[] {
  const results: Result[] = [];
  const last = counts.at(-1)!;
  // µs of CPU time for a packet that came: a machine that is too busy for all pictures must not make a server look cheap.
  const perPacket = new Map<string, number>();
  for (const [{ name }, all] of windows) {
    const idle = all[0]!;
    const own = name === OURS || name === OURS_WITH_CHANNEL;
    results.push(result(`${name}: without viewers`, idle.load, 'ms/s', { note: own ? 'without source and encoder' : '' }));
    for (const count of counts) {
      const some = all.filter(({ viewers }) => viewers === count);
      const middle = (of: (row: Window) => number) => median(some.map(of));
      const packet = middle(({ load, rate }) => ((load - idle.load) / rate) * 1000);
      if (count === last) perPacket.set(name, packet);
      const notes = [
        ...(own ? [`WebRTC process ${(middle(({ child }) => child) / count).toFixed(2)}`] : []),
        `${packet.toFixed(1)} µs a packet`,
        `${middle(({ fps }) => fps).toFixed(1)} fps and ${(middle(({ rate }) => rate) / count).toFixed(0)} packets/s each`,
        `${some.reduce((sum, row) => sum + row.lost, 0)} packets lost`,
      ];
      const each = middle(({ load }) => (load - idle.load) / count);
      const budget = own && count === last ? { budget: CPU_BUDGET } : {};
      results.push(
        result(`${name}: CPU per viewer, ${count} viewer${count === 1 ? '' : 's'}`, each, 'ms/s', { ...budget, note: notes.join('; ') }),
      );
    }
    const [few, many] = [counts[0]!, last].map((count) => all.findLast(({ viewers }) => viewers === count)!);
    if (many!.viewers > few!.viewers) {
      const megabytes = (many!.memory - few!.memory) / 1e6 / (many!.viewers - few!.viewers);
      const budget = own ? { budget: MEMORY_BUDGET_MB } : {};
      results.push(result(`${name}: memory per further viewer, ${last} viewers`, megabytes, 'MB', { ...budget, note: 'resident' }));
    }
  }
  for (const own of [OURS, OURS_WITH_CHANNEL]) {
    for (const [name, packet] of perPacket) {
      if (name === OURS || name === OURS_WITH_CHANNEL) continue;
      const budget = own === OURS && name.startsWith('Janus') && !name.includes(',') ? { budget: JANUS_BUDGET } : {};
      const note = `CPU time for a packet that came, median of ${ROUNDS} windows each, in turn`;
      results.push(result(`${own} / ${name}, ${last} viewers`, perPacket.get(own)! / packet, 'x', { ...budget, note }));
    }
  }
  return results;
}
