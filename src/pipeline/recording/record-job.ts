// One lossless recording inside a thread of its own: takes each frame from the ring at once, and writes behind a queue of copies.
import type { MessagePort } from 'node:worker_threads';
import type { Clock } from '../../core/clock.ts';
import { toSluiceError } from '../../core/errors.ts';
import type { JobCommand, JobSpec, PlainError, RecordEvent } from '../messages.ts';
import { plainError } from '../plain-error.ts';
import { RingFeed } from '../ring-feed.ts';
import { noRoom } from './disk-room.ts';
import { FrameRecorder, reasonOf } from './frame-recorder.ts';
import { TiffRecording } from './tiff-recording.ts';

type Spec = Extract<JobSpec, { kind: 'record' }>;

const PROGRESS_MS = 250;
const DISK_MS = 1000;
/** A recording of some seconds ends so much later where no frame comes to say so, µs. */
const SLACK_US = 1_000_000;

export async function runRecordJob(spec: Spec, port: MessagePort, clock: Clock): Promise<void> {
  const feed = new RingFeed(spec.reader, spec.ring);
  const send = (event: RecordEvent) => port.postMessage(event);
  const recorder = new FrameRecorder({
    open: () => TiffRecording.create(spec.file, { name: spec.name, pixelSize: spec.pixelSize }),
    deflate: spec.deflate,
    stop: spec.stop,
    queueBytes: spec.queueBytes,
  });
  recorder.onEnd = () => {
    send({ type: 'ending', reason: recorder.reason! });
    feed.wake();
  };
  const told = () => send({ type: 'progress', progress: recorder.progress, gaps: recorder.takeGaps() });
  port.on('message', (command: JobCommand) => {
    if (command.type === 'stop') recorder.end(command.reason ?? 'it was stopped');
    else if (command.type === 'ring') feed.add(command.ring);
    feed.wake();
  });
  const telling = setInterval(told, PROGRESS_MS);
  const looking = setInterval(() => void checkDisk(spec, recorder), DISK_MS);
  let failure: PlainError | null = null;
  try {
    await checkDisk(spec, recorder);
    await takeFrames(spec, feed, recorder, clock);
    await recorder.finish();
  } catch (error) {
    failure = plainError(toSluiceError(new Error(reasonOf(error)), 'unavailable'));
  } finally {
    clearInterval(telling);
    clearInterval(looking);
  }
  told();
  send({ type: 'end', error: failure });
  port.close();
}

async function takeFrames(spec: Spec, feed: RingFeed, recorder: FrameRecorder, clock: Clock): Promise<void> {
  const { durationUs } = spec.stop;
  const deadline = durationUs === null ? Number.POSITIVE_INFINITY : clock.now() + durationUs + SLACK_US;
  while (recorder.reason === null) {
    const lent = feed.take();
    if (lent) {
      try {
        recorder.add(lent.info, lent.slot, lent.lost);
      } finally {
        lent.done();
      }
    } else if (clock.now() > deadline) recorder.end(`${durationUs! / 1e6} s were asked for`);
    else await feed.wait(500);
    // Lets commands and finished writes in.
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function checkDisk({ file, minFree }: Spec, recorder: FrameRecorder): Promise<void> {
  const reason = await noRoom(file, minFree);
  if (reason !== null) recorder.end(reason);
}
