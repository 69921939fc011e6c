// The decoder of a live stream that comes in encoded (WHIP), inside a media worker. Units come as commands, pictures go back as events.
import type { MessagePort } from 'node:worker_threads';
import { toSluiceError } from '../core/errors.ts';
import { StreamDecoder } from '../native/ffmpeg-stream-decode.ts';
import type { DecodeEvent, JobSpec } from './messages.ts';
import { plainError } from './plain-error.ts';
import { UnitQueue } from './unit-queue.ts';

/** Units that may wait; beyond it everything up to the next key frame is left out. */
const LIMIT = 60;

export async function runDecodeJob(spec: Extract<JobSpec, { kind: 'decode' }>, port: MessagePort): Promise<void> {
  const tell = (event: DecodeEvent, transfer: ArrayBuffer[] = []) => port.postMessage(event, transfer);
  let needKey = true;
  const queue = new UnitQueue(port, LIMIT, (units) => {
    tell({ type: 'lost', count: units.length });
    units.length = 0;
    needKey = true;
  });
  try {
    using decoder = await StreamDecoder.open(spec.codec);
    for (let unit = await queue.next(); unit; unit = await queue.next()) {
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
    tell({ type: 'end', error: plainError(toSluiceError(error)) });
  }
}
