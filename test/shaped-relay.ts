// Relays that let only so many bytes per second through towards the client (token bucket): a narrow way for one viewer. What does not fit waits
// at the sender over TCP, and in a queue of limited length over UDP.
import { createSocket, type RemoteInfo } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import type { Page } from 'playwright-core';

const TICK_MS = 10;
/** Bytes that may come at once after a pause. */
const BURST = 16_000;
/** What waits in front of a UDP relay, as at a router: so much of its rate, and never less than some packets. */
const QUEUE_MS = 500;
const MIN_QUEUE = 12_000;

export interface ShapedRelay extends AsyncDisposable {
  readonly port: number;
  /** bit/s towards the client. */
  rate: number;
}

export interface UdpRelay extends ShapedRelay {
  /** Share of packets towards the client that are lost besides, 0..1. */
  loss: number;
  /** Each way, ms. */
  readonly delayMs: number;
  /** Packets towards the client, and how many of them did not get through. */
  readonly counts: { readonly packets: number; readonly dropped: number };
}

/** Bytes that may pass now. */
class Bucket {
  rate: number;
  #tokens = BURST;
  #at = performance.now();

  constructor(rate: number) {
    this.rate = rate;
  }

  fill(): number {
    const now = performance.now();
    this.#tokens = Math.min(BURST, this.#tokens + (this.rate / 8000) * (now - this.#at));
    this.#at = now;
    return this.#tokens;
  }

  take(bytes: number): void {
    this.#tokens -= bytes;
  }
}

/** Relays TCP to a port of this machine. */
export async function shapedRelay(target: number, rate: number): Promise<ShapedRelay> {
  const sockets = new Set<Socket>();
  const buckets = new Set<Bucket>();
  const relay = { rate };
  const server = createServer((client) => {
    // Small buffers, as at a modem: what does not fit must wait at the sender.
    const upstream = connect({ port: target, host: '127.0.0.1', highWaterMark: 16_384 } as never);
    for (const socket of [client, upstream]) {
      socket.setNoDelay(true);
      sockets.add(socket);
      socket.on('error', () => {});
      socket.once('close', () => {
        client.destroy();
        upstream.destroy();
        sockets.delete(socket);
      });
    }
    client.pipe(upstream);
    const bucket = new Bucket(relay.rate);
    buckets.add(bucket);
    const timer = setInterval(() => {
      for (let tokens = bucket.fill(); tokens >= 1; tokens = bucket.fill()) {
        const chunk = upstream.read(Math.min(Math.floor(tokens), Math.max(1, upstream.readableLength))) as Buffer | null;
        if (!chunk) break;
        bucket.take(chunk.length);
        client.write(chunk);
      }
    }, TICK_MS);
    upstream.once('close', () => {
      clearInterval(timer);
      buckets.delete(bucket);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  return {
    port,
    get rate() {
      return relay.rate;
    },
    set rate(value: number) {
      relay.rate = value;
      for (const bucket of buckets) bucket.rate = value;
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Relays UDP between one client and a port of this machine. */
export async function udpRelay(target: number, rate: number, options: { loss?: number; delayMs?: number } = {}): Promise<UdpRelay> {
  const { delayMs = 0 } = options;
  const [front, back] = [createSocket('udp4'), createSocket('udp4')];
  for (const socket of [front, back]) {
    socket.on('error', () => {});
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
  }
  const bucket = new Bucket(rate);
  const queue: Buffer[] = [];
  const counts = { packets: 0, dropped: 0 };
  let waiting = 0;
  let client: RemoteInfo | null = null;
  let loss = options.loss ?? 0;
  let closed = false;
  const later = (work: () => void) => {
    if (delayMs > 0) setTimeout(() => !closed && work(), delayMs);
    else if (!closed) work();
  };
  const drain = () => {
    while (queue.length && bucket.fill() > 0) {
      const message = queue.shift()!;
      waiting -= message.length;
      bucket.take(message.length);
      later(() => client && front.send(message, client.port, client.address));
    }
  };
  front.on('message', (message, from) => {
    client = from;
    later(() => back.send(message, target, '127.0.0.1'));
  });
  back.on('message', (message) => {
    counts.packets++;
    if (waiting + message.length > Math.max(MIN_QUEUE, (bucket.rate / 8000) * QUEUE_MS) || Math.random() < loss) {
      counts.dropped++;
      return;
    }
    queue.push(message);
    waiting += message.length;
    drain();
  });
  const timer = setInterval(drain, TICK_MS / 2);
  return {
    port: front.address().port,
    delayMs,
    counts,
    get rate() {
      return bucket.rate;
    },
    set rate(value: number) {
      bucket.rate = value;
    },
    get loss() {
      return loss;
    },
    set loss(value: number) {
      loss = value;
    },
    [Symbol.asyncDispose]: async () => {
      closed = true;
      clearInterval(timer);
      await Promise.all([front, back].map((socket) => new Promise<void>((resolve) => socket.close(() => resolve()))));
    },
  };
}

/** Leads the WebRTC media of a page over a relay of its own: the answer of the server names the relay's port as the only one. */
export async function relayWebRtc(
  page: Page,
  rate: number,
  options: { loss?: number; delayMs?: number } = {},
): Promise<{ relay: UdpRelay }> {
  const found: { relay?: UdpRelay } = {};
  await page.route('**/whep*', async (route) => {
    if (route.request().method() !== 'POST') return await route.continue();
    const offer = (route.request().postData() ?? '').replace(/^a=(candidate|end-of-candidates).*\r\n/gm, '');
    const response = await route.fetch({ postData: offer });
    const answer = await response.text();
    const candidate = /^a=candidate:\S+ 1 udp \d+ 127\.0\.0\.1 (\d+) typ host.*$/im.exec(answer);
    if (!candidate) return await route.fulfill({ response, body: answer });
    // One that connects again has the same way.
    const before = found.relay;
    await before?.[Symbol.asyncDispose]();
    found.relay = await udpRelay(Number(candidate[1]), before?.rate ?? rate, { ...options, loss: before?.loss ?? options.loss ?? 0 });
    const line = candidate[0].replace(`127.0.0.1 ${candidate[1]}`, `127.0.0.1 ${found.relay.port}`);
    let first = true;
    const body = answer.replace(/^a=candidate:.*\r\n/gm, () => {
      const kept = first ? `${line}\r\n` : '';
      first = false;
      return kept;
    });
    await route.fulfill({ response, body });
  });
  return found as { relay: UdpRelay };
}
