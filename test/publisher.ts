// A program that pushes frames over a WebSocket and remembers what became of each.
import { once } from 'node:events';
import WebSocket from 'ws';
import { frameBytes, type PixelFormat } from '../src/core/frame.ts';
import { writeFrameHeader } from '../src/formats/frame-header.ts';

/** A frame that the server has acknowledged. */
export interface Acked {
  readonly id: number;
  readonly timestamp: number;
}

/** `pixels` left out: a slope that begins at three times `fill`. */
interface PushedPicture {
  readonly format?: PixelFormat;
  readonly width?: number;
  readonly height?: number;
  readonly fill?: number;
  readonly pixels?: Uint8Array;
}

export class TestPublisher {
  readonly acked: Acked[] = [];
  readonly messages: Record<string, unknown>[] = [];
  readonly #ws: WebSocket;
  #sent = 0;
  #wake: (() => void) | null = null;

  private constructor(ws: WebSocket) {
    this.#ws = ws;
    ws.on('message', (data) => {
      const message = JSON.parse(String(data)) as Record<string, unknown>;
      this.messages.push(message);
      if (message.type === 'ack') this.acked.push({ id: Number(message.id), timestamp: Number(message.timestamp) });
      this.#wake?.();
    });
    // A killed server resets the connection.
    ws.on('error', () => {});
  }

  static async open(url: string, stream: string): Promise<TestPublisher> {
    const ws = new WebSocket(new URL(`api/streams/${stream}/frames`, url.replace(/^http/, 'ws')));
    const publisher = new TestPublisher(ws);
    await once(ws, 'open');
    return publisher;
  }

  send(timestamp: number, options: PushedPicture = {}): void {
    const { format = 'gray', width = 320, height = 180, fill = 0 } = options;
    const pixels = options.pixels ?? new Uint8Array(frameBytes(format, width, height)).map((_, i) => i + fill * 3);
    const header = writeFrameHeader({ format, width, height, payloadBytes: pixels.length, timestamp });
    this.#ws.send(Buffer.concat([header, pixels]));
    this.#sent++;
  }

  /** Sends a text message. */
  say(message: object): void {
    this.#ws.send(JSON.stringify(message));
  }

  /** Waits until each frame has its answer. */
  async answered(): Promise<void> {
    while (this.messages.length < this.#sent) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async close(): Promise<void> {
    if (this.#ws.readyState === WebSocket.CLOSED) return;
    const closed = once(this.#ws, 'close');
    this.#ws.close();
    await closed;
  }
}

/** A machine that was busy for so long, µs, took no pictures meanwhile. */
const AWAY_US = 100_000;
/** Frames between two looks for room, and those that may be on their way then: an encoder holds twelve. */
const LOOK_EVERY = 4;
const ON_THEIR_WAY = 4;

/**
 * Pushes at the pace of the capture times: intervals of 16 to 61 ms, one frame in ten missing. The same for the same seed, but for a machine
 * that stands still. `inFlight` tells how many frames wait for the encoder: a camera, too, has no more than the machine can take in.
 */
export async function pushIrregular(
  publisher: TestPublisher,
  count: number,
  now: () => number,
  seed = 1,
  inFlight: () => Promise<number> = async () => 0,
): Promise<void> {
  let state = seed;
  const random = () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) / 2 ** 24;
  };
  let at = Math.round(now());
  for (let sent = 0; sent < count; ) {
    at += Math.round(16_000 + random() * 45_000);
    if (random() < 0.1) continue;
    while (sent % LOOK_EVERY === 0 && (await inFlight()) > ON_THEIR_WAY) await new Promise((resolve) => setTimeout(resolve, 20));
    if (at < now() - AWAY_US) at = Math.round(now());
    const wait = (at - now()) / 1000;
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    publisher.send(at, { fill: sent });
    sent++;
  }
  await publisher.answered();
}
