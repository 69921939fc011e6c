// The decoder of sound that comes in as Opus (WHIP), inside a media worker. Packets come as commands, blocks go back as events.
import type { MessagePort } from 'node:worker_threads';
import { toSluiceError } from '../../core/errors.ts';
import { opusChannels } from '../../formats/opus.ts';
import { OpusDecoder } from '../../native/opus-decode.ts';
import type { PlainError, SoundDecodeEvent } from '../messages.ts';
import { plainError } from '../plain-error.ts';
import { UnitQueue } from '../unit-queue.ts';

/** Packets that may wait: two seconds. */
const LIMIT = 100;

export async function runSoundDecodeJob(port: MessagePort): Promise<void> {
  const tell = (event: SoundDecodeEvent, transfer: ArrayBuffer[] = []) => port.postMessage(event, transfer);
  const queue = new UnitQueue(port, LIMIT, (units) => {
    units.shift();
    tell({ type: 'lost', count: 1 });
  });
  let channels: 1 | 2 = 1;
  let decoder: OpusDecoder | null = null;
  let failure: PlainError | null = null;
  try {
    for (let unit = await queue.next(); unit; unit = await queue.next()) {
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
