// Trickle with plain node:http: neither ours nor anybody's, to judge both.
import { Agent, type ClientRequest, type IncomingMessage, request } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { Arrivals, type Unit } from './clip.ts';

const agent = new Agent({ keepAlive: true });

function call(method: string, url: string, headers: Record<string, string> = {}): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const made = request(url, { method, headers, agent });
    made.once('response', resolve);
    made.once('error', reject);
    made.end();
  });
}

async function drain(answer: IncomingMessage): Promise<void> {
  for await (const _ of answer);
}

export async function create(url: string, type: string): Promise<void> {
  const answer = await call('POST', url, { 'Expect-Content': type });
  await drain(answer);
  if (answer.statusCode !== 200) throw new Error(`POST ${url}: ${answer.statusCode}`);
}

export async function remove(url: string): Promise<void> {
  await drain(await call('DELETE', url));
}

/** Starts a stream of 1280x720 from `in` to `out` of a trickle server on a processor, with the three JSON channels. */
export async function startStream(processor: string | URL, channel: (name: string) => string): Promise<void> {
  const answer = await fetch(new URL('stream/start', processor), {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({
      subscribe_url: channel('in'),
      publish_url: channel('out'),
      control_url: channel('control'),
      events_url: channel('events'),
      data_url: channel('data'),
      gateway_request_id: 'bench',
      params: { width: 1280, height: 720, max_framerate: 30 },
    }),
  });
  if (!answer.ok) throw new Error(`start: ${answer.status} ${await answer.text()}`);
}

/** When each picture was handed over, ms of `performance.now()`, by PTS. */
export type SentTimes = Map<number, number>;

/** Sends the pictures at their times, a segment for each key frame. `sink`: who takes segments. */
export async function sendInTime(
  units: readonly Unit[],
  sink: { next(): void; write(bytes: Buffer): void },
  sent: SentTimes,
): Promise<void> {
  const began = performance.now();
  for (const unit of units) {
    const due = began + (unit.pts - units[0]!.pts) / 90;
    const wait = due - performance.now();
    if (wait > 0) await pause(wait);
    if (unit.begins) sink.next();
    sent.set(unit.pts, performance.now());
    sink.write(unit.bytes);
  }
}

/** A publisher that holds the next request open before it is needed. */
export class PlainPublisher {
  readonly #url: string;
  readonly #ends: Promise<void>[] = [];
  #seq = 0;
  #now: ClientRequest | null = null;
  #next: ClientRequest;

  constructor(url: string) {
    this.#url = url;
    this.#next = this.#open();
  }

  #open(): ClientRequest {
    const made = request(`${this.#url}/${this.#seq++}`, { method: 'POST', agent, headers: { 'Content-Type': 'video/mp2t' } });
    made.flushHeaders();
    this.#ends.push(
      new Promise((resolve) => {
        made.once('error', () => resolve());
        made.once('response', (answer) => void drain(answer).then(resolve, () => resolve()));
      }),
    );
    return made;
  }

  next(): void {
    this.#now?.end();
    this.#now = this.#next;
    this.#next = this.#open();
  }

  write(bytes: Buffer): void {
    this.#now!.write(bytes);
  }

  /** Ends the last segment, then the channel. */
  async close(): Promise<void> {
    this.#now?.end();
    await this.#ends.at(-2);
    await remove(this.#url);
    this.#next.destroy();
    await this.#ends.at(-1);
  }
}

export interface Reading {
  readonly arrivals: Arrivals;
  readonly segments: readonly number[];
  /** When the end of the channel was seen; `null` = it was stopped before. */
  readonly endedAt: number | null;
}

/** Reads a channel from its next segment on until it ends or `signal` says so. The next segment is asked for while one is read. */
export async function readChannel(url: string, signal: AbortSignal): Promise<Reading> {
  const arrivals = new Arrivals();
  const segments: number[] = [];
  const get = (seq: number) =>
    new Promise<IncomingMessage | null>((resolve, reject) => {
      const made = request(`${url}/${seq}`, { agent, signal });
      made.once('response', resolve);
      made.once('error', (error) => (signal.aborted ? resolve(null) : reject(error)));
      made.end();
    });
  let waiting = get(-1);
  for (;;) {
    const answer = await waiting;
    if (!answer) return { arrivals, segments, endedAt: null };
    if (answer.statusCode === 404 || answer.headers['lp-trickle-closed'] !== undefined) {
      await drain(answer);
      return { arrivals, segments, endedAt: performance.now() };
    }
    if (answer.statusCode === 470) {
      await drain(answer);
      waiting = get(Number(answer.headers['lp-trickle-latest']));
      continue;
    }
    const seq = Number(answer.headers['lp-trickle-seq']);
    segments.push(seq);
    waiting = get(seq + 1);
    waiting.catch(() => {});
    arrivals.segment();
    try {
      for await (const chunk of answer) arrivals.push(chunk as Buffer, performance.now());
    } catch (error) {
      if (signal.aborted) return { arrivals, segments, endedAt: null };
      throw error;
    }
  }
}
