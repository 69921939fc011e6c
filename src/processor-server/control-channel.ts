// The control channel of a stream: one JSON object for each segment, params as over REST.
import type { ChannelSubscriber, SegmentReader } from '../trickle/segments.ts';

/** Params are small; what is larger is none. */
const MOST_BYTES = 1_048_576;

export interface ControlChannelOptions {
  readonly subscriber: ChannelSubscriber;
  /** Params have come. What it throws is reported, and the next ones are taken. */
  readonly onParams: (params: Readonly<Record<string, unknown>>) => Promise<void>;
  /** Something was skipped: why, in a sentence. */
  readonly report: (message: string) => void;
}

/** Reads until the channel ends or is closed. One message is done before the next one is taken. */
export async function readControl({ subscriber, onParams, report }: ControlChannelOptions): Promise<void> {
  for (;;) {
    const segment = await subscriber.next();
    if (!segment) return;
    try {
      const text = await textOf(segment);
      if (text.trim() === '') continue;
      const value = parsed(text);
      if (!isKeepAlive(value)) await onParams(value);
    } catch (error) {
      report(`control segment ${segment.seq} was skipped: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new TypeError(`${JSON.stringify(text.slice(0, 60))} is no JSON`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TypeError(`${JSON.stringify(value)?.slice(0, 60)} received; expected a JSON object of params`);
  }
  return value as Readonly<Record<string, unknown>>;
}

function isKeepAlive(value: Readonly<Record<string, unknown>>): boolean {
  return value.keep === 'alive' && Object.keys(value).length === 1;
}

async function textOf(segment: SegmentReader): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of segment) {
    bytes += chunk.length;
    if (bytes > MOST_BYTES) {
      segment.cancel();
      throw new RangeError(`more than ${MOST_BYTES} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
