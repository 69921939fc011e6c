// Single pictures over WebSocket, as JPEG, without loss or uncompressed: binary messages = frame header + picture. One picture is in the socket at a time
// and at most a few are not yet acknowledged; what comes meanwhile is replaced by something newer. Settings change by message, without
// reconnecting.
import type { WebSocket } from 'ws';
import type { ViewValues } from '../../api/live-views.ts';
import type { Subscription } from '../../core/fanout.ts';
import { frameBytes } from '../../core/frame.ts';
import type { Packet } from '../../core/packet.ts';
import type { RenditionSettings } from '../../encoders/encoder.ts';
import { writeFrameHeader } from '../../formats/frame-header.ts';
import type { Stream } from '../../pipeline/stream.ts';
import type { OutputMeter } from '../meter.ts';
import { DEFAULT_QUALITY, jpegSettings, losslessSettings, rawSettings } from '../picture-query.ts';
import type { ViewerParams } from '../viewer-params.ts';
import { Adaptation, type PictureSettings } from './adaptation.ts';
import { readViewerMessage, sendText } from './viewer-message.ts';
import { ViewerSeat } from './viewer-seat.ts';

/** A viewer that has not acknowledged for so long gets the next picture anyway: an acknowledgement may be lost. */
const ACK_TIMEOUT_MS = 1000;
/** So long an adapting viewer is taken at its word that it acknowledges: one picture at a time, so that a narrow way is not filled up. */
const FIRST_ACK_MS = 5000;
/** How often an adapting viewer is looked at. */
const ADAPT_MS = 250;
/** How often the way there and back is measured, and how many of the newest figures count. */
const PING_MS = 1000;
const PINGS = 60;

interface PictureCodec {
  readonly codec: 'jpeg' | 'raw' | 'lossless';
  readonly settings: (settings: PictureSettings) => RenditionSettings;
  readonly message: (packet: Packet) => Uint8Array;
  /** Pictures that wait for a viewer: for the eye only the newest counts, programs want all of them and may be late for a moment. */
  readonly limit: (stream: Stream, width: number | null | undefined) => number;
  /** Pictures that may be on their way to a viewer that acknowledges them. */
  readonly unacked: number;
  /** What the viewer gets, in the words of its own messages. */
  readonly describe: (settings: PictureSettings) => object;
}

/** What may be sent as single pictures. */
export const PICTURE_CODECS = {
  jpeg: { codec: 'jpeg', settings: jpegSettings, message: jpegMessage, limit: () => 1, unacked: 3, describe: pictureWords },
  raw: { codec: 'raw', settings: rawSettings, message: (packet) => packet.data, limit: rawLimit, unacked: 12, describe: pictureWords },
  // One is decoded while the next one travels.
  lossless: {
    ...{ codec: 'lossless', settings: losslessOf, message: (packet) => packet.data, limit: () => 1, unacked: 3, describe: losslessWords },
  },
} as const satisfies Record<string, PictureCodec>;

function losslessOf({ lossless, fps }: PictureSettings): RenditionSettings {
  return losslessSettings({ ...lossless, fps: fps ?? undefined });
}

function pictureWords({ quality, width, fps, adapt }: PictureSettings): object {
  return { quality: quality ?? DEFAULT_QUALITY, width, fps, adapt };
}

function losslessWords({ lossless, fps }: PictureSettings): object {
  const { compression, level, filter, crop, step, binning } = losslessSettings({ ...lossless, fps: fps ?? undefined });
  return { compression, ...(compression === 'zstd' ? { level: level ?? 1 } : {}), filter, crop, subsample: step, binning, fps };
}

/** What holds for a viewer that says nothing itself. */
function baseOf({ fps, quality, width, ...lossless }: ViewValues): PictureSettings {
  return { fps, quality, width, lossless };
}

/** Bytes that may wait for one program. */
const RAW_BYTES = 48 * 2 ** 20;

/** A second of small pictures, few of large ones. */
function rawLimit({ lastFrame }: Stream, width: number | null | undefined): number {
  const { format = 'rgb24', width: full = 1280, height = 720 } = lastFrame ?? {};
  const scale = Math.min(1, (width ?? full) / full);
  return Math.max(2, Math.min(32, Math.floor(RAW_BYTES / (frameBytes(format, full, height) * scale ** 2))));
}

/** The message of a JPEG, made once for all viewers. */
const messages = new WeakMap<Packet, Buffer>();

function jpegMessage(packet: Packet): Buffer {
  let message = messages.get(packet);
  if (!message) {
    const header = writeFrameHeader({
      encoding: 'jpeg',
      format: 'rgb24',
      width: packet.track.width,
      height: packet.track.height,
      payloadBytes: packet.data.length,
      id: packet.id,
      timestamp: packet.timestamp,
    });
    message = Buffer.concat([header, packet.data]);
    messages.set(packet, message);
  }
  return message;
}

/** Serves one viewer until its socket closes. */
export function servePictures(
  ws: WebSocket,
  stream: Stream,
  codec: keyof typeof PICTURE_CODECS,
  settings: PictureSettings,
  output: OutputMeter,
  params: ViewerParams | null,
): void {
  new PictureViewer(ws, stream, PICTURE_CODECS[codec], settings, output, params).run();
}

class PictureViewer {
  readonly #codec: PictureCodec;
  readonly #ws: WebSocket;
  readonly #stream: Stream;
  readonly #output: OutputMeter;
  readonly #seat: ViewerSeat;
  readonly #adaptation: Adaptation;
  readonly #params: ViewerParams | null;
  #sending = false;
  /** Whether it acknowledges: `null` = not known yet. */
  #acks: boolean | null = null;
  #unacked: { id: number; at: number }[] = [];
  #ready: (() => void) | null = null;
  #size = '';
  readonly #opened = performance.now();
  /** Ways there and back, ms. */
  #rtts: number[] = [];

