// Names of streams: they appear in addresses, file names and NATS subjects, so the alphabet is small.
import { SluiceError } from './errors.ts';

/** CONTRACT "Time and identity". */
export const STREAM_NAME = /^[A-Za-z0-9._-]{1,64}$/;

/** Checks a stream name from outside. `.` and `..` are refused too: names become folders. */
export function parseStreamName(value: unknown): string {
  if (typeof value === 'string' && STREAM_NAME.test(value) && !/^\.+$/.test(value)) return value;
  throw new SluiceError('bad-name', `${JSON.stringify(value)} is not a stream name; allowed are 1 to 64 characters of A-Z a-z 0-9 . _ -`, {
    field: 'stream',
    received: value,
    allowed: STREAM_NAME.source,
  });
}
