// All recordings of this server: those that run and those that are kept. What an earlier run left in the middle is ended when the server
// starts.
import { mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { RECORDING_FILES, Recording, type RecordingRequest } from '../../api/recordings.ts';
import { SluiceError } from '../../core/errors.ts';
import { fileTime, parseDuration } from '../../core/time.ts';
import { repairTiff } from '../../pipeline/recording/tiff-recording.ts';
import type { Stream } from '../../pipeline/stream.ts';
import type { OutputContext } from '../output.ts';
import { repairMp4 } from './mp4-recording.ts';
import { markerId, RunningRecording, spanMarker } from './running.ts';

/** Recordings of one stream at a time: each has a place in its ring and a thread. */
const MAX_PER_STREAM = 2;

type Context = Pick<OutputContext, 'registry' | 'store' | 'timeline' | 'log' | 'recordings'>;

export class Recordings {
  readonly #context: Context;
  readonly #kept = new Map<string, Recording>();
  readonly #running = new Map<string, RunningRecording>();
  #closed = false;

  private constructor(context: Context) {
    this.#context = context;
  }

  static async open(context: Context): Promise<Recordings> {
    const recordings = new Recordings(context);
    for (const row of await context.store.call('recordings')) {
      const parsed = Recording.safeParse(JSON.parse(row.data));
      if (parsed.success) recordings.#kept.set(row.id, parsed.data);
      else context.log.error({ recording: row.id }, 'a kept recording cannot be read');
    }
    for (const recording of recordings.#kept.values()) {
      if (recording.state === 'recording' || recording.state === 'finishing') await recordings.#repair(recording);
    }
    context.registry.events.on('removed', ({ stream }) => {
      for (const running of recordings.#of(stream.name)) void running.stop('the stream was removed');
    });
    return recordings;
  }

  /** Newest first; of one stream or of all. */
  list(stream?: string): Recording[] {
    const all = [...this.#kept.keys()].map((id) => this.#now(id));
    return all.filter((each) => stream === undefined || each.stream === stream).sort((a, b) => b.created - a.created);
  }

  /** Throws `unknown-recording`. */
  get(stream: string, id: string): Recording {
    const known = this.#kept.get(id);
    if (known?.stream === stream) return this.#now(id);
    throw new SluiceError('unknown-recording', `${stream} has no recording ${id}; see /api/streams/${stream}/recordings`, { received: id });
  }

  /** Path of a recording's file; `null` = there is no such recording. */
  file(id: string): string | null {
    const known = this.#kept.get(id);
    return known ? this.#path(known) : null;
  }

  /** Begins with the next frame. Throws `conflict`, `unavailable`. */
  async start(stream: Stream, request: RecordingRequest): Promise<Recording> {
    const { dir, minFree } = this.#context.recordings;
    if (this.#closed) throw new SluiceError('unavailable', 'the server is shutting down');
    if (stream.stopped) {
      throw new SluiceError('conflict', `${stream.name} is stopped; POST /api/streams/${stream.name}/start lets frames in again`);
    }
    const busy = this.#of(stream.name);
    if (busy.length >= MAX_PER_STREAM) {
      const names = busy.map((running) => running.recording.id).join(', ');
      throw new SluiceError('conflict', `${stream.name} has ${busy.length} recordings already: ${names}; stop one of them first`);
    }
    const created = stream.clock.now();
    const id = this.#newId(stream.name, fileTime(created));
    const durationUs = request.duration === undefined ? null : parseDuration(request.duration, 'duration') * 1000;
    const recording: Recording = {
      id,
      stream: stream.name,
      name: request.name ?? `${stream.name} ${new Date(created / 1000).toISOString().slice(0, 19).replace('T', ' ')}`,
      format: request.format,
      compression: request.format === 'mp4' ? 'none' : request.compression,
      state: 'recording',
      reason: null,
      file: `${id}${RECORDING_FILES[request.format]}`,
      created,
      start: null,
      end: null,
      frames: 0,
      bytes: 0,
      dropped: 0,
      gaps: [],
      width: null,
      height: null,
      pixelFormat: null,
      limits: { duration: durationUs === null ? null : durationUs / 1e6, frames: request.frames ?? null, bytes: request.bytes ?? null },
      queue: null,
    };
    this.#kept.set(id, recording);
    try {
      await mkdir(join(dir, stream.name), { recursive: true });
      // Before the file: a start after a fault knows of it.
      await this.#save(recording);
      const running = new RunningRecording(recording, {
        stream,
        timeline: this.#context.timeline(stream.name),
        file: this.#path(recording),
        pixelSize: stream.config.pixelSize ?? null,
        stop: { durationUs, frames: request.frames ?? null, bytes: request.bytes ?? null },
        minFree,
        log: this.#context.log,
        onChange: () => this.#onChange(id),
      });
      this.#running.set(id, running);
      void running.ended.finally(() => this.#running.delete(id));
      return running.recording;
    } catch (error) {
      this.#kept.delete(id);
      await this.#context.store.call('removeRecording', id);
      if (error instanceof SluiceError) throw error;
      throw new SluiceError('unavailable', `no recording can be made in ${dir}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  /** Ends one and waits until its file is whole. One that has ended stays as it is. */
  async stop(stream: string, id: string): Promise<Recording> {
    this.get(stream, id);
    await this.#running.get(id)?.stop('it was stopped');
    return this.get(stream, id);
  }

  /** Removes a recording with its file. */
  async remove(stream: string, id: string): Promise<void> {
    const recording = await this.stop(stream, id);
    this.#kept.delete(id);
    await rm(this.#path(recording), { force: true });
    await this.#context.store.call('removeRecording', id);
    const known = this.#context.registry.find(stream);
    if (!known) return;
    const timeline = this.#context.timeline(stream);
    const gaps = recording.gaps.map((gap) => `${id}:gap:${gap.before}`);
    for (const marker of [markerId(id), ...gaps]) await timeline.removeMarker(marker).catch(() => {});
  }

  /** Ends all that run. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#running.values()].map((running) => running.stop('the server was ended')));
  }

  #of(stream: string): RunningRecording[] {
    return [...this.#running.values()].filter((running) => running.recording.stream === stream);
  }

  #now(id: string): Recording {
    return this.#running.get(id)?.recording ?? this.#kept.get(id)!;
  }

  #newId(stream: string, time: string): string {
    const base = `${stream}_${time}`;
    for (let n = 1; ; n++) {
      const id = n === 1 ? base : `${base}-${n}`;
      if (!this.#kept.has(id)) return id;
    }
  }

  #path({ stream, file }: Recording): string {
    return join(this.#context.recordings.dir, stream, file);
  }

  #onChange(id: string): void {
    const running = this.#running.get(id);
    if (!running) return;
    this.#kept.set(id, running.recording);
    this.#save(running.recording).catch((error) => this.#context.log.error({ error: String(error) }, 'a recording could not be kept'));
  }

  async #save(recording: Recording): Promise<void> {
    const { id, stream } = recording;
    await this.#context.store.call('saveRecording', { id, stream, data: JSON.stringify(recording) });
  }

  /** Ends what an earlier run was writing when it was ended itself. */
  async #repair(recording: Recording): Promise<void> {
    const { log, registry, timeline } = this.#context;
    const path = this.#path(recording);
    const pixelSize = registry.find(recording.stream)?.config.pixelSize ?? null;
    let repaired = recording;
    try {
      await stat(path);
      const file = recording.format === 'mp4' ? await repairMp4(path) : await repairTiff(path, { name: recording.name, pixelSize });
      if (file.frames === 0) throw new Error('no frame is in the file');
      const at = (moment: typeof file.first) => moment && { frame: moment.id, timestamp: moment.timestamp };
      repaired = {
        ...recording,
        state: 'finished',
        reason: 'the server ended in the middle of it; the file was ended when it started again',
        frames: file.frames,
        bytes: file.bytes,
        start: at(file.first),
        end: at(file.last),
        width: file.shape?.width ?? recording.width,
        height: file.shape?.height ?? recording.height,
        pixelFormat: file.shape?.format ?? recording.pixelFormat,
        queue: null,
      };
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      repaired = { ...recording, state: 'failed', reason: `the server ended in the middle of it: ${reason}`, queue: null };
    }
    log.warn({ recording: repaired.id, frames: repaired.frames }, `a recording was left in the middle: ${repaired.state}`);
    this.#kept.set(repaired.id, repaired);
    await this.#save(repaired);
    if (!registry.find(repaired.stream) || repaired.state !== 'finished') return;
    await timeline(repaired.stream)
      .mark([spanMarker(repaired, false)])
      .catch((error) => log.warn({ error: String(error) }, 'a recording could not be entered into the timeline'));
  }
}
