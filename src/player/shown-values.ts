// The metrics' values that belong to the shown frame: of each the newest one that is not later than its capture. Pure.
import type { MetricAnswer, MetricSample } from '../api/timeline.ts';
import { lastUpTo } from './items-around.ts';

/** A value this much older than the frame says nothing about it, µs. */
export const MAX_AGE_US = 2_000_000;

export type Value = number | null | readonly (number | null)[];
export type Sample = Pick<MetricSample, 'timestamp'> & { readonly values: Readonly<Record<string, Value>> };

/** Names and values, sorted by name. */
export function valuesAt(samples: readonly Sample[], timestamp: number): [string, Value][] {
  const found = new Map<string, Value>();
  for (let i = lastUpTo(samples, timestamp); i >= 0; i--) {
    const sample = samples[i]!;
    if (sample.timestamp < timestamp - MAX_AGE_US) break;
    for (const [name, value] of Object.entries(sample.values)) if (!found.has(name)) found.set(name, value);
  }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** The samples of an answer with raw values, and the time up to which all of them are there. */
export function samplesOf(answer: MetricAnswer): { items: Sample[]; end: number } {
  const items: Sample[] = [];
  let { end } = answer;
  for (const series of answer.series) {
    let timestamp = 0;
    series.timestamp.forEach((step, i) => {
      timestamp += step;
      items.push({ timestamp, values: { [series.name]: series.value?.[i] ?? null } });
    });
    if (series.truncated) end = Math.min(end, timestamp);
  }
  return { items, end };
}

/** `812.4`, `0.00012`, `1.2e+9`; vectors by their length, gaps by a dash. */
export function valueText(value: Value): string {
  if (value === null) return '–';
  if (typeof value !== 'number') return `${value.length} values`;
  if (Number.isInteger(value) && Math.abs(value) < 1e7) return String(value);
  return String(Number(value.toPrecision(5)));
}
