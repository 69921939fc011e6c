// How values of deep pictures (16-bit, float) are shown in 8 bits.

/** Values shown as black and as white. */
export interface ToneWindow {
  readonly low: number;
  readonly high: number;
}

/** Names of the colour maps. */
export const COLOR_MAPS = ['gray', 'inverted', 'green', 'magenta', 'cyan', 'fire', 'viridis'] as const;
export type ColorMap = (typeof COLOR_MAPS)[number];

/** From a value to a colour. */
export interface Look extends ToneWindow {
  /** 1 = straight; above 1 lifts what is dark. */
  readonly gamma: number;
  /** Of pictures with one channel. */
  readonly map: ColorMap;
  /** Values at the end of the sensor's range are red. */
  readonly saturated: boolean;
}

/** What a stream's lossy pictures are made by. */
export interface ViewSettings extends Pick<Look, 'gamma' | 'map' | 'saturated'> {
  /** `auto` follows the pictures; `full` is the sensor's range; `shift` leaves out so many low bits and keeps the next eight. */
  readonly window: 'auto' | 'full' | ToneWindow | { readonly shift: number };
  /** `auto`: percent of the samples that may lie outside the window at each end. */
  readonly clip: number;
  /** `auto`: part of the way that the window goes with each picture; 1 = at once. */
  readonly follow: number;
}

export const DEFAULT_VIEW: ViewSettings = { window: 'auto', clip: 0.1, follow: 0.1, gamma: 1, map: 'gray', saturated: false };
