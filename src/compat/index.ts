// The table of compatibility routes. A new one is one file and one row here.
import type { CompatContext, CompatRow } from './compat.ts';
import { openHlsStream } from './hls-stream.ts';
import { openImswitch } from './imswitch/index.ts';
import { openReroCctv } from './rero-cctv.ts';
import { openStreamview } from './streamview.ts';

const COMPAT: readonly CompatRow[] = [
  { name: 'streamview', open: openStreamview },
  { name: 'hls-stream', open: openHlsStream },
  { name: 'rero-cctv', open: openReroCctv },
  { name: 'imswitch', open: openImswitch },
];

/** Opens them all. */
export function openCompat(context: CompatContext): void {
  for (const row of COMPAT) row.open(context);
}
