// What the connection doctor finds, as data and as text. Pure.
import type { StreamAddress } from '../address.ts';
import type { Attempt } from '../attempts.ts';

/** `limited`: it works, but not as well as it could. `skipped`: there was nothing to try, or no use in trying. */
export type Verdict = 'ok' | 'limited' | 'failed' | 'skipped';

/** How the signs read; by shape, not by colour alone. */
export const VERDICTS: Readonly<Record<Verdict, { readonly sign: string; readonly word: string }>> = {
  ok: { sign: '✓', word: 'works' },
  limited: { sign: '!', word: 'limited' },
  failed: { sign: '✗', word: 'does not work' },
  skipped: { sign: '–', word: 'not tried' },
};

/** What mends it. */
export interface Fix {
  /** A sentence in plain words. */
  readonly text: string;
  /** Settings of the server that belong to it: keys of its configuration file. */
  readonly settings: readonly string[];
  /** Lines for the configuration file of the server, or of what stands in front of it. */
  readonly lines: readonly string[];
}

export interface Finding {
  readonly verdict: Verdict;
  /** What was seen, in a sentence or two. */
  readonly text: string;
  readonly fix?: Fix;
}

/** What a check is given. */
export interface DoctorContext {
  readonly address: StreamAddress;
  /** What earlier checks have learnt. */
  readonly facts: Facts;
}

export interface Facts {
  /** Server µs UTC minus this computer's, round trip and doubt in ms: from pings over the events socket. */
  clock?: { readonly offsetMs: number; readonly doubtMs: number; readonly roundTripMs: number };
  /** bit/s that the stream takes at its best; 0 = not known. */
  streamBitrate?: number;
}

/** A row of the table of checks. */
export interface Check {
  readonly id: string;
  readonly label: string;
  /** Without the server there is no use in trying. */
  readonly needsServer: boolean;
  /** It is given up after this time, ms. */
  readonly limitMs: number;
  run(context: DoctorContext, signal: AbortSignal): Finding | Promise<Finding>;
}

export interface CheckedRow {
  readonly id: string;
  readonly label: string;
  /** `null` while it runs or waits. */
  readonly finding: Finding | null;
}

/** The whole in one sentence. */
export function summary(rows: readonly CheckedRow[]): string {
  const done = rows.filter(({ finding }) => finding);
  if (done.length < rows.length) return `Checking… ${done.length} of ${rows.length} done`;
  const of = (verdict: Verdict) => rows.filter(({ finding }) => finding?.verdict === verdict).map(({ label }) => label);
  const failed = of('failed');
  const limited = of('limited');
  const parts: string[] = [];
  if (failed.length) parts.push(`${failed.length} of ${rows.length} checks failed: ${failed.join(', ')}.`);
  if (limited.length) parts.push(`Limited: ${limited.join(', ')}.`);
  return parts.join(' ') || 'Everything that was tried works.';
}

/** For a report of a fault. It holds no token. */
export function reportText(
  address: StreamAddress,
  rows: readonly CheckedRow[],
  attempts: readonly Attempt[],
  about: { readonly page: string; readonly browser: string; readonly now: Date },
): string {
  const lines = [
    `Sluice connection doctor, ${about.now.toISOString()}`,
    `Stream: ${address.name} on ${address.host}`,
    `Page: ${about.page}`,
    `Browser: ${about.browser}`,
    '',
    summary(rows),
  ];
  for (const { label, finding } of rows) {
    lines.push(`[${finding ? VERDICTS[finding.verdict].word : 'running'}] ${label}: ${finding?.text ?? ''}`.trimEnd());
    if (!finding?.fix) continue;
    lines.push(`    ${finding.fix.text}`, ...finding.fix.lines.map((line) => `    > ${line}`));
  }
  if (attempts.length) lines.push('', 'Tried by the player:', ...attempts.map((attempt) => `- ${attemptText(attempt)}`));
  return `${lines.join('\n')}\n`;
}

/** `WebRTC: failed, no UDP packets get through`. */
export function attemptText({ label, state, reason, firstPictureMs }: Attempt): string {
  const first = firstPictureMs === null ? '' : `, first picture after ${Math.round(firstPictureMs)} ms`;
  return `${label}: ${state}${first}${reason ? `, ${reason}` : ''}`;
}
