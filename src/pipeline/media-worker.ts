// Entry of a media worker: a thread that hosts sources, encoders or processors. It ends by message only, never by `terminate()`: ending a thread
// inside an FFmpeg call aborts the process.
import { type MessagePort, parentPort } from 'node:worker_threads';
import type { Clock } from '../core/clock.ts';
import { openClock } from '../native/system-clock.ts';
import { runAudioJob } from './audio/audio-encode-job.ts';
import { runSoundDecodeJob } from './audio/sound-decode-job.ts';
import { runDecodeJob } from './decode-job.ts';
import { runEncodeJob } from './encode-job.ts';
import { runFollowJob } from './follow/follow-job.ts';
import type { JobSpec } from './messages.ts';
import { runProcessJob } from './process-job.ts';
import { runRecordJob } from './recording/record-job.ts';
import { runSourceJob } from './source-job.ts';

export type WorkerCommand = { type: 'job'; spec: JobSpec; port: MessagePort } | { type: 'exit' };

const jobs = new Set<Promise<void>>();

parentPort!.on('message', (command: WorkerCommand) => {
  if (command.type === 'exit') {
    // The pool stops the jobs first; what still runs is waited for.
    void Promise.allSettled(jobs).then(() => parentPort!.close());
    return;
  }
  const { spec, port } = command;
  const clock = openClock(spec.clock);
  const job = run(spec, port, clock);
  jobs.add(job);
  void job.finally(() => jobs.delete(job));
});

function run(spec: JobSpec, port: MessagePort, clock: Clock): Promise<void> {
  switch (spec.kind) {
    case 'source':
      return runSourceJob(spec, port, clock);
    case 'audio':
      return runAudioJob(spec, port, clock);
    case 'decode':
      return runDecodeJob(spec, port);
    case 'decode-sound':
      return runSoundDecodeJob(port);
    case 'encode':
      return runEncodeJob(spec, port, clock);
    case 'process':
      return runProcessJob(spec, port, clock);
    case 'follow':
      return runFollowJob(spec, port, clock);
    case 'record':
      return runRecordJob(spec, port, clock);
  }
}
