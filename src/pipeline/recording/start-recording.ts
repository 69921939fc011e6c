// A lossless recording as the main thread starts it: a seat at the ring, a thread for the disk, and a hold on the source.
import type { SharedClock } from '../../core/clock.ts';
import { MAX_DEPTH, type RingMemory } from '../../core/ring.ts';
import type { FrameHub } from '../frame-hub.ts';
import type { Job, MediaPool } from '../media-pool.ts';
import type { JobSpec, RecordEvent } from '../messages.ts';

/** What is to be recorded, and how. */
export type RecordOrder = Omit<Extract<JobSpec, { kind: 'record' }>, 'kind' | 'clock' | 'reader' | 'ring'>;

export interface RecordHost {
  readonly hub: FrameHub;
  readonly pool: MediaPool;
  readonly clock: SharedClock;
  /** Keeps the source awake until disposed. */
  demand(): Disposable;
}

/** Starts it. `ended` of the job settles when the file is closed. Throws `unavailable` where the stream has too many readers. */
export function startRecording(order: RecordOrder, host: RecordHost, onEvent: (event: RecordEvent) => void): Job {
  const { hub, pool, clock } = host;
  // The thread only copies, so the queue in front of it is for moments in which it gets no time. Others need slots too.
  const depth = (slots: number) => Math.max(1, Math.min(MAX_DEPTH, Math.floor((slots - 2) / 3)));
  let job: Job | undefined;
  const seat = hub.seat(depth, false, (ring: RingMemory) => job?.send({ type: 'ring', ring }));
  const demand = host.demand();
  const release = () => {
    seat[Symbol.dispose]();
    demand[Symbol.dispose]();
  };
  try {
    job = pool.run<RecordEvent>({ kind: 'record', ...order, clock: clock.state, reader: seat.number, ring: seat.ring }, onEvent, 'own');
  } catch (error) {
    release();
    throw error;
  }
  void job.ended.then(release);
  return job;
}
