// Says over the picture whether its values may be measured: "Lossless, 16 bit" or "Lossy, not for measurement". Ordinary 8-bit video has no
// such words. They stay when the controls go away, and are on every screenshot.
import type { Picture } from '../core/frame.ts';
import { FORMATS } from '../core/frame.ts';
import { make } from './dom.ts';

/** What the picture says of itself; empty = nothing. `dtype`: of the stream's values; `picture`: of a lossless way. */
export function badgeText(dtype: string | null, picture: Omit<Picture, 'data'> | null): string {
  if (picture) {
    const { depth } = FORMATS[picture.format];
    return `Lossless, ${depth === 32 ? '32 bit float' : `${picture.significantBits || depth} bit`}`;
  }
  return dtype === null || dtype === 'uint8' || dtype === 'bool' ? '' : 'Lossy, not for measurement';
}

export class Badge {
  readonly element = make('p', { class: 'badge', part: 'badge', hidden: '' });

  show(text: string): void {
    if (this.element.textContent === text) return;
    this.element.textContent = text;
    this.element.hidden = text === '';
    this.element.dataset.lossy = String(text.startsWith('Lossy'));
  }
}
