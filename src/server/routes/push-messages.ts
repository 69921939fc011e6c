// Text messages of a program that pushes over a WebSocket: metrics, markers and data beside its frames.
import { PushMessage } from '../../api/timeline.ts';
import { parseInput } from '../../api/zod-problem.ts';
import { SluiceError, toSluiceError } from '../../core/errors.ts';
import type { Stream } from '../../pipeline/stream.ts';
import type { StreamTimeline } from '../../timeline/timeline.ts';

const TYPES: readonly string[] = ['metric', 'marker', 'data', 'acquisition'];

/**
 * Does what a message says; the answer is for the program, `null` = none is needed. Without a `ref` only what went wrong is answered.
 * @param lastFrame id of the frame that this program pushed last, 0 = none yet
 */
export async function takePushMessage(stream: Stream, timeline: StreamTimeline, text: string, lastFrame: number): Promise<object | null> {
  let ref: unknown;
  try {
    const value = json(text);
    ref = typeof value.ref === 'string' || typeof value.ref === 'number' ? value.ref : undefined;
    if (!TYPES.includes(String(value.type))) throw notUnderstood(`of type ${JSON.stringify(value.type) ?? 'none'}`);
    const message = parseInput(PushMessage, value);
    if (message.type === 'acquisition') stream.announce(message);
    const stored = message.type === 'acquisition' ? {} : await store(timeline, message, lastFrame);
    if (ref === undefined && !stored.dropped) return null;
    return { type: 'stored', ...(ref === undefined ? {} : { ref }), ...stored };
  } catch (error) {
    return { ...toSluiceError(error).toProblem(), type: 'error', ...(ref === undefined ? {} : { ref }) };
  }
}

function json(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (value !== null && typeof value === 'object' && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // Falls through to the refusal.
  }
  throw notUnderstood('that is no JSON object');
}

function notUnderstood(what: string): SluiceError {
  const message = `a text message was received ${what}; expected binary messages (frame header + payload), or JSON of type ${TYPES.join(', ')}`;
  return new SluiceError('bad-request', message.slice(0, 300));
}

async function store(
  timeline: StreamTimeline,
  message: Exclude<PushMessage, { type: 'acquisition' }>,
  lastFrame: number,
): Promise<{ readonly dropped?: number; readonly [key: string]: unknown }> {
  const { type: _type, ref: _ref, ...rest } = message;
  const at = rest.frame === undefined && rest.timestamp === undefined && lastFrame > 0 ? { frame: lastFrame } : {};
  if (message.type === 'metric') {
    const { values, frame, timestamp } = message;
    return timeline.addMetrics([
      { values, ...(frame === undefined ? {} : { frame }), ...(timestamp === undefined ? {} : { timestamp }), ...at },
    ]);
  }
  if (message.type === 'marker') {
    const { type: _, ref: __, ...marker } = message;
    return { marker: (await timeline.mark([{ ...marker, ...at } as Parameters<StreamTimeline['mark']>[0][number]]))[0] };
  }
  const { record, frame, timestamp } = message;
  const own = { ...(frame === undefined ? {} : { frame }), ...(timestamp === undefined ? {} : { timestamp }) };
  return { item: (await timeline.addData([{ ...record, ...own, ...at }]))[0] };
}
