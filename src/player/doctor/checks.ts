// The table of checks of the connection doctor, in their order. A new check is one row in one of these files.
import { CODEC_CHECKS } from './codec-checks.ts';
import type { Check, CheckedRow, DoctorContext, Finding } from './finding.ts';
import { SERVER_CHECKS } from './server-checks.ts';
import { WEBRTC_CHECKS } from './webrtc-checks.ts';

export const CHECKS: readonly Check[] = [...SERVER_CHECKS, ...WEBRTC_CHECKS, ...CODEC_CHECKS];

/**
 * Runs the checks one after the other, so that none disturbs another, and tells all rows after each.
 *
 * @param signal ends it; then nothing more is told
 */
export async function runChecks(
  checks: readonly Check[],
  context: DoctorContext,
  onRows: (rows: readonly CheckedRow[]) => void,
  signal: AbortSignal,
): Promise<readonly CheckedRow[]> {
  let rows: readonly CheckedRow[] = checks.map(({ id, label }) => ({ id, label, finding: null }));
  onRows(rows);
  let away = false;
  for (const check of checks) {
    const finding: Finding =
      away && check.needsServer ? { verdict: 'skipped', text: 'The server does not answer.' } : await runOne(check, context, signal);
    if (signal.aborted) return rows;
    if (check.id === 'http' && finding.verdict === 'failed') away = true;
    rows = rows.map((row) => (row.id === check.id ? { ...row, finding } : row));
    onRows(rows);
  }
  return rows;
}

async function runOne(check: Check, context: DoctorContext, signal: AbortSignal): Promise<Finding> {
  const limit = AbortSignal.timeout(check.limitMs);
  const late = new Promise<Finding>((resolve) => {
    const text = `No answer within ${check.limitMs / 1000} s.`;
    limit.addEventListener('abort', () => resolve({ verdict: 'failed', text }), { once: true });
  });
  const run = async (): Promise<Finding> => {
    try {
      return await check.run(context, AbortSignal.any([signal, limit]));
    } catch (error) {
      return { verdict: 'failed', text: `It could not be tried: ${error instanceof Error ? error.message : String(error)}.` };
    }
  };
  return await Promise.race([run(), late]);
}
