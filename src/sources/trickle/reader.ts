// Reads the segments of a channel one after the other and takes the transport stream in them apart while it comes.
import type { Clock } from '../../core/clock.ts';
import { TsDemuxer } from '../../formats/mpegts-demux.ts';
import type { ChannelEnd, ChannelSubscriber } from '../../trickle/segments.ts';
import type { UnitLine } from './unit-line.ts';

export class ChannelReader {
  readonly demuxer = new TsDemuxer();
  readonly #channel: ChannelSubscriber;
  readonly #line: UnitLine;
  readonly #clock: Clock;
  #last: number | null = null;

  constructor(channel: ChannelSubscriber, line: UnitLine, clock: Clock) {
    this.#channel = channel;
    this.#line = line;
    this.#clock = clock;
  }

  /** Reads until the channel is over, or aborted, and then ends the line. Never rejects. */
  async run(signal: AbortSignal): Promise<ChannelEnd | null> {
    try {
      for (let segment = await this.#channel.next(); segment && !signal.aborted; segment = await this.#channel.next()) {
        // Pictures of a segment that was missed are missing too.
        if (this.#last !== null && segment.seq !== this.#last + 1) this.#add(this.demuxer.skip());
        this.#last = segment.seq;
        try {
          for await (const chunk of segment) {
            if (signal.aborted) break;
            this.#add(this.demuxer.push(chunk));
            await this.#line.room(signal);
          }
        } finally {
          this.#add(segment.truncated ? this.demuxer.cut() : this.demuxer.flush());
        }
      }
    } finally {
      this.#line.end();
    }
    return this.#channel.reason;
  }

  #add(units: ReturnType<TsDemuxer['push']>): void {
    if (units.length) this.#line.add(units, this.#clock.now());
  }
}
