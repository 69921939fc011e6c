// EXT-X-DATERANGE (rfc8216bis 4.4.5.1): rendering of a model; times in ms UTC.

export interface DateRangeEntry {
  readonly id: string;
  readonly class: string;
  /** ms UTC, an integer: players read no more digits. */
  readonly start: number;
  /** ms UTC; `null`: not known yet (or an instant). */
  readonly end: number | null;
  /** Has no length and never will. */
  readonly instant: boolean;
  /** Client attributes without their `X-`: upper case letters, digits, hyphens. */
  readonly attributes: Readonly<Record<string, string | number>>;
}

/**
 * A quoted-string (4.2): it can hold neither line breaks nor double quotes, and `{$` would be a variable (4.3). Every line break and control
 * character becomes a space, a double quote its typographic sister.
 */
export function quoted(text: string): string {
  return `"${text
    .replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, ' ')
    .replaceAll('"', '\u201d')
    .replaceAll('{$', '{ $')}"`;
}

/** Text as an id that no two texts share: what a quoted-string cannot hold is percent-encoded, `%` and `~` too. */
export function dateRangeId(text: string): string {
  return text.toWellFormed().replace(/[\p{Cc}\p{Zl}\p{Zp}"%~{]/gu, (character) => {
    const bytes = [...new TextEncoder().encode(character)];
    return bytes.map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('');
  });
}

const date = (ms: number) => `"${new Date(ms).toISOString()}"`;

/** One line. */
export function renderDateRange(range: DateRangeEntry): string {
  const parts = [`ID=${quoted(range.id)}`, `CLASS=${quoted(range.class)}`, `START-DATE=${date(range.start)}`];
  if (range.instant) parts.push('DURATION=0');
  else if (range.end !== null) parts.push(`END-DATE=${date(Math.max(range.start, range.end))}`);
  for (const [name, value] of Object.entries(range.attributes)) {
    parts.push(`X-${name}=${typeof value === 'number' ? value : quoted(value)}`);
  }
  return `#EXT-X-DATERANGE:${parts.join(',')}`;
}
