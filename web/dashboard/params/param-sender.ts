// Sends changes while somebody drags: one request at a time, a bounded number a second, of each param the newest value. Pure but for time.
import { type SluiceError, toSluiceError } from '../../../src/core/errors.ts';
import { fieldErrors } from '../problem-fields.ts';

/** Between the begins of two requests, ms. */
export const GAP_MS = 100;

export interface ParamSenderOptions<Answer> {
  readonly send: (values: Record<string, unknown>) => Promise<Answer>;
  /** All of `sent` hold now. */
  readonly onSent: (answer: Answer, sent: readonly string[]) => void;
  /** Why these were refused, by address; under the empty key what belongs to none. */
  readonly onRefused: (errors: Readonly<Record<string, string>>, error: SluiceError) => void;
}

export class ParamSender<Answer> {
  readonly #options: ParamSenderOptions<Answer>;
  #waiting: Record<string, unknown> = {};
  #sending: readonly string[] = [];
  #began = Number.NEGATIVE_INFINITY;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(options: ParamSenderOptions<Answer>) {
    this.#options = options;
  }

  /** Whether a request is under way. */
  get busy(): boolean {
    return this.#sending.length > 0;
  }

  /** Whether the newest value of a param is still on its way. */
  pending(address: string): boolean {
    return this.#sending.includes(address) || Object.hasOwn(this.#waiting, address);
  }

  /** Sends values soon; of a param that waits already the newest counts. */
  set(values: Readonly<Record<string, unknown>>): void {
    this.#waiting = { ...this.#waiting, ...values };
    this.#schedule();
  }

  /** What waits is sent at once, without waiting for an answer. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    if (Object.keys(this.#waiting).length) this.#options.send(this.#waiting).catch(() => {});
    this.#waiting = {};
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.busy || this.#closed || !Object.keys(this.#waiting).length) return;
    const wait = this.#began + GAP_MS - performance.now();
    if (wait <= 0) void this.#send();
    else this.#timer = setTimeout(() => void this.#send(), wait);
  }

  async #send(): Promise<void> {
    this.#timer = undefined;
    const values = this.#waiting;
    this.#waiting = {};
    this.#sending = Object.keys(values);
    this.#began = performance.now();
    try {
      const answer = await this.#options.send(values);
      const sent = this.#sending;
      this.#sending = [];
      if (!this.#closed) this.#options.onSent(answer, sent);
    } catch (thrown) {
      this.#sending = [];
      if (!this.#closed) this.#refused(toSluiceError(thrown), values);
    }
    this.#schedule();
  }

  /** The server takes all or nothing: what was not wrong is sent once more. */
  #refused(error: SluiceError, values: Readonly<Record<string, unknown>>): void {
    const errors = fieldErrorsOf(error, Object.keys(values));
    const wrong = Object.keys(errors).filter((address) => address !== '');
    const rest = Object.entries(values).filter(([address]) => !wrong.includes(address));
    if (wrong.length && rest.length) this.#waiting = { ...Object.fromEntries(rest), ...this.#waiting };
    this.#options.onRefused(errors, error);
  }
}

/** Messages by address; an address may have dots in it, and so has a place inside of a value. */
export function fieldErrorsOf(error: SluiceError, addresses: readonly string[]): Record<string, string> {
  const { problems } = error.details;
  if (!Array.isArray(problems)) return fieldErrors(error, addresses);
  const errors: Record<string, string> = {};
  for (const { field, message } of problems as readonly { field: string; message: string }[]) {
    const owner = addresses
      .filter((address) => field === address || field.startsWith(`${address}.`))
      .sort((a, b) => b.length - a.length)[0];
    // Two that do not fit each other: the one that was changed is told, whichever is named.
    const key = owner ?? (addresses.length === 1 ? addresses[0]! : '');
    // It is told at the field: its name is there already.
    const told = key && message.startsWith(`${key}: `) ? message.slice(key.length + 2) : message;
    errors[key] = errors[key] ? `${errors[key]}\n${told}` : told;
  }
  return errors;
}
