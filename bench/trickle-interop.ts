// Trickle clients and servers of Sluice and of another implementation, each with each: are the bytes equal, how late is the first byte of a
// segment, how soon is the end of the channel seen.
//
//     npx node bench/trickle-interop.ts [--server PROGRAM] [--client PROGRAM] [--seconds 60] [--rate 8.5]
//
// The programs (or SLUICE_TEST_TRICKLE_GO and SLUICE_TEST_TRICKLE_GO_CLIENT) are called as bench/trickle-peers.ts says; without them only
// our own are measured. All rows run at the same time, each on its own channel; the rate is that of one of them, in Mbit/s.
import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { TrickleServer } from '../src/trickle/server.ts';
import { percentile } from './result.ts';
import { foreign, foreignServer, now, ours, type Peer } from './trickle-peers.ts';

const { values } = parseArgs({
  options: {
    server: { type: 'string', default: process.env.SLUICE_TEST_TRICKLE_GO ?? '' },
    client: { type: 'string', default: process.env.SLUICE_TEST_TRICKLE_GO_CLIENT ?? '' },
    seconds: { type: 'string', default: '60' },
    rate: { type: 'string', default: '8.5' },
  },
});
const seconds = Number(values.seconds);
const segmentBytes = Math.round((Number(values.rate) * 1e6) / 8);
/** As many pieces as a second has pictures. */
const PIECES = 30;
/** The end of a channel has to be seen within this, ms. */
const END_MS = 2000;

interface Row {
  readonly cells: readonly string[];
  readonly good: boolean;
}

async function run(publisher: Peer, serverName: string, url: string, subscriber: Peer): Promise<Row> {
  const reading = subscriber.subscribe(url);
  const sent: { readonly sha256: string; readonly at: number }[] = [];
  const publishing = publisher.publish(url);
  const begin = now();
  for (let second = 0; second < seconds; second++) {
    const data = randomBytes(segmentBytes);
    sent.push({ sha256: createHash('sha256').update(data).digest('hex'), at: now() });
    publishing.begin(data.length);
    for (let piece = 0; piece < PIECES; piece++) {
      const from = Math.floor((piece * data.length) / PIECES);
      publishing.write(data.subarray(from, Math.floor(((piece + 1) * data.length) / PIECES)));
      await delay(Math.max(0, begin + (second + (piece + 1) / PIECES) * 1000 - now()));
    }
    await publishing.end();
  }
  const closing = await publishing.close();
  const received = await reading;
  const equal = received.segments.filter(({ seq, sha256 }) => sent[seq]?.sha256 === sha256).length;
  const first = received.segments.map(({ seq, firstAt }) => firstAt - (sent[seq]?.at ?? Number.NaN));
  const end = received.endedAt - closing;
  const told = received.reason === 'ended' || received.reason === 'eos';
  return {
    cells: [
      `${publisher.name} → ${serverName} → ${subscriber.name}`,
      `${sent.length}`,
      `${received.segments.length}`,
      `${equal}`,
      `${percentile(first, 0.5).toFixed(1)} / ${percentile(first, 0.95).toFixed(1)} ms`,
      `${told ? '' : `${received.reason} after `}${end.toFixed(0)} ms`,
    ],
    good: equal === sent.length && received.segments.length === sent.length && told && end <= END_MS,
  };
}

const server = await TrickleServer.start({ autocreate: true });
const other = values.server ? await foreignServer(values.server) : null;
try {
  const servers = [{ name: ours.name, url: server.url }, ...(other ? [{ name: 'foreign', url: other.url }] : [])];
  const peers = [ours, ...(values.client ? [foreign(values.client)] : [])];
  const rows = await Promise.all(
    servers.flatMap(({ name, url }) =>
      peers.flatMap((publisher, p) => peers.map((subscriber, s) => run(publisher, name, `${url}way-${p}-${s}`, subscriber))),
    ),
  );
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |\n`;
  process.stdout.write(
    line(['publisher → server → subscriber', 'sent', 'received', 'bytes equal', 'first byte p50 / p95', 'end seen after']),
  );
  process.stdout.write(line(['---', '---:', '---:', '---:', '---:', '---:']));
  for (const { cells } of rows) process.stdout.write(line(cells));
  if (!rows.every(({ good }) => good)) process.exitCode = 1;
} finally {
  await other?.close();
  await server.close();
}
