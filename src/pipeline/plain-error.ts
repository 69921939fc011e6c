// Errors as plain objects, for crossing threads.
import type { SluiceError } from '../core/errors.ts';
import type { PlainError } from './messages.ts';

/** An error as plain data. */
export function plainError(error: SluiceError): PlainError {
  return { code: error.code, message: error.message, details: error.details };
}
