// The decoder of a live stream that comes in encoded (WHIP), inside a media worker. Units come as commands, pictures go back as events.
import type { MessagePort } from 'node:worker_threads';
import { toSluiceError } from '../core/errors.ts';
import { StreamDecoder } from '../native/ffmpeg-stream-decode.ts';
import type { DecodeEvent, JobCommand, JobSpec } from './messages.ts';

/** Units that may wait; beyond it everything up to the next key frame is left out. */
const LIMIT = 60;

export async function runDecodeJob(spec: Extract<JobSpec, { kind: 'decode' }>, port: MessagePort): Promise<void> {
  const tell = (event: DecodeEvent, transfer: ArrayBuffer[] = []) => port.postMessage(event, transfer);
  let queue: Extract<JobCommand, { type: 'unit' }>[] = [];
  let stopped = false;
  let needKey = true;
  let wake: (() => void) | null = null;
  port.on('message', (command: JobCommand) => {
    if (command.type === 'stop') stopped = true;
    else if (command.type === 'unit') {
      if (queue.length >= LIMIT) {
        tell({ type: 'lost', count: queue.length });
        queue = [];
        needKey = true;
      }
      queue.push(command);
    }
    wake?.();
  });
  try {
    using decoder = await StreamDecoder.open(spec.codec);
    while (!stopped) {
      const unit = queue.shift();
      if (!unit) {
        await new Promise<void>((resolve) => {
          wake = resolve;
          if (stopped || queue.length) resolve();
        });
        wake = null;
        continue;
      }
      if (needKey && !unit.key) {
        tell({ type: 'lost', count: 1 });
        continue;
      }
      needKey = false;
      const picture = decoder.decode(unit.data);
      if (!picture) {
        tell({ type: 'lost', count: 1 });
        continue;
      }
      const { width, height, data } = picture;
      tell({ type: 'picture', width, height, data, time: unit.time, arrival: unit.arrival }, [data.buffer as ArrayBuffer]);
    }
    tell({ type: 'end', error: null });
  } catch (error) {
    const { code, message, details } = toSluiceError(error);
    tell({ type: 'end', error: { code, message, details } });
  }
}
