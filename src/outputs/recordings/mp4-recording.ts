// A recording of the stream's H.264 pictures and AAC as fragmented MP4: the packets that viewers get, not encoded again, one fragment each,
// appended.
// Times in the file begin at 0; capture time and id of each frame are in its SEI.
import { type FileHandle, open } from 'node:fs/promises';
import { bytesText } from '../../core/bytes-text.ts';
import type { Subscription } from '../../core/fanout.ts';
import type { Packet, TrackInfo } from '../../core/packet.ts';
import { TICKS_PER_SECOND, type Ticks } from '../../core/time.ts';
import { concatBytes, sameBytes } from '../../formats/bytes.ts';
import { bothInitSegment, fragment, initSegment, SOUND_TRACK_ID } from '../../formats/fmp4.ts';
import { readFragments } from '../../formats/fmp4-index.ts';
import { fileBytes } from '../../native/file-bytes.ts';
import type { RecordProgress } from '../../pipeline/messages.ts';
import { type RecordingGap, reasonOf, type StopRule } from '../../pipeline/recording/frame-recorder.ts';
import type { RepairedFile } from '../../pipeline/recording/tiff-recording.ts';
import type { Stream } from '../../pipeline/stream.ts';
import { RecordedSound } from './recorded-sound.ts';

/** Packets that may wait for the disk: ten seconds at 30 per second. */
const QUEUE_LIMIT = 300;
/** Packets that go to the disk in one call. */
const BATCH = 30;
/** How long the last picture is shown, ticks. */
const LAST_DURATION = 3000;

export class Mp4Recording {
  readonly #stream: Stream;
  readonly #path: string;
  readonly #stop: StopRule;
  readonly #subscription: Subscription<Packet>;
  readonly #drain = new AbortController();
  readonly #lostBefore: number;
  #sound: RecordedSound | null = null;
  #handle: FileHandle | null = null;
  #track: TrackInfo | null = null;
  #base = 0;
  #count = 0;
  #held: Packet | null = null;
  #bytes = 0;
  #frames = 0;
  #dropped = 0;
  #missing = 0;
  #first: Packet | null = null;
  #last: Packet | null = null;
  #gaps: RecordingGap[] = [];
  /** What is in the file. */
  #written: { frames: number; first: Packet | null; last: Packet | null } = { frames: 0, first: null, last: null };
  #reason: string | null = null;
  readonly ended: Promise<Error | null>;

