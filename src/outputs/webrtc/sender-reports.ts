// Sender reports of one track (RFC 3550 6.4.1). They say which RTP time belongs to which moment of the frame clock, so that receivers
// play pictures and sound of one moment together, however long each took to get there.
import { writeSenderReport } from '../../formats/rtcp.ts';
import { wallMicros } from '../../native/system-clock.ts';
import { CNAME } from '../../native/webrtc.ts';

const EVERY_MS = 1000;

export interface SenderReportsOptions {
  readonly ssrc: number;
  /** RTP time of a moment, µs UTC; 32 bits. */
  readonly rtpTimeAt: (time: number) => number;
  readonly write: (bytes: Uint8Array) => void;
}

export class SenderReports {
  readonly #options: SenderReportsOptions;
  #packets = 0;
  #bytes = 0;
  #reported = 0;
  #reportedMs = Number.NEGATIVE_INFINITY;

  constructor(options: SenderReportsOptions) {
    this.#options = options;
  }

  /**
   * After packets were sent, and from time to time: reports at once, and then each second in which something was sent.
   *
   * @param packets sent since the beginning
   * @param bytes of their payloads
   * @param now ms, monotonic
   */
  sent(packets: number, bytes: number, now: number): void {
    this.#packets = packets;
    this.#bytes = bytes;
    this.update(now);
  }

  update(now: number): void {
    if (this.#packets === this.#reported || now - this.#reportedMs < EVERY_MS) return;
    this.#reported = this.#packets;
    this.#reportedMs = now;
    const { ssrc, rtpTimeAt, write } = this.#options;
    // Any moment will do. That of the sending makes round trips of the receiver's reports right.
    const time = wallMicros();
    write(writeSenderReport({ ssrc, time, rtpTime: rtpTimeAt(time), packets: this.#packets, bytes: this.#bytes, cname: CNAME }));
  }
}
