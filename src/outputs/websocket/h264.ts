// H.264 over WebSocket: binary messages = one-frame fragments (`moof` + `mdat`) that go out as soon as the frame is encoded; the identity is
// in the SEI. A viewer that falls behind loses pictures up to the next key frame and is told which. Text `init` comes before the first
// fragment and with each change of the track.
import type { WebSocket } from 'ws';
import { SluiceError } from '../../core/errors.ts';
import type { Subscription } from '../../core/fanout.ts';
import type { Packet, TrackInfo } from '../../core/packet.ts';
import type { RenditionSettings } from '../../encoders/encoder.ts';
import { fragment, initSegment, PROVISIONAL_DURATION } from '../../formats/fmp4.ts';
import { type Rendition, renditionKey } from '../../pipeline/rendition.ts';
import type { Stream } from '../../pipeline/stream.ts';
import type { OutputMeter } from '../meter.ts';
import { given } from '../picture-query.ts';
import { type ViewerParams, videoSettings } from '../viewer-params.ts';
import { readViewerMessage, sendText } from './viewer-message.ts';
import { ViewerSeat } from './viewer-seat.ts';

/** Packets that may wait in front of a viewer. */
const QUEUE_LIMIT = 12;
/** Pictures that may be on their way to a viewer that acknowledges them: a second at 30 fps. */
const MAX_UNACKED = 30;
/** They are given up after so long without an acknowledgement. */
const ACK_TIMEOUT_MS = 1000;
/** Time between two questions for a key frame while a viewer waits for one, ms. */
const ASK_KEY_MS = 500;

/** The message of a packet, made once for all viewers. */
const messages = new WeakMap<Packet, Buffer>();
/** The init segment of a track in base64. */
const inits = new WeakMap<TrackInfo, string>();

function messageOf(packet: Packet): Buffer {
  let message = messages.get(packet);
  if (!message) {
    const bytes = fragment(packet.id, packet.pts, PROVISIONAL_DURATION, packet.key, packet.data);
    message = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    messages.set(packet, message);
  }
  return message;
}

function initOf(track: TrackInfo): string {
  let init = inits.get(track);
  if (init === undefined) {
    init = Buffer.from(initSegment(track)).toString('base64');
    inits.set(track, init);
  }
  return init;
}

/** What a viewer asks for itself. */
export interface H264Wishes {
  readonly fps?: number | undefined;
  readonly width?: number | undefined;
}

/** Serves one viewer until its socket closes. */
export function serveH264(ws: WebSocket, stream: Stream, own: H264Wishes, output: OutputMeter, params: ViewerParams): void {
  new H264Viewer(ws, stream, own, output, params).run();
}

class H264Viewer {
  readonly #ws: WebSocket;
  readonly #stream: Stream;
  readonly #own: H264Wishes;
  readonly #params: ViewerParams;
  readonly #output: OutputMeter;
  readonly #seat: ViewerSeat;
  #rendition: Rendition;
  #track: TrackInfo | null = null;
  #needKey = true;
  #askedAt = 0;
  #acks = false;
  #onAck: (() => void) | null = null;
  /** Pictures sent since the newest acknowledgement. */
  #unacked: number[] = [];
  #skip: { from: number; to: number } | null = null;

  constructor(ws: WebSocket, stream: Stream, own: H264Wishes, output: OutputMeter, params: ViewerParams) {
    this.#ws = ws;
    this.#stream = stream;
    this.#own = own;
    this.#params = params;
    this.#rendition = stream.rendition(this.#settings());
    this.#output = output;
    this.#seat = new ViewerSeat(ws, stream, output, () => this.#subscribe());
  }

