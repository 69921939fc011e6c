// Keys of a chart: arrows step from sample to sample, Enter goes to the frame, + and - zoom, Esc takes cursor and zoom back.
import type { ChartGroup } from './chart-group.ts';

export interface KeyActions {
  readonly group: ChartGroup;
  /** Time of the cursor, else of the shown frame. */
  readonly time: () => number;
  readonly neighbour: (time: number, direction: 1 | -1) => number | null;
  readonly scale: (factor: number, time: number) => void;
  readonly seek: (time: number) => void;
}

export function listenToKeys(element: HTMLElement, actions: KeyActions): void {
  element.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !act(event.key, actions)) return;
    event.preventDefault();
    event.stopPropagation();
  });
}

/** False for a key that means nothing here. */
function act(key: string, { group, time, neighbour, scale, seek }: KeyActions): boolean {
  switch (key) {
    case 'ArrowLeft':
    case 'ArrowRight': {
      const next = neighbour(time(), key === 'ArrowRight' ? 1 : -1);
      if (next !== null) group.pointAt(next);
      return true;
    }
    case 'Enter':
      seek(time());
      return true;
    case 'Escape':
      if (group.cursor !== null) group.pointAt(null);
      else group.zoomTo(null);
      return true;
    case '+':
    case '=':
      scale(0.5, time());
      return true;
    case '-':
      scale(2, time());
      return true;
    default:
      return false;
  }
}