  constructor(
    ws: WebSocket,
    stream: Stream,
    codec: PictureCodec,
    settings: PictureSettings,
    output: OutputMeter,
    params: ViewerParams | null,
  ) {
    this.#codec = codec;
    this.#ws = ws;
    this.#stream = stream;
    this.#adaptation = new Adaptation(stream, settings, () => (params ? baseOf(params.values) : {}));
    this.#params = params;
    this.#output = output;
    this.#seat = new ViewerSeat(ws, stream, output, () => this.#subscribe());
  }

  run(): void {
    const unfollow = this.#params?.onChange(() => {
      if (this.#adaptation.rebase()) this.#change();
    });
    const timer = setInterval(() => this.#adapt(), ADAPT_MS).unref();
    this.#ws.on('pong', (data) => {
      const rtt = performance.now() - Number(data.toString());
      if (rtt >= 0) this.#rtts.push(rtt);
      if (this.#rtts.length > PINGS) this.#rtts.shift();
    });
    const ping = () => {
      if (this.#adaptation.active && this.#seat.open) this.#ws.ping(String(performance.now()));
    };
    // Before the first picture: later ones may have to wait behind pictures.
    ping();
    const pings = setInterval(ping, PING_MS).unref();
    this.#seat.run(
      (text) => this.#onText(text),
      () => {
        clearInterval(timer);
        clearInterval(pings);
        unfollow?.();
        this.#wake();
      },
    );
    void this.#send();
  }

  #adapt(): void {
    this.#seat.queue.count();
    const { meter } = this.#seat.queue;
    const changed = this.#adaptation.update({
      offered: meter.offered,
      skipped: meter.skipped.total,
      backlog: this.#ws.bufferedAmount,
      rtt: this.#rtts.length ? Math.min(...this.#rtts) : 0,
    });
    if (changed) this.#change();
  }

  #subscribe(): Subscription<Packet> {
    const { codec, settings, limit } = this.#codec;
    const asked = this.#adaptation.settings;
    const rendition = this.#stream.rendition(settings(asked));
    const subscription = rendition.subscribe(`ws-${codec}`, limit(this.#stream, asked.width), 'newest', () => {
      this.#seat.queue.count();
      this.#seat.queue.meter.skipped.add('newest');
    });
    if (rendition.newest) subscription.queue.push(rendition.newest);
    return subscription;
  }

  async #send(): Promise<void> {
    while (!this.#seat.signal.aborted) {
      await this.#whenReady();
      const { subscription } = this.#seat.queue;
      const packet = await this.#seat.take();
      if (!packet) {
        // With an open socket the settings may have changed: another queue is there.
        if (subscription === this.#seat.queue.subscription) break;
        continue;
      }
      const size = `${packet.track.width}x${packet.track.height}`;
      if (size !== this.#size) {
        this.#size = size;
        sendText(this.#ws, {
          type: 'init',
          codec: this.#codec.codec,
          width: packet.track.width,
          height: packet.track.height,
          ...this.#codec.describe(this.#adaptation.settings),
        });
      }
      this.#sending = true;
      if (this.#acks ?? this.#adaptation.active) this.#unacked.push({ id: packet.id, at: performance.now() });
      const message = this.#codec.message(packet);
      this.#adaptation.sent(packet.id, message.length);
      this.#seat.queue.meter.sent++;
      this.#seat.queue.meter.bytes += message.length;
      this.#ws.send(message, { binary: true }, () => {
        this.#output.onSent(packet, this.#stream.clock.now());
        this.#sending = false;
        this.#wake();
      });
    }
    this.#seat.end();
  }

  /** Settles when the socket is empty and few pictures are unacknowledged. */
  async #whenReady(): Promise<void> {
    while (!this.#seat.signal.aborted) {
      const oldest = this.#unacked[0];
      const limit = this.#adaptation.flying ?? this.#codec.unacked;
      const wait = oldest && this.#unacked.length >= limit ? oldest.at + ACK_TIMEOUT_MS - performance.now() : 0;
      if (!this.#sending && wait <= 0) {
        if (this.#unacked.length >= limit) {
          this.#unacked = [];
          if (performance.now() - this.#opened > FIRST_ACK_MS) this.#acks ??= false;
        }
        return;
      }
      await new Promise<void>((resolve) => {
        const timer = wait > 0 ? setTimeout(() => this.#wake(), wait) : undefined;
        this.#ready = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  #wake(): void {
    const ready = this.#ready;
    this.#ready = null;
    ready?.();
  }

  #onText(text: string): void {
    const message = readViewerMessage(this.#ws, text);
    if (!message) return;
    if (message.type === 'ack') {
      this.#acks = true;
      this.#adaptation.acked(message.id);
      this.#unacked = this.#unacked.filter((entry) => entry.id > message.id);
      this.#wake();
    } else if (message.type === 'shown') this.#output.reportShown(message.latencyMs);
    else {
      const { type: _, quality, width, fps, adapt, ...lossless } = message;
      this.#adaptation.change({ quality, width, fps, adapt, lossless });
      this.#change();
    }
  }

  #change(): void {
    this.#seat.queue.resubscribe();
    sendText(this.#ws, { type: 'settings', ...this.#codec.describe(this.#adaptation.settings), frame: this.#stream.lastFrame?.id ?? 0 });
  }
}
