// Units of time as types, so that they cannot be mixed: microseconds since the Unix epoch (UTC) and 90 kHz media ticks.
import { SluiceError } from './errors.ts';

declare const unit: unique symbol;

/** Integer microseconds since the Unix epoch, UTC. The only form of a capture time inside the program. */
export type Micros = number & { readonly [unit]: 'µs' };

/** Integer media time in 1/90000 s since the Unix epoch (ISO/IEC 14496-12 `tfdt`; RTP and MPEG-TS carry its low 32 or 33 bits). */
export type Ticks = number & { readonly [unit]: '90kHz' };

/** Ticks in a second. */
export const TICKS_PER_SECOND = 90_000;

/** 2001-09-09 and 2128-06-11: what an integer number of microseconds may be; the same digits in s, ms or ns lie far outside. */
const MIN_MICROS = 1_000_000_000_000_000;
const MAX_MICROS = 5_000_000_000_000_000;

/** Media time of a capture time, rounded to the nearest tick (at most 5.6 µs away). */
export function toTicks(timestamp: Micros): Ticks {
  // In two parts: the product of a present-day time is beyond 2^53.
  const hundreds = Math.floor(timestamp / 100);
  return (hundreds * 9 + Math.round(((timestamp - hundreds * 100) * 9) / 100)) as Ticks;
}

/** Capture time of a media time, rounded to the nearest microsecond. */
export function toMicros(pts: Ticks): Micros {
  const nines = Math.floor(pts / 9);
  return (nines * 100 + Math.round(((pts - nines * 9) * 100) / 9)) as Micros;
}

/** RFC 3339 in UTC with microseconds: `2026-11-20T12:38:01.250000Z`. */
export function formatMicros(timestamp: Micros): string {
  const ms = Math.floor(timestamp / 1000);
  const rest = String(timestamp - ms * 1000).padStart(3, '0');
  return new Date(ms).toISOString().replace('Z', `${rest}Z`);
}

/** `20261120T123801.250Z`: a capture time inside a file name, cut to milliseconds. */
export function fileTime(timestamp: Micros): string {
  return new Date(Math.floor(timestamp / 1000)).toISOString().replace(/[-:]/g, '');
}

const RFC3339 = /^(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}:\d{2})(?:\.(\d+))?([Zz]|[+-]\d{2}:\d{2})$/;

/**
 * Reads a time from outside: integer microseconds, a string of them, or RFC 3339 (at most nine digits of fraction; what is below a
 * microsecond is cut). `field` names the value in the error. Seconds, milliseconds and nanoseconds are refused with the value that was
 * probably meant.
 */
export function parseTimestamp(value: unknown, field: string): Micros {
  if (typeof value === 'string') {
    const match = RFC3339.exec(value.trim());
    if (match) {
      const [, date, time, fraction = '', zone] = match;
      const ms = Date.parse(`${date}T${time}${zone!.toUpperCase()}`);
      if (Number.isNaN(ms) || !onCalendar(date!, time!)) throw badTime(field, value, 'is not a date of the calendar');
      const us = ms * 1000 + Number(fraction.padEnd(6, '0').slice(0, 6));
      if (us >= MIN_MICROS && us < MAX_MICROS) return us as Micros;
      throw badTime(field, value, `is out of range; expected a time from ${iso(MIN_MICROS)} to ${iso(MAX_MICROS)}`);
    }
    if (!/^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(value.trim())) {
      throw badTime(
        field,
        value,
        'is neither integer microseconds since the Unix epoch nor an RFC 3339 time such as 2026-11-20T12:38:01.25Z',
      );
    }
    return plausible(Number(value), field, value);
  }
  if (typeof value === 'bigint') return plausible(Number(value), field, value.toString());
  if (typeof value !== 'number') throw badTime(field, value, 'must be integer microseconds since the Unix epoch or an RFC 3339 string');
  return plausible(value, field, value);
}

/** `Date` takes 30 February for 2 March and 24:00 for the next day; RFC 3339 knows neither. */
function onCalendar(date: string, time: string): boolean {
  return !time.startsWith('24') && new Date(`${date}T00:00:00Z`).toISOString().startsWith(date);
}

function iso(us: number): string {
  return new Date(us / 1000).toISOString().slice(0, 10);
}

function plausible(us: number, field: string, received: unknown): Micros {
  if (Number.isFinite(us)) {
    if (us >= MIN_MICROS && us < MAX_MICROS) {
      if (Number.isInteger(us)) return us as Micros;
      throw badTime(field, received, `has a fraction; expected ${Math.round(us)}`);
    }
    for (const [name, factor] of [
      ['seconds', 1e6],
      ['milliseconds', 1e3],
      ['nanoseconds', 1e-3],
    ] as const) {
      const meant = Math.round(us * factor);
      if (meant >= MIN_MICROS && meant < MAX_MICROS) throw badTime(field, received, `looks like ${name}; expected ${meant}`);
    }
  }
  throw badTime(field, received, `is not a time; expected integer microseconds since the Unix epoch from ${MIN_MICROS} to ${MAX_MICROS}`);
}

function badTime(field: string, received: unknown, reason: string): SluiceError {
  return new SluiceError('bad-timestamp', `${shown(received)} ${reason}`, { field, received });
}

/** Foreign objects are not asked for their text: `{"toString": ""}` has none. */
function shown(received: unknown): string {
  if (received === null || (typeof received !== 'object' && typeof received !== 'function')) return String(received);
  return Array.isArray(received) ? 'a list' : 'an object';
}

const UNITS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, min: 60_000, h: 3_600_000, d: 86_400_000 };

/** Reads a length of time such as `500ms`, `30s`, `10m`, `2h`, `1d` (or a number of seconds) into milliseconds. */
export function parseDuration(value: unknown, field: string): number {
  if (typeof value === 'number' && Number.isFinite(value) && value >= 0) return Math.round(value * 1000);
  const match = typeof value === 'string' ? /^(\d+(?:\.\d+)?)\s*(ms|s|m|min|h|d)$/.exec(value.trim()) : null;
  if (!match) {
    throw new SluiceError(
      'bad-value',
      `${field}: ${JSON.stringify(value)} is not a duration; expected a number with a unit, such as 500ms, 30s, 10m or 2h`,
      {
        field,
        received: value,
      },
    );
  }
  return Math.round(Number(match[1]) * UNITS[match[2]!]!);
}