  constructor(stream: Stream, path: string, stop: StopRule) {
    this.#stream = stream;
    this.#path = path;
    this.#stop = stop;
    this.#lostBefore = this.#lostByEncoder();
    this.#subscription = stream.main.subscribe('recording', QUEUE_LIMIT, 'keyframe', ({ repeat }) => {
      if (repeat) return;
      this.#missing++;
      this.#dropped++;
    });
    stream.main.requestKey();
    this.ended = this.#run().then(
      () => null,
      (error) => {
        this.end(reasonOf(error));
        return this.#written.frames ? null : new Error(this.#reason!);
      },
    );
  }

  get reason(): string | null {
    return this.#reason;
  }

  get progress(): RecordProgress {
    const at = (packet: Packet | null) => packet && { id: packet.id, timestamp: packet.timestamp };
    const track = this.#track;
    return {
      frames: this.#written.frames,
      bytes: this.#bytes,
      dropped: this.#dropped + Math.max(0, this.#lostByEncoder() - this.#lostBefore),
      first: this.#written.frames ? at(this.#written.first) : null,
      last: at(this.#written.last),
      shape: track && { format: 'yuv420p', width: track.width, height: track.height, significantBits: 8 },
      queue: this.#subscription.queue.stats,
    };
  }

  takeGaps(): RecordingGap[] {
    const gaps = this.#gaps;
    this.#gaps = [];
    return gaps;
  }

  /** Takes no more pictures; what waits is still written. The first reason stays. */
  end(reason: string): void {
    if (this.#reason !== null) return;
    this.#reason = reason;
    this.#drain.abort();
  }

  #lostByEncoder(): number {
    const { dropped, failed } = this.#stream.main.stats();
    return Object.values(dropped).reduce((sum, count) => sum + count, failed);
  }

  async #run(): Promise<void> {
    const { queue } = this.#subscription;
    try {
      this.#sound = await RecordedSound.open(this.#stream);
      for (let packet = await queue.take(this.#drain.signal); packet; packet = await queue.take(this.#drain.signal)) {
        const parts: Uint8Array[] = [];
        const done = !this.#add(packet, parts);
        for (let more = done ? undefined : queue.poll(); more && parts.length < BATCH; more = queue.poll()) {
          if (!this.#add(more, parts)) break;
        }
        this.#addSound(packet.pts, parts);
        await this.#write(parts);
      }
      if (this.#reason === null) this.end('the stream was closed, or encodes differently now');
      const rest: Uint8Array[] = [];
      const end = (this.#held?.pts ?? this.#last?.pts ?? this.#base) + LAST_DURATION;
      this.#flush(LAST_DURATION, rest);
      await this.#sound?.reaches(end);
      this.#addSound(end, rest);
      await this.#write(rest);
    } finally {
      this.#subscription.close();
      this.#sound?.[Symbol.dispose]();
      await this.#handle?.datasync().catch(() => {});
      await this.#handle?.close();
    }
  }

  /** False when the recording has its end before this packet. */
  #add(packet: Packet, parts: Uint8Array[]): boolean {
    // What waited when the end came is over its limit.
    if (this.#reason !== null && this.#over(packet)) return false;
    if (!this.#first) {
      if (!packet.key || packet.repeat) return true;
      this.#first = packet;
      this.#track = packet.track;
      this.#base = packet.pts;
      const { width, height, description } = packet.track;
      const sound = this.#sound?.track;
      const video = { width, height, description };
      parts.push(sound?.audio ? bothInitSegment(video, { ...sound.audio, ...sound }) : initSegment(video));
    } else if (this.#over(packet)) {
      this.#flush(packet.pts - this.#held!.pts, parts);
      return false;
    }
    if (packet.track !== this.#track && !sameTrack(packet.track, this.#track!)) {
      this.end('the picture changed; a recording holds pictures of one kind');
      return false;
    }
    if (this.#held) this.#flush(Math.max(1, packet.pts - this.#held.pts), parts);
    this.#held = packet;
    return true;
  }

  /** Sound up to a media time, as far as it has come. */
  #addSound(until: number, parts: Uint8Array[]): void {
    if (!this.#first || !this.#sound) return;
    for (const { pts, data, track } of this.#sound.take(this.#base, until)) {
      const duration = (track.audio!.frameSize * TICKS_PER_SECOND) / track.audio!.rate;
      parts.push(fragment(this.#count++, (pts - this.#base) as Ticks, duration, true, data, SOUND_TRACK_ID));
    }
  }

  #over(packet: Packet): boolean {
    const { durationUs, frames, bytes } = this.#stop;
    if (packet.repeat || !this.#first) return false;
    // The one that is held is a frame too.
    const held = this.#held && !this.#held.repeat ? 1 : 0;
    if (durationUs !== null && packet.timestamp >= this.#first.timestamp + durationUs) this.end(`${durationUs / 1e6} s were asked for`);
    else if (frames !== null && this.#frames + held >= frames) this.end(`${frames} frames were asked for`);
    else if (bytes !== null && this.#bytes + packet.data.length > bytes) this.end(`${bytesText(bytes)} were asked for`);
    else return false;
    return true;
  }

  #flush(duration: number, parts: Uint8Array[]): void {
    const packet = this.#held;
    this.#held = null;
    if (!packet) return;
    parts.push(fragment(this.#count++, (packet.pts - this.#base) as Ticks, duration, packet.key, packet.data));
    if (packet.repeat) return;
    if (this.#missing && this.#last) {
      const { id: after, timestamp: start } = this.#last;
      this.#gaps.push({ after, before: packet.id, start, end: packet.timestamp, frames: this.#missing });
    }
    this.#missing = 0;
    this.#frames++;
    this.#last = packet;
  }

  async #write(parts: readonly Uint8Array[]): Promise<void> {
    if (!parts.length) return;
    this.#handle ??= await open(this.#path, 'wx+');
    const whole = concatBytes(parts);
    try {
      for (let done = 0; done < whole.length; ) {
        const { bytesWritten } = await this.#handle.write(whole, done, whole.length - done, this.#bytes + done);
        done += bytesWritten;
      }
    } catch (error) {
      await this.#handle.truncate(this.#bytes);
      throw error;
    }
    this.#bytes += whole.length;
    this.#written = { frames: this.#frames, first: this.#first, last: this.#last };
  }
}

/** An encoder that was started anew with the same settings goes on with the same track. */
function sameTrack(a: TrackInfo, b: TrackInfo): boolean {
  return a.width === b.width && a.height === b.height && sameBytes(a.description, b.description);
}

/** Cuts off what was being written when the program ended. */
export async function repairMp4(path: string): Promise<RepairedFile> {
  await using handle = await open(path, 'r+');
  const { size } = await handle.stat();
  let bytes = 0;
  let frames = 0;
  let first: RepairedFile['first'] = null;
  let last: RepairedFile['last'] = null;
  for await (const { end, frames: found } of readFragments(fileBytes(handle, size))) {
    bytes = end;
    for (const { id, timestamp, repeat } of found) {
      if (repeat) continue;
      frames++;
      first ??= { id, timestamp };
      last = { id, timestamp };
    }
  }
  await handle.truncate(bytes);
  return { frames, bytes, first, last, shape: null };
}