  run(): void {
    const offs = [
      // A rendition of its own is not closed when the settings of the stream change.
      this.#stream.events.on('config', () => this.#onSettings()),
      this.#params.onChange(() => this.#onSettings()),
    ];
    this.#seat.run(
      (text) => this.#onText(text),
      () => {
        for (const off of offs) off();
        this.#onAck?.();
      },
    );
    void this.#send();
  }

  #settings(): RenditionSettings {
    return videoSettings(this.#stream.config, { ...this.#params.values, ...given(this.#own) });
  }

  #onSettings(): void {
    if (renditionKey(this.#settings()) !== this.#rendition.key) this.#seat.queue.subscription.close();
  }

  #subscribe(): Subscription<Packet> {
    this.#needKey = true;
    this.#rendition = this.#stream.rendition(this.#settings());
    return this.#rendition.subscribe('ws-h264', QUEUE_LIMIT, 'keyframe', (packet) => this.#lost(packet));
  }

  async #send(): Promise<void> {
    while (!this.#seat.signal.aborted) {
      const packet = await this.#seat.take();
      if (!packet) {
        if (this.#seat.signal.aborted) break;
        // The settings have changed and the rendition was closed under us: go on with the new one.
        await new Promise((resolve) => setTimeout(resolve, 20));
        if (!this.#seat.open) break;
        this.#seat.queue.resubscribe();
        continue;
      }
      if (this.#needKey && !packet.key) {
        this.#lost(packet);
        this.#askKey();
        continue;
      }
      this.#needKey = false;
      if (packet.track !== this.#track) {
        this.#track = packet.track;
        const { codec, width, height, bitrate } = packet.track;
        sendText(this.#ws, { type: 'init', codec, width, height, bitrate, init: initOf(packet.track) });
      }
      this.#tellSkip();
      const message = messageOf(packet);
      if (this.#acks) this.#unacked.push(packet.id);
      this.#seat.queue.meter.sent++;
      this.#seat.queue.meter.bytes += message.length;
      await new Promise<void>((resolve) => this.#ws.send(message, { binary: true }, () => resolve()));
      this.#output.onSent(packet, this.#stream.clock.now());
      await this.#whenAcked();
    }
    this.#seat.end();
  }

  /** A viewer that acknowledges holds back what it does not take; without this the network's buffers would fill with old pictures. */
  async #whenAcked(): Promise<void> {
    while (this.#acks && this.#unacked.length > MAX_UNACKED && !this.#seat.signal.aborted) {
      const heard = await new Promise<boolean>((resolve) => {
        const timer = setTimeout(() => resolve(false), ACK_TIMEOUT_MS);
        this.#onAck = () => {
          clearTimeout(timer);
          resolve(true);
        };
      });
      this.#onAck = null;
      // Acknowledgements may be lost; without this the viewer would stand still for good.
      if (!heard) this.#unacked = [];
    }
  }

  #lost(packet: Packet): void {
    this.#seat.queue.count();
    this.#seat.queue.meter.skipped.add('keyframe');
    this.#skip = { from: this.#skip?.from ?? packet.id, to: packet.id };
    // The queue begins again with a key frame; until then nothing comes out of it.
    this.#askKey();
  }

  #askKey(): void {
    const now = performance.now();
    if (now - this.#askedAt < ASK_KEY_MS) return;
    this.#askedAt = now;
    this.#rendition.requestKey();
  }

  #tellSkip(): void {
    if (this.#skip && this.#seat.queue.meter.sent > 0) sendText(this.#ws, { type: 'skip', ...this.#skip, reason: 'keyframe' });
    this.#skip = null;
  }

  #onText(text: string): void {
    const message = readViewerMessage(this.#ws, text);
    if (message?.type === 'ack') {
      this.#acks = true;
      this.#unacked = this.#unacked.filter((id) => id > message.id);
      this.#onAck?.();
    } else if (message?.type === 'shown') this.#output.reportShown(message.latencyMs);
    else if (message?.type === 'set') {
      const error = new SluiceError(
        'bad-request',
        'set: H.264 has one rendition for all its viewers; codec=jpeg has settings of their own',
      );
      sendText(this.#ws, { ...error.toProblem(), type: 'error' });
    }
  }
}
