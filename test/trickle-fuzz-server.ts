// A trickle server in a process of its own, which tells its parent how it is.
import { TrickleServer } from '../src/trickle/server.ts';

const server = await TrickleServer.start({
  changefeed: true,
  limits: { channels: 24, readers: 8, segmentBytes: 100_000, bytes: 2_000_000 },
  keepAlive: 20,
  stall: 500,
  idle: 2000,
  sweep: 100,
});

/** What the server holds. */
export interface FuzzFigures {
  readonly heap: number;
  readonly rss: number;
  readonly handles: number;
  readonly channels: number;
  readonly held: number;
  readonly readers: number;
  readonly refused: number;
  readonly cut: number;
  readonly segments: number;
}

function figures(): FuzzFigures {
  (globalThis as { gc?: () => void }).gc?.();
  const all = server.channels.stats();
  const sum = (of: (channel: (typeof all)[number]) => number) => all.reduce((total, channel) => total + of(channel), 0);
  const { heapUsed, external, rss } = process.memoryUsage();
  return {
    heap: heapUsed + external,
    rss,
    handles: process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length,
    channels: server.channels.size,
    held: server.channels.held,
    readers: sum(({ readers }) => readers),
    refused: sum(({ refused }) => refused) + server.channels.refused,
    cut: sum(({ cut }) => cut),
    segments: sum(({ segments }) => segments),
  };
}

process.on('message', (message) => {
  if (message === 'figures') process.send!(figures());
  else void server.close().then(() => process.disconnect());
});
process.send!({ url: server.url });
