// What the routes of markers, metrics and data have in common: bodies that are one entry or a list, and queries over a span of time.
import { z } from 'zod';
import { parseInput } from '../../api/zod-problem.ts';
import { SluiceError } from '../../core/errors.ts';
import { parseTimestamp } from '../../core/time.ts';

/** Bytes of one body. */
export const BODY_LIMIT = 16 * 1024 * 1024;
/** Entries of one body. */
const MOST_ENTRIES = 50_000;

/** For bodies that the route itself reads: their schema is for the OpenAPI document. */
export const unchecked = () => (value: unknown) => ({ value });

/** Reads a body that is one entry or a list of them. Fields in errors are named `[3].label`, or `label` of a single entry. */
export function oneOrMany<S extends z.ZodType>(schema: S, body: unknown): { items: z.output<S>[]; many: boolean } {
  if (Array.isArray(body)) return { items: parseInput(z.array(schema).max(MOST_ENTRIES), body), many: true };
  if (body === null || typeof body !== 'object') {
    throw new SluiceError('bad-request', 'the body must be JSON: an object, or a list of objects', { field: 'body' });
  }
  return { items: [parseInput(schema, body)], many: false };
}

const list = z.union([z.string(), z.array(z.string())]).optional();

export const SpanQuery = z.object({
  start: z.string().optional().describe('integer µs since the Unix epoch, or RFC 3339'),
  end: z.string().optional().describe('integer µs since the Unix epoch, or RFC 3339; inside'),
  after: z.string().max(500).optional().describe('`next` of a page; or a sequence number: what has changed behind it'),
  limit: z.coerce.number().int().min(1).max(10_000).optional(),
});
const Order = z.enum(['oldest', 'newest']).optional();
export const MarkerListQuery = SpanQuery.extend({ kind: list, order: Order });
export const DataListQuery = SpanQuery.extend({ order: Order });
export const MetricListQuery = SpanQuery.omit({ after: true }).extend({
  names: list.describe('comma-separated, or repeated'),
  step: z.string().optional().describe('length of a bin: µs, or a duration such as 1s; 0 = raw samples; absent = about 1,000 rows'),
});

/** Values of a key that may be repeated or hold commas. */
export function listOf(value: string | string[] | undefined): string[] | undefined {
  if (value === undefined) return undefined;
  return [value].flat().flatMap((text) => text.split(',').filter(Boolean));
}

/** `start` and `end` in µs. */
export function spanOf(query: { start?: string | undefined; end?: string | undefined }): { start?: number; end?: number } {
  const start = query.start === undefined ? undefined : parseTimestamp(query.start, 'start');
  const end = query.end === undefined ? undefined : parseTimestamp(query.end, 'end');
  if (start !== undefined && end !== undefined && start > end) {
    throw new SluiceError('bad-value', `start ${start} is later than end ${end}`, { field: 'start', received: start });
  }
  return { ...(start === undefined ? {} : { start }), ...(end === undefined ? {} : { end }) };
}
