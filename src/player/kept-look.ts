// How a stream's values were shown last, kept in the browser. What is read is checked: another version may have written it.
import { COLOR_MAPS, type ColorMap } from '../core/view.ts';
import { type LookSettings, PLAIN_LOOK } from './deep-canvas.ts';

export interface KeptLook {
  readonly look: LookSettings;
  /** The levels are open. */
  readonly open: boolean;
}

const key = (stream: string) => `sluice-look:${stream}`;

/** Reads what `keepLook` wrote, or an exported preset; each part that is not understood is the usual one. */
export function parseLook(text: string | null): KeptLook {
  let found: unknown;
  try {
    found = JSON.parse(text ?? 'null');
  } catch {
    found = null;
  }
  const { window, gamma, map, saturated, open } = (found ?? {}) as Record<string, unknown>;
  const { low, high } = (window ?? {}) as Record<string, unknown>;
  return {
    look: {
      window: typeof low === 'number' && typeof high === 'number' && low < high ? { low, high } : null,
      gamma: typeof gamma === 'number' && gamma >= 0.1 && gamma <= 10 ? gamma : PLAIN_LOOK.gamma,
      map: COLOR_MAPS.includes(map as ColorMap) ? (map as ColorMap) : PLAIN_LOOK.map,
      saturated: saturated === true,
    },
    open: open === true,
  };
}

export function keptLook(stream: string): KeptLook {
  try {
    return parseLook(localStorage.getItem(key(stream)));
  } catch {
    return parseLook(null);
  }
}

export function keepLook(stream: string, { look, open }: KeptLook): void {
  try {
    localStorage.setItem(key(stream), JSON.stringify({ ...look, open }));
  } catch {
    // Private windows may have no store.
  }
}
