// The one table of error codes and the one error class. HTTP answers (RFC 9457), socket messages and exit codes are made from it.

/** HTTP status, title (fixed, one sentence without values) and whether trying again can help. */
interface ErrorKind {
  readonly status: number;
  readonly title: string;
  readonly retry?: boolean;
}

/** Every error that can reach a client. A code is part of the interface: rename none, remove none. */
export const ERRORS = {
  'bad-request': { status: 400, title: 'The request cannot be read.' },
  'bad-value': { status: 400, title: 'A value is not allowed.' },
  'bad-timestamp': { status: 400, title: 'A time is not in the expected form.' },
  'bad-frame': { status: 400, title: 'The frame does not fit its description.' },
  'bad-picture': { status: 400, title: 'The picture cannot be decoded.' },
  'unknown-key': { status: 400, title: 'A key is not known.' },
  'bad-name': { status: 400, title: 'A stream name is not allowed.' },
  unauthorized: { status: 401, title: 'A token is needed.' },
  forbidden: { status: 403, title: 'The token does not allow this.' },
  'bad-host': { status: 403, title: 'The Host header is not one of this server.' },
  'bad-origin': { status: 403, title: 'Pages of this origin are not admitted.' },
  'source-not-allowed': { status: 403, title: 'This source is not allowed over REST.' },
  'processor-not-allowed': { status: 403, title: 'This processor is not allowed over REST.' },
  'not-found': { status: 404, title: 'There is nothing under this address.' },
  'unknown-stream': { status: 404, title: 'There is no stream of this name.' },
  'unknown-frame': { status: 404, title: 'There is no such frame.' },
  'unknown-recording': { status: 404, title: 'There is no recording of this id.' },
  'unknown-preset': { status: 404, title: 'There is no preset of this name.' },
  'unknown-marker': { status: 404, title: 'There is no marker of this id.' },
  'method-not-allowed': { status: 405, title: 'This method is not available here.' },
  'not-acceptable': { status: 406, title: 'No answer of an accepted type can be given.' },
  'request-timeout': { status: 408, title: 'The request took too long.', retry: true },
  conflict: { status: 409, title: 'The request does not fit the present state.' },
  'protocol-busy': { status: 409, title: 'The detector is viewed by another protocol.', retry: true },
  'long-exposure': { status: 409, title: 'The exposure is too long for a live view.' },
  'not-running': { status: 409, title: 'No such live view runs.' },
  'publisher-busy': { status: 409, title: 'Another program publishes into this stream.', retry: true },
  'read-only': { status: 409, title: 'This stream is defined in the configuration file.' },
  gone: { status: 410, title: 'This is no longer kept.' },
  'precondition-failed': { status: 412, title: 'The resource has changed since.' },
  'precondition-required': { status: 428, title: 'A condition is missing.' },
  unprocessable: { status: 422, title: 'This cannot be done with this resource.' },
  'too-large': { status: 413, title: 'The body is too large.' },
  'frame-too-large': { status: 413, title: 'The frame needs more memory than a stream may use.' },
  'unsupported-media-type': { status: 415, title: 'This content type is not accepted here.' },
  'range-not-satisfiable': { status: 416, title: 'This range is not in the file.' },
  'queue-full': { status: 429, title: 'The queue has no place.', retry: true },
  'headers-too-large': { status: 431, title: 'The header is too large.' },
  'source-failed': { status: 502, title: 'The source cannot be read.', retry: true },
  'encoder-failed': { status: 500, title: 'The encoder failed.', retry: true },
  'processor-failed': { status: 500, title: 'The processor failed.', retry: true },
  'no-frames': { status: 503, title: 'The stream has no picture yet.', retry: true },
  unavailable: { status: 503, title: 'This is not available now.', retry: true },
  'bad-config': { status: 400, title: 'The configuration is not valid.' },
  'port-taken': { status: 500, title: 'The port is in use.' },
  internal: { status: 500, title: 'An error inside the server.' },
} as const satisfies Record<string, ErrorKind>;

/** Code of an entry in `ERRORS`. */
export type ErrorCode = keyof typeof ERRORS;

/** RFC 9457 problem details, as sent over HTTP and in `error` messages of sockets. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  code: ErrorCode;
  detail: string;
  [member: string]: unknown;
}

/** The error of this program. `message` says what was received and what is allowed; `details` go into the problem document. */
export class SluiceError extends Error {
  override readonly name = 'SluiceError';
  readonly code: ErrorCode;
  readonly details: Record<string, unknown>;

  constructor(code: ErrorCode, message: string, details: Record<string, unknown> = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.details = details;
  }

  /** HTTP status of the code. */
  get status(): number {
    return ERRORS[this.code].status;
  }

  /** The problem document (RFC 9457 section 3.1). */
  toProblem(): Problem {
    const kind = ERRORS[this.code];
    const standard = {
      type: `urn:sluice:error:${this.code}`,
      title: kind.title,
      status: kind.status,
      code: this.code,
      detail: this.message,
    };
    // Details never hide the standard members; spread twice to keep those in front.
    return { ...standard, ...this.details, ...standard };
  }
}

/** Whatever was thrown as a `SluiceError`: its own kind unchanged, anything else as `fallback` with the cause kept. */
export function toSluiceError(thrown: unknown, fallback: ErrorCode = 'internal'): SluiceError {
  if (thrown instanceof SluiceError) return thrown;
  // Errors that crossed a thread boundary are plain objects with the same fields.
  if (thrown && typeof thrown === 'object' && 'code' in thrown && typeof thrown.code === 'string' && Object.hasOwn(ERRORS, thrown.code)) {
    const message = 'message' in thrown ? String(thrown.message) : String(thrown.code);
    const details =
      'details' in thrown && thrown.details && typeof thrown.details === 'object' ? (thrown.details as Record<string, unknown>) : {};
    return new SluiceError(thrown.code as ErrorCode, message, details, thrown);
  }
  return new SluiceError(fallback, thrown instanceof Error ? thrown.message : String(thrown), {}, thrown);
}
