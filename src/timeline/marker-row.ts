// A row of a marker: how its ends are written, when they hold already, and what is refused.
import type { Marker } from '../api/timeline.ts';
import { SluiceError } from '../core/errors.ts';
import type { Bound, Pending, PendingBy } from './marker-schema.ts';

/** Codes of `PendingBy`: that of the start, plus three times that of the end. */
const PENDING: readonly PendingBy[] = [null, 'time', 'frame'];

/** As it lies in the table. */
export interface MarkerRow {
  stream: string;
  id: string;
  label: string;
  kind: string;
  frame: number | null;
  timestamp: number;
  endFrame: number | null;
  end: number | null;
  open: number;
  data: string | null;
  sequence: number;
  pending: number;
}

export function markerOf(row: MarkerRow): Marker {
  const { id, label, kind, frame, timestamp, endFrame, end, sequence } = row;
  const data = row.data === null ? null : JSON.parse(row.data);
  return { id, label, kind, frame, timestamp, endFrame, end, open: row.open === 1, data, sequence };
}

export function pendingOf({ pending }: MarkerRow): Pending {
  return { start: PENDING[pending % 3]!, end: PENDING[Math.floor(pending / 3)]! };
}

export function startOf(row: MarkerRow): Bound {
  return { given: 'both', frame: row.frame, timestamp: row.timestamp, pending: pendingOf(row).start };
}

export function endOf(row: MarkerRow): Bound {
  return { given: 'both', frame: row.endFrame, timestamp: row.end, pending: pendingOf(row).end };
}

/** A row whose ends have not been looked at. */
export type WantedRow = Omit<MarkerRow, 'timestamp'> & { timestamp: number | null };

/** Both ends as columns. */
export function boundsOf(start: Bound, end: Bound) {
  return {
    frame: start.frame,
    timestamp: start.timestamp,
    endFrame: end.frame,
    end: end.timestamp,
    pending: PENDING.indexOf(start.pending) + 3 * PENDING.indexOf(end.pending),
  };
}

/** What was looked up once stays: the same words again mean the same instant, even when the frame is no longer known. */
export function settled(wish: Bound, before: Bound | undefined): Bound {
  // Without a word about its start, a marker that exists stays where it is. An end that nobody names is no end.
  if (before && wish.given === 'none' && wish.timestamp !== null) return before;
  if (before && wish.given === 'frame' && wish.frame === before.frame) return before;
  if (before && wish.given === 'timestamp' && wish.timestamp === before.timestamp) return before;
  return wish;
}

/** Refuses what no marker can be. Throws `unknown-frame`, `bad-value`. */
export function checkedRow(row: WantedRow, known: string, field: string): MarkerRow {
  const unknown = (name: string, frame: number | null) =>
    new SluiceError('unknown-frame', `${field}${name}: ${frame} received; ${row.stream} has no such frame, ${known}`, {
      field: `${field}${name}`,
      received: frame,
    });
  if (row.timestamp === null) throw unknown('frame', row.frame);
  if (row.endFrame !== null && row.end === null) throw unknown('endFrame', row.endFrame);
  if (row.end !== null && row.open === 1) {
    throw new SluiceError('bad-value', `${field}open: an open span has no end yet; leave out end and endFrame, or open`, {
      field: `${field}open`,
      received: true,
    });
  }
  if (row.end !== null && row.end < row.timestamp) {
    throw new SluiceError('bad-value', `${field}end: ${row.end} is earlier than the start ${row.timestamp}`, {
      field: `${field}end`,
      received: row.end,
    });
  }
  return { ...row, timestamp: row.timestamp };
}
