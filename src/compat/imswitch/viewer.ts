// One Socket.IO client of ImSwitch: gets pictures of all live views, of each detector only the newest that it has time for, in the format of
// today or in that of October 2025. Which of both it wants shows in how it acknowledges.
import type { Socket } from 'socket.io';
import type { OutputMeter, ViewerMeter } from '../../outputs/meter.ts';
import type { Stream } from '../../pipeline/stream.ts';
import { ACK_TIMEOUT_MS, AckWindow, ID_MODULO, WINDOW } from './ack-window.ts';
import type { ImswitchPicture } from './pictures.ts';

/** `msgpack`: since November 2025; `frame_meta`: October 2025. */
export type SocketFormat = 'msgpack' | 'frame_meta';

/** Its part in one live view. */
interface Seat {
  readonly stream: Stream;
  readonly output: OutputMeter;
  readonly meter: ViewerMeter;
  readonly watch: Disposable;
}

export interface SocketViewerOptions {
  readonly socket: Socket;
  /** `null`: found out by its acknowledgements. */
  readonly format: SocketFormat | null;
  /** The only one it wants; `null` = all. */
  readonly detector: string | null;
}

export class SocketViewer implements Disposable {
  readonly detector: string | null;
  readonly #socket: Socket;
  readonly #fixed: boolean;
  /** What it is known to understand. */
  #format: SocketFormat | null;
  /** What is tried while that is not known. */
  #tried: SocketFormat = 'msgpack';
  readonly #window = new AckWindow();
  readonly #seats = new Map<string, Seat>();
  /** The newest picture of each detector that is not sent yet; the detector that has waited longest comes first. */
  readonly #waiting = new Map<string, ImswitchPicture>();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor({ socket, format, detector }: SocketViewerOptions) {
    this.#socket = socket;
    this.#format = format;
    this.#fixed = format !== null;
    this.detector = detector;
    const follow = (transport: typeof socket.conn.transport) => transport.on('ready', () => this.#pump());
    follow(socket.conn.transport);
    socket.conn.on('upgrade', follow);
    socket.on('frame_ack', (data: unknown) => this.#onAck(data));
  }

  /** A live view begins, or it comes while one runs. */
  join(view: string, stream: Stream, output: OutputMeter): void {
    this.#seats.set(view, { stream, output, meter: output.viewer(), watch: stream.watch() });
  }

  /** A live view has ended. */
  leave(view: string): void {
    const seat = this.#seats.get(view);
    this.#seats.delete(view);
    this.#waiting.delete(view);
    seat?.meter[Symbol.dispose]();
    seat?.watch[Symbol.dispose]();
  }

  /** Takes the place of an older picture of the same live view that has not gone out. */
  offer(view: string, picture: ImswitchPicture): void {
    const seat = this.#seats.get(view);
    if (!seat || this.#closed) return;
    seat.meter.offered++;
    if (this.#waiting.has(view)) seat.meter.skipped.add('newest');
    this.#waiting.set(view, picture);
    this.#pump();
  }

  #pump(): void {
    clearTimeout(this.#timer);
    for (const [view, picture] of this.#waiting) {
      // One picture in the socket at a time: whoever does not read loses pictures, and nothing piles up. `ready` tells when there is room.
      if (this.#closed || !this.#socket.conn.transport.writable) return;
      const now = performance.now();
      const { timeouts } = this.#window;
      const wait = this.#window.wait(now, this.#format === 'msgpack' ? WINDOW : 1);
      if (wait > 0) {
        this.#timer = setTimeout(() => this.#pump(), wait);
        return;
      }
      // Nobody has answered: perhaps it understands the other one.
      if (this.#format === null && this.#window.timeouts > timeouts) this.#tried = this.#tried === 'msgpack' ? 'frame_meta' : 'msgpack';
      this.#waiting.delete(view);
      this.#send(this.#seats.get(view)!, picture, now);
    }
  }

  #send(seat: Seat, picture: ImswitchPicture, now: number): void {
    this.#window.sent(picture.id, now);
    const format = this.#format ?? this.#tried;
    let bytes: number;
    if (format === 'msgpack') {
      const { message } = picture;
      this.#socket.emit('frame', message);
      bytes = message.length;
    } else {
      const { packet, signal } = picture.october;
      const acked = (error: Error | null) => {
        if (error) return;
        this.#format ??= 'frame_meta';
        if (this.#window.acked(picture.id)) this.#pump();
      };
      // Unanswered ones are forgotten by the library too.
      const asking = this.#socket.timeout(ACK_TIMEOUT_MS);
      if (packet) {
        asking.emit('frame', packet, acked);
        this.#socket.emit('signal', signal);
      } else asking.emit('signal', signal, acked);
      bytes = signal.length + (packet?.length ?? 0);
    }
    seat.meter.sent++;
    seat.meter.bytes += bytes;
    seat.output.onSent(picture.packet, seat.stream.clock.now());
  }

  /**
   * Clients of today name the picture; those of October 2025 answer the request for an answer, or name none. Who gets a picture in the other
   * format shows by that what it is: those of October acknowledge bytes that they cannot read, with nothing.
   */
  #onAck(data: unknown): void {
    const id = typeof data === 'object' && data !== null && 'frame_id' in data ? data.frame_id : undefined;
    if (typeof id === 'number' && Number.isInteger(id) && id >= 0 && id < ID_MODULO) {
      if (!this.#fixed) this.#format = 'msgpack';
      this.#window.acked(id);
    } else {
      if (data === undefined || data === null) this.#format ??= 'frame_meta';
      this.#window.ackedOldest();
    }
    this.#pump();
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const view of [...this.#seats.keys()]) this.leave(view);
  }
}
