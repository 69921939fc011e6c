// Copies the frames of another stream into the ring of this one, inside a media worker. They keep id and capture time.
import type { MessagePort } from 'node:worker_threads';
import type { Clock } from '../../core/clock.ts';
import { toSluiceError } from '../../core/errors.ts';
import { frameBytes } from '../../core/frame.ts';
import { TimeGate } from '../../core/gate.ts';
import { IdCounter } from '../../core/ids.ts';
import { FrameRing } from '../../core/ring.ts';
import type { Micros } from '../../core/time.ts';
import type { JobCommand, JobSpec, PlainError, SourceEvent } from '../messages.ts';
import { plainError } from '../plain-error.ts';
import { type LentFrame, RingFeed } from '../ring-feed.ts';

type Spec = Extract<JobSpec, { kind: 'follow' }>;

export async function runFollowJob(spec: Spec, port: MessagePort, clock: Clock): Promise<void> {
  let failure: PlainError | null = null;
  try {
    await new FollowJob(spec, port, clock).run();
  } catch (error) {
    failure = plainError(toSluiceError(error, 'source-failed'));
  }
  port.postMessage({ type: 'end', error: failure } satisfies SourceEvent);
  port.close();
}

class FollowJob {
  readonly #port: MessagePort;
  readonly #clock: Clock;
  readonly #feed: RingFeed;
  readonly #ids: IdCounter;
  readonly #gate = new TimeGate();
  #ring: FrameRing | null;
  #stopped = false;
  #refusal: string | null = null;
  /** A ring was asked for. */
  #asked = false;

  constructor(spec: Spec, port: MessagePort, clock: Clock) {
    this.#port = port;
    this.#clock = clock;
    this.#feed = new RingFeed(spec.reader, spec.from);
    this.#ids = new IdCounter({ memory: spec.ids });
    this.#ring = spec.ring && new FrameRing(spec.ring);
    this.#gate.resume(spec.last as Micros);
    port.on('message', (command: JobCommand) => {
      if (command.type === 'stop') this.#stopped = true;
      else if (command.type === 'from-ring') this.#feed.add(command.ring);
      else if (command.type === 'move') this.#ring = null;
      else if (command.type === 'no-ring') this.#refusal = command.reason;
      else if (command.type === 'ring') {
        this.#ring = new FrameRing(command.ring);
        this.#asked = false;
      }
      this.#feed.wake();
    });
  }

  async run(): Promise<void> {
    while (!this.#stopped) {
      if (this.#refusal) throw toSluiceError({ code: 'frame-too-large', message: this.#refusal });
      const lent = this.#feed.take();
      if (!lent) await this.#feed.wait(60_000);
      else {
        try {
          this.#copy(lent);
        } finally {
          lent.done();
        }
      }
      // Lets commands in: everything above may have run without giving up the thread.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  #copy({ info: from, slot }: LentFrame): void {
    const { format, width, height } = from;
    const bytes = frameBytes(format, width, height);
    if (!this.#ring || this.#ring.memory.slotBytes < bytes) {
      // The frame at hand is given up: the next one finds a ring.
      if (!this.#asked) this.#send({ type: 'need-ring', format, width, height });
      this.#asked = true;
      return this.#send({ type: 'no-slot' });
    }
    const answer = this.#gate.check(from.timestamp, this.#clock.now());
    if (!answer.accepted) return this.#send({ type: 'refused', reason: answer.reason, detail: answer.detail });
    const target = this.#ring.claim();
    if (target < 0) return this.#send({ type: 'no-slot' });
    const id = this.#ids.takeAs(from.id);
    if (id === 0) {
      this.#ring.release(target);
      this.#send({ type: 'need-ids', id: from.id });
      return this.#send({ type: 'no-slot' });
    }
    this.#ring.pixels(target).set(slot.subarray(0, bytes));
    const info = { ...from, id };
    this.#ring.publish(target, info);
    this.#send({ type: 'frame', info, stepped: answer.stepped, ...(id === from.id ? {} : { metadata: { from: from.id } }) });
  }

  #send(event: SourceEvent): void {
    this.#port.postMessage(event);
  }
}
