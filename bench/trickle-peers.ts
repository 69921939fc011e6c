// Publishers and subscribers of trickle channels that are measured against each other: ours, and a foreign program.
//
// The foreign program is called as
//     PROGRAM publish -url CHANNEL -          segments from standard input, each with its length before it (4 bytes, big endian), sent as they come
//     PROGRAM subscribe -url CHANNEL -start 0 -wait 10s      waits so long for the channel, reads it to its end
// and writes one JSON object a line: {"event":"segment","seq","bytes","sha256","firstAt"} of the subscriber, {"event":"closing","at"} when the
// publisher begins to close the channel, {"event":"end","reason","at"}. Times are ms since 1970, with fractions.
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { TricklePublisher } from '../src/trickle/publisher.ts';
import { TrickleSubscriber } from '../src/trickle/subscriber.ts';

/** ms since 1970, with fractions. */
export const now = () => performance.timeOrigin + performance.now();

/** What a subscriber has got. */
export interface Received {
  readonly segments: { readonly seq: number; readonly bytes: number; readonly sha256: string; readonly firstAt: number }[];
  /** `ended` or `eos`: the end of the channel was told. */
  readonly reason: string;
  readonly endedAt: number;
}

export interface Publishing {
  /** A segment of so many bytes begins. */
  begin(bytes: number): void;
  write(chunk: Buffer): void;
  end(): Promise<void>;
  /** Gives the time at which the channel began to be closed. */
  close(): Promise<number>;
}

/** One side of a comparison. */
export interface Peer {
  readonly name: string;
  publish(url: string): Publishing;
  subscribe(url: string): Promise<Received>;
}

export const ours: Peer = {
  name: 'Sluice',
  publish(url) {
    const publisher = new TricklePublisher(url);
    let segment = publisher.next();
    let first = true;
    return {
      begin() {
        if (!first) segment = publisher.next();
        first = false;
      },
      write: (chunk) => void segment.write(chunk),
      async end() {
        // Its answer is not waited for: the next segment begins on time.
        void segment.end();
      },
      async close() {
        await segment.end();
        const at = now();
        await publisher.close();
        return at;
      },
    };
  },
  async subscribe(url) {
    await using subscriber = new TrickleSubscriber(url, { start: 0, waitMissing: 10_000, pause: 50 });
    const segments: Received['segments'] = [];
    for (let segment = await subscriber.next(); segment; segment = await subscriber.next()) {
      const hash = createHash('sha256');
      const firstAt = now();
      let bytes = 0;
      for await (const part of segment) {
        bytes += part.length;
        hash.update(part);
      }
      // One without bytes is the number that was connected ahead when the channel was closed.
      if (bytes > 0) segments.push({ seq: segment.seq, bytes, sha256: hash.digest('hex'), firstAt });
    }
    return { segments, reason: subscriber.reason ?? '', endedAt: now() };
  },
};

/** A program that is called as described above. */
export function foreign(program: string): Peer {
  return {
    name: 'foreign',
    publish(url) {
      const child = spawn(program, ['publish', '-url', url, '-'], { stdio: ['pipe', 'pipe', 'inherit'] });
      const told = lines(child);
      return {
        begin(bytes) {
          const length = Buffer.alloc(4);
          length.writeUInt32BE(bytes);
          child.stdin.write(length);
        },
        write: (chunk) => void child.stdin.write(chunk),
        end: async () => {},
        async close() {
          child.stdin.end();
          const closing = (await told).find(({ event }) => event === 'closing');
          if (!closing) throw new Error(`${program} published and did not say when it closed the channel`);
          return Number(closing.at);
        },
      };
    },
    async subscribe(url) {
      const child = spawn(program, ['subscribe', '-url', url, '-start', '0', '-wait', '10s'], { stdio: ['ignore', 'pipe', 'inherit'] });
      const told = await lines(child);
      const end = told.find(({ event }) => event === 'end');
      const segments = told
        .filter(({ event, bytes }) => event === 'segment' && Number(bytes) > 0)
        .map(({ seq, bytes, sha256, firstAt }) => ({
          seq: Number(seq),
          bytes: Number(bytes),
          sha256: String(sha256),
          firstAt: Number(firstAt),
        }));
      return { segments, reason: String(end?.reason ?? 'none'), endedAt: Number(end?.at ?? Number.NaN) };
    },
  };
}

/** A server of trickle channels: its first line is its base address. */
export async function foreignServer(program: string): Promise<{ readonly url: string; close(): Promise<void> }> {
  const child = spawn(program, ['-addr', '127.0.0.1:0', '-autocreate'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  const [url] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  return {
    url,
    async close() {
      child.kill();
      await exited;
    },
  };
}

async function lines(child: ChildProcess): Promise<Record<string, unknown>[]> {
  const told: Record<string, unknown>[] = [];
  for await (const line of createInterface({ input: child.stdout! })) told.push(JSON.parse(line) as Record<string, unknown>);
  return told;
}
