// Publishers by WebRTC as the server sees them: their access units and their sound are decoded in media workers and pushed into the stream
// like any frames and blocks.
import { randomBytes } from 'node:crypto';
import { SluiceError } from '../../core/errors.ts';
import type { Micros } from '../../core/time.ts';
import { OPUS_DELAY_US, OPUS_RATE } from '../../formats/opus.ts';
import type { Job } from '../../pipeline/media-pool.ts';
import type { DecodeEvent, SoundDecodeEvent } from '../../pipeline/messages.ts';
import type { Publisher } from '../../pipeline/publisher.ts';
import type { Stream } from '../../pipeline/stream.ts';
import type { OutputContext } from '../output.ts';
import type { FromProcess } from './messages.ts';
import type { WebRtcProcess } from './process.ts';

/** How often a publisher is told what came of its pictures. */
const STATUS_MS = 1000;

/** What a publisher is told on its data channel, for the person in front of it. */
export type PublisherNews =
  | {
      readonly type: 'status';
      /** Pictures that came whole, and how many of them could not be decoded. */
      readonly received: number;
      readonly undecodable: number;
      /** Packets of sound that came. */
      readonly sound: number;
      /** Of the newest decoded picture; 0 before the first. */
      readonly width: number;
      readonly height: number;
      readonly id: number;
      /** The reason in a sentence if the newest picture was not accepted. */
      readonly refused: string | null;
    }
  | { readonly type: 'ended'; readonly reason: string };

/** What the process hands on of a publisher. */
interface Inputs {
  onUnit(unit: Extract<FromProcess, { type: 'unit' }>): void;
  onSound(unit: Extract<FromProcess, { type: 'sound-unit' }>): void;
}

type Status = Extract<PublisherNews, { type: 'status' }>;

export interface Publishing {
  readonly id: string;
  readonly stream: Stream;
  readonly etag: string;
  /** Codec of the answer, such as `H264`. */
  codec: string;
  close(reason: string): void;
}

export class Publishers {
  readonly #context: OutputContext;
  readonly #process: WebRtcProcess;
  readonly #ask: (id: string, message: { type: 'publish'; id: string; offer: string }) => Promise<FromProcess>;
  readonly #open = new Map<string, Publishing & Inputs>();

  constructor(
    context: OutputContext,
    process: WebRtcProcess,
    ask: (id: string, message: { type: 'publish'; id: string; offer: string }) => Promise<FromProcess>,
  ) {
    this.#context = context;
    this.#process = process;
    this.#ask = ask;
  }

  find(id: string): Publishing | undefined {
    return this.#open.get(id);
  }

  /** Opens a connection: the answer to an offer. Throws `bad-request`, `not-acceptable`, `publisher-busy`, `unavailable`. */
  async open(stream: Stream, offer: string, name: string, exclusive: boolean): Promise<{ publishing: Publishing; answer: string }> {
    stream.assertPush();
    await this.#process.start();
    const id = randomBytes(12).toString('base64url');
    const publisher = stream.input.open(name, exclusive, id);
    const publishing = this.#make(id, stream, publisher);
    try {
      const message = await this.#ask(id, { type: 'publish', id, offer });
      if (message.type === 'answer') {
        publishing.codec = message.codec;
        return { publishing, answer: message.sdp };
      }
      if (message.type === 'refused') throw new SluiceError(message.status, message.reason);
      throw new SluiceError('unavailable', 'the connection ended before it began');
    } catch (error) {
      publishing.close('no answer');
      throw error;
    }
  }

  #make(id: string, stream: Stream, publisher: Publisher): Publishing {
    let job: Job | null = null;
    let soundJob: Job | null = null;
    const status = {
      type: 'status' as const,
      received: 0,
      undecodable: 0,
      sound: 0,
      width: 0,
      height: 0,
      id: 0,
      refused: null as string | null,
    };
    const off = stream.events.on('closed', () => publishing.close('the stream was removed'));
    const timer = setInterval(() => this.#tell(id, status), STATUS_MS);
    const publishing = {
      id,
      stream,
      etag: `"${randomBytes(8).toString('hex')}"`,
      codec: '',
      close: (reason: string) => {
        if (!this.#open.delete(id)) return;
        this.#context.log.debug({ stream: stream.name, publisher: id, reason }, 'a WebRTC publisher left');
        clearInterval(timer);
        publisher.onReplaced = null;
        publisher[Symbol.dispose]();
        this.#process.send({ type: 'close', id, text: JSON.stringify({ type: 'ended', reason } satisfies PublisherNews) });
        off();
        void job?.stop();
        void soundJob?.stop();
      },
      onSound: ({ data, time, moment }: Extract<FromProcess, { type: 'sound-unit' }>) => {
        soundJob ??= stream.decodeSound((event) => this.#onSound(id, stream, event));
        status.sound++;
        soundJob.send({ type: 'unit', data, key: true, time, arrival: stream.clock.at(moment) });
      },
      onUnit: (unit: Extract<FromProcess, { type: 'unit' }>) => {
        const codec = publishing.codec.toUpperCase() === 'H264' ? 'h264' : 'vp8';
        job ??= stream.decode(codec, (event) => this.#onDecoded(id, stream, status, event));
        status.received++;
        // The process runs on the same monotonic clock. Not by the difference to now: between two looks at clocks a busy machine may pause.
        const arrival = stream.clock.at(unit.moment);
        job.send({ type: 'unit', data: unit.data, key: unit.key, time: unit.time, arrival });
      },
    };
    publisher.onReplaced = () => publishing.close(`${stream.input.publisher?.name ?? 'another program'} took this stream over`);
    this.#open.set(id, publishing);
    return publishing;
  }

  #tell(id: string, news: PublisherNews): void {
    this.#process.send({ type: 'tell', id, text: JSON.stringify(news) });
  }

  #onDecoded(id: string, stream: Stream, status: { -readonly [Key in keyof Status]: Status[Key] }, event: DecodeEvent): void {
    if (event.type === 'lost') {
      stream.captured.dropped.add('undecodable');
      status.undecodable += event.count;
      this.#process.send({ type: 'request-key', id });
    } else if (event.type === 'picture' && this.#open.has(id)) {
      const { width, height, data, time, arrival } = event;
      const timestamp = arrival as Micros;
      const times = { timestamp, deviceTimestamp: time, arrival: timestamp };
      const receipt = stream.input.push({ format: 'yuv420p', width, height, data }, times);
      Object.assign(status, {
        width,
        height,
        id: receipt.id || status.id,
        refused: receipt.dropped ? (receipt.detail ?? receipt.dropped) : null,
      });
    }
  }

  #onSound(id: string, stream: Stream, event: SoundDecodeEvent): void {
    if (event.type === 'lost') stream.sound.captured.dropped.add('undecodable', event.count);
    else if (event.type === 'sound' && this.#open.has(id)) {
      const { channels, samples, arrival } = event;
      stream.takeSound({
        timestamp: Math.round(arrival - OPUS_DELAY_US) as Micros,
        rate: OPUS_RATE,
        channels,
        samples: samples.length / channels,
        format: 's16',
        data: [samples],
      });
    }
  }

  onMessage(message: FromProcess): void {
    if (message.type === 'sound-unit') this.#open.get(message.id)?.onSound(message);
    if (message.type === 'unit') this.#open.get(message.id)?.onUnit(message);
    else if (message.type === 'gone') this.#open.get(message.id)?.close(message.reason);
  }

  closeAll(reason: string): void {
    for (const publishing of [...this.#open.values()]) publishing.close(reason);
  }
}
