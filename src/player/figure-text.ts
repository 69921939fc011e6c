// Figures as the statistics say them. Pure. What is not known is a dash, never a guess.
import { bitrateText } from './clock-text.ts';
import type { PictureQuality, TransportStats } from './transport.ts';

/** Below these a latency counts as good, as fair; ms. */
const GOOD_MS = 100;
const FAIR_MS = 200;

export const NOT_KNOWN = '–';

/** How good a latency is: as a word, and as a sign that differs in shape, for those who do not see its colour. */
export interface Grade {
  readonly name: 'good' | 'fair' | 'slow';
  readonly sign: string;
}

export function gradeOf(ms: number): Grade {
  if (ms < GOOD_MS) return { name: 'good', sign: '●' };
  return ms < FAIR_MS ? { name: 'fair', sign: '▲' } : { name: 'slow', sign: '■' };
}

/** `23 ms`, `1.2 s`. Below zero only by the doubt of the clocks. */
export function latencyText(ms: number): string {
  const shown = Math.max(0, ms);
  return shown < 1000 ? `${shown.toFixed(0)} ms` : `${(shown / 1000).toFixed(1)} s`;
}

/** `JPEG quality 85`, `rung 2 of 3, 1.2 Mbit/s`; empty where there is nothing to choose. */
export function qualityText(quality: PictureQuality | null): string {
  if (!quality) return '';
  const { jpeg, rung, bitrate } = quality;
  const parts: string[] = [];
  if (jpeg !== null) parts.push(`JPEG quality ${jpeg}`);
  if (rung) parts.push(`rung ${rung.number} of ${rung.of}`);
  if (bitrate) parts.push(`encoded for ${bitrateText(bitrate)}`);
  return parts.join(', ');
}

/** `0.3 %`; a dash where the transport does not know. */
export function lossText(lost: number | null): string {
  return lost === null ? NOT_KNOWN : `${(lost * 100).toFixed(lost > 0 && lost < 0.1 ? 1 : 0)} %`;
}

/** Packets that came again and were asked for, since the transport was opened. */
export function resendText({ network }: Pick<TransportStats, 'network'>, perSecond: number | null): string {
  if (!network) return NOT_KNOWN;
  const rate = perSecond ? ` (${perSecond.toFixed(1)}/s)` : '';
  return `${network.resends} packets${rate}, asked for ${network.nacks} times`;
}

/** What waits in front of the picture. */
export function bufferText({ network, bufferedSeconds, playbackRate }: TransportStats): string {
  if (network) {
    const jitter = network.jitterMs === null ? '' : `; jitter ${network.jitterMs.toFixed(1)} ms`;
    return `${network.bufferMs === null ? NOT_KNOWN : `${network.bufferMs.toFixed(0)} ms`} against jitter${jitter}`;
  }
  return bufferedSeconds === null ? 'none' : `${bufferedSeconds.toFixed(2)} s, speed ${playbackRate.toFixed(2)}`;
}

export function viewersText(viewers: number | null): string {
  return viewers === null ? NOT_KNOWN : `${viewers} ${viewers === 1 ? 'viewer' : 'viewers'}`;
}

export function fpsText(fps: number | null): string {
  return fps === null ? NOT_KNOWN : `${fps.toFixed(1)} fps`;
}
