// Where a page of markers or records ends: `next` of one request is `after` of the following one. A plain number is a sequence instead:
// what has changed behind it, in the order of the changes.
import { Buffer } from 'node:buffer';
import { SluiceError } from '../core/errors.ts';

export type Cursor = { readonly sequence: number } | { readonly time: number; readonly id: string };

/** The place behind a row that lies at a time. */
export function cursorOf(time: number, id: string): string {
  return Buffer.from(JSON.stringify([time, id])).toString('base64url');
}

/** Reads `after`. Throws `bad-value` for anything else than `cursorOf` or a number wrote. */
export function readCursor(text: string): Cursor {
  if (/^\d{1,15}$/.test(text)) return { sequence: Number(text) };
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'base64url').toString());
    if (Array.isArray(value) && Number.isSafeInteger(value[0]) && typeof value[1] === 'string') return { time: value[0], id: value[1] };
  } catch {
    // Falls through to the refusal.
  }
  throw new SluiceError('bad-value', `after: ${text.slice(0, 80)} received; expected the \`next\` of a page, or a sequence number`, {
    field: 'after',
    received: text.slice(0, 200),
  });
}
