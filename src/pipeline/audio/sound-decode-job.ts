// The decoder of sound that comes in as Opus (WHIP), inside a media worker. Packets come as commands, blocks go back as events.
import type { MessagePort } from 'node:worker_threads';
import { toSluiceError } from '../../core/errors.ts';
import { opusChannels } from '../../formats/opus.ts';
import { OpusDecoder } from '../../native/opus-decode.ts';
import type { JobCommand, PlainError, SoundDecodeEvent } from '../messages.ts';
import { plainError } from '../plain-error.ts';

/** Packets that may wait: two seconds. */
const LIMIT = 100;

export async function runSoundDecodeJob(port: MessagePort): Promise<void> {
  const tell = (event: SoundDecodeEvent, transfer: ArrayBuffer[] = []) => port.postMessage(event, transfer);
  const queue: Extract<JobCommand, { type: 'unit' }>[] = [];
  let stopped = false;
  let wake: (() => void) | null = null;
  port.on('message', (command: JobCommand) => {
    if (command.type === 'stop') stopped = true;
    else if (command.type === 'unit') {
      if (queue.length >= LIMIT) {
        queue.shift();
        tell({ type: 'lost', count: 1 });
      }
      queue.push(command);
    }
    wake?.();
  });
  let channels: 1 | 2 = 1;
  let decoder: OpusDecoder | null = null;
  let failure: PlainError | null = null;
  try {
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
      // Senders go from one channel to two, and back for a while when there is nothing in the second one.
      channels = Math.max(channels, opusChannels(unit.data)) as 1 | 2;
      if (decoder?.channels !== channels) {
        decoder?.[Symbol.dispose]();
        decoder = null;
        decoder = await OpusDecoder.open(channels);
      }
      const samples: Int16Array<ArrayBuffer> | null = decoder.decode(unit.data);
      if (!samples?.length) tell({ type: 'lost', count: 1 });
      else tell({ type: 'sound', channels, samples, time: unit.time, arrival: unit.arrival }, [samples.buffer]);
    }
  } catch (error) {
    failure = plainError(toSluiceError(error));
  } finally {
    decoder?.[Symbol.dispose]();
  }
  tell({ type: 'end', error: failure });
}
