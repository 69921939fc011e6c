// Results as a markdown table, and the place for it in the README.
import type { Result } from './result.ts';

/** Results of one bench; `error` = why it has none. */
export interface Section {
  readonly bench: string;
  readonly results: readonly Result[];
  readonly error: string | null;
}

const BEGIN = '<!-- bench:begin -->';
const END = '<!-- bench:end -->';

/** Three significant digits, without an exponent. */
export function digits(value: number): string {
  if (!Number.isFinite(value)) return '?';
  if (Math.abs(value) >= 100 || Number.isInteger(value)) return String(Math.round(value));
  return String(Number(value.toPrecision(3)));
}

/** The table. A ratio up to 1 means that the budget holds. */
export function markdownTable(sections: readonly Section[]): string {
  const rows = sections.flatMap(({ bench, results, error }) => [
    ...results.map((row) => [
      bench,
      row.what,
      `${digits(row.figure)} ${row.unit}`.trim(),
      row.budget === null ? '' : `${digits(row.budget)} ${row.unit}`.trim(),
      row.ratio === null ? '' : `${row.ratio.toFixed(2)}${row.ratio > 1 ? ' **over**' : ''}`,
      row.note,
    ]),
    ...(error === null ? [] : [[bench, `failed: ${error}`, '', '', '', '']]),
  ]);
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;
  return [
    line(['bench', 'what', 'figure', 'budget', 'figure / budget', 'note']),
    line(['---', '---', '---:', '---:', '---:', '---']),
    ...rows.map(line),
  ].join('\n');
}

/** The text with what lies between the markers replaced. Throws if they are not there. */
export function replaceBetweenMarkers(text: string, content: string): string {
  const from = text.indexOf(BEGIN);
  const to = text.indexOf(END);
  if (from < 0 || to < from) throw new Error(`${BEGIN} and ${END} are not in the file`);
  return `${text.slice(0, from + BEGIN.length)}\n${content}\n${text.slice(to)}`;
}
