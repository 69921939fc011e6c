import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SluiceError } from './errors.ts';
import { fileTime, formatMicros, type Micros, parseDuration, parseTimestamp, type Ticks, toMicros, toTicks } from './time.ts';

const micros = fc.integer({ min: 1_000_000_000_000_000, max: 4_999_999_999_999_999 }).map((value) => value as Micros);

function refusal(run: () => unknown): SluiceError {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(SluiceError);
    return error as SluiceError;
  }
  throw new Error('nothing was refused');
}

describe('ticks', () => {
  it('lie within half a tick of the capture time, and come back to the same tick', () => {
    fc.assert(
      fc.property(micros, (timestamp) => {
        const pts = toTicks(timestamp);
        expect(Number.isSafeInteger(pts)).toBe(true);
        expect(Math.abs(toMicros(pts) - timestamp)).toBeLessThanOrEqual(6);
        expect(toTicks(toMicros(pts))).toBe(pts);
      }),
    );
  });

  it('are exact where a tick falls on a microsecond', () => {
    expect(toTicks(1_763_640_000_000_000 as Micros)).toBe(158_727_600_000_000);
    expect(toTicks(1_763_640_000_000_100 as Micros)).toBe(158_727_600_000_009);
    expect(toMicros(158_727_600_000_009 as Ticks)).toBe(1_763_640_000_000_100);
  });

  it('rise with capture times that are a millisecond apart', () => {
    fc.assert(fc.property(micros, fc.integer({ min: 12, max: 1000 }), (at, step) => toTicks((at + step) as Micros) > toTicks(at)));
  });
});

describe('formatMicros', () => {
  it('is read back to the same microsecond', () => {
    fc.assert(fc.property(micros, (timestamp) => parseTimestamp(formatMicros(timestamp), 't') === timestamp));
  });

  it('writes microseconds and UTC', () => {
    expect(formatMicros(1_763_642_281_250_007 as Micros)).toBe('2025-11-20T12:38:01.250007Z');
    expect(fileTime(1_763_642_281_250_999 as Micros)).toBe('20251120T123801.250Z');
  });
});

describe('parseTimestamp', () => {
  it('takes microseconds as number, text and bigint, and RFC 3339 with any offset', () => {
    const at = 1_763_642_281_250_007;
    for (const value of [
      at,
      String(at),
      ` ${at} `,
      BigInt(at),
      '2025-11-20T12:38:01.250007Z',
      '2025-11-20t13:38:01.250007+01:00',
      '2025-11-20 08:08:01.250007999-04:30',
    ])
      expect(parseTimestamp(value, 'timestamp')).toBe(at);
    expect(parseTimestamp('2025-11-20T12:38:01Z', 'timestamp')).toBe(1_763_642_281_000_000);
    expect(parseTimestamp('2025-11-20T12:38:01.2Z', 'timestamp')).toBe(1_763_642_281_200_000);
  });

  it.each([
    [1_763_640_000.12, '1763640000.12 looks like seconds; expected 1763640000120000'],
    ['1763640000.12', '1763640000.12 looks like seconds; expected 1763640000120000'],
    [1_763_640_000, '1763640000 looks like seconds; expected 1763640000000000'],
    [1_763_640_000_120, '1763640000120 looks like milliseconds; expected 1763640000120000'],
    [1_763_640_000_120_000_000n, '1763640000120000000 looks like nanoseconds; expected 1763640000120000'],
    [1_763_640_000_120_000.5, '1763640000120000.5 has a fraction; expected 1763640000120001'],
  ])('says what was probably meant by %s', (value, sentence) => {
    const error = refusal(() => parseTimestamp(value, 'timestamp'));
    expect(error.message).toBe(sentence);
    expect(error.code).toBe('bad-timestamp');
    expect(error.details.field).toBe('timestamp');
  });

  it('finds the meant time for every time in s, ms and ns', () => {
    fc.assert(
      fc.property(micros, fc.constantFrom([1e6, 'seconds'] as const, [1e3, 'milliseconds'] as const), (at, [factor, name]) => {
        const meant = Math.round((at / factor) * factor);
        fc.pre(meant >= 1e15 && meant < 5e15);
        expect(refusal(() => parseTimestamp(at / factor, 't')).message).toBe(`${at / factor} looks like ${name}; expected ${meant}`);
      }),
    );
    fc.assert(
      fc.property(micros, (at) => {
        expect(refusal(() => parseTimestamp(BigInt(at) * 1000n, 't')).message).toMatch(/looks like nanoseconds; expected \d{16}$/);
      }),
    );
  });

  it.each([
    [0, /^0 is not a time; expected integer microseconds since the Unix epoch from 1000000000000000 to 5000000000000000$/],
    [-5, /^-5 is not a time/],
    [Number.NaN, /^NaN is not a time/],
    [Number.POSITIVE_INFINITY, /^Infinity is not a time/],
    ['', /is neither integer microseconds since the Unix epoch nor an RFC 3339 time such as 2026-11-20T12:38:01.25Z$/],
    ['yesterday', /^yesterday is neither/],
    ['2025-11-20T12:38:01', /is neither/],
    ['2025-13-20T12:38:01Z', /is not a date of the calendar$/],
    ['2025-02-30T12:38:01Z', /is not a date of the calendar$/],
    ['2025-11-20T24:00:00Z', /is not a date of the calendar$/],
    ['2025-11-20T12:38:01+25:00', /is not a date of the calendar$/],
    ['1970-01-21T09:54:00Z', /is out of range; expected a time from 2001-09-09 to 2128-06-11$/],
    ['2200-01-01T00:00:00Z', /is out of range/],
    [null, /must be integer microseconds since the Unix epoch or an RFC 3339 string$/],
    [{}, /must be integer microseconds/],
    [true, /must be integer microseconds/],
  ])('refuses %s in words', (value, sentence) => {
    expect(refusal(() => parseTimestamp(value, 'start')).message).toMatch(sentence);
  });

  it('throws nothing but its own error, whatever comes', () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        try {
          expect(Number.isSafeInteger(parseTimestamp(value, 't'))).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(SluiceError);
        }
      }),
    );
  });
});

describe('parseDuration', () => {
  it('reads numbers of seconds and numbers with a unit', () => {
    const cases: [unknown, number][] = [
      [0, 0],
      [2.5, 2500],
      ['500ms', 500],
      ['1.5s', 1500],
      ['10m', 600_000],
      ['10min', 600_000],
      ['2 h', 7_200_000],
      ['1d', 86_400_000],
    ];
    for (const [value, ms] of cases) expect(parseDuration(value, 'window')).toBe(ms);
  });

  it.each([-1, Number.NaN, '10', 'm', '-3s', '1w', null, undefined, {}])('refuses %s and names the key', (value) => {
    const error = refusal(() => parseDuration(value, 'dvr.window'));
    expect(error.code).toBe('bad-value');
    expect(error.message).toMatch(/^dvr\.window: .* is not a duration; expected a number with a unit, such as 500ms, 30s, 10m or 2h$/);
  });
});
