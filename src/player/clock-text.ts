// Times and amounts as people read them. Pure.
import { formatMicros, type Micros } from '../core/time.ts';

/** Minutes that the viewer's zone is ahead of UTC at a time. */
export function zoneOffset(micros: number): number {
  return -new Date(micros / 1000).getTimezoneOffset();
}

/** `UTC+01:00`. */
export function zoneText(offsetMinutes: number): string {
  const minutes = Math.abs(offsetMinutes);
  const two = (n: number) => String(Math.floor(n)).padStart(2, '0');
  return `UTC${offsetMinutes < 0 ? '−' : '+'}${two(minutes / 60)}:${two(minutes % 60)}`;
}

/** `14:03:22.480` in a zone. */
export function timeText(micros: number, offsetMinutes: number): string {
  return new Date(Math.floor(micros / 1000) + offsetMinutes * 60_000).toISOString().slice(11, 23);
}

/** `2026-11-20` in a zone. */
export function dateText(micros: number, offsetMinutes: number): string {
  return new Date(Math.floor(micros / 1000) + offsetMinutes * 60_000).toISOString().slice(0, 10);
}

/** `2026-11-20 12:38:01.250000 UTC`. */
export function utcText(micros: number): string {
  return formatMicros(Math.round(micros) as Micros)
    .replace('T', ' ')
    .replace('Z', ' UTC');
}

/** `0.6 s`, `3 min 05 s`, `1 h 02 min`. */
export function lengthText(ms: number): string {
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  const two = (n: number) => String(Math.floor(n)).padStart(2, '0');
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${two(seconds % 60)} s`;
  return `${Math.floor(seconds / 3600)} h ${two((seconds % 3600) / 60)} min`;
}

/** `850 kbit/s`, `3.1 Mbit/s`. */
export function bitrateText(bitsPerSecond: number): string {
  return bitsPerSecond < 1_000_000 ? `${Math.round(bitsPerSecond / 1000)} kbit/s` : `${(bitsPerSecond / 1_000_000).toFixed(1)} Mbit/s`;
}
