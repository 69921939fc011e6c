// Where the panels of the stream page are: three places round the picture, an order and a height for each. Pure. Saved per stream as JSON,
// and short enough to travel in a link.
import '../../src/api/without-eval.ts';
import { z } from 'zod';

/** Left of the picture, under it, right of it. On narrow screens: all under it. */
export const PLACES = ['left', 'under', 'right'] as const;
export type Place = (typeof PLACES)[number];

/** What a layout needs to know of a panel; rows of `panels/index.ts`. */
export interface PanelRow {
  /** Lower-case letters: it stands in links. */
  readonly id: string;
  /** Where it is as long as nobody has moved it. */
  readonly place: Place;
  /** Whether it is shown as long as nobody has decided. */
  readonly shown: boolean;
}

/** Heights in CSS pixels. */
export const HEIGHT = { min: 120, max: 2000 } as const;
/** Width of a column beside the picture in percent of the page. */
export const WIDTH = { min: 15, max: 50 } as const;

const Panel = z.object({
  id: z.string().regex(/^[a-z]{1,20}$/),
  place: z.enum(PLACES),
  shown: z.boolean(),
  height: z.number().int().min(HEIGHT.min).max(HEIGHT.max).nullable(),
});
const Width = z.number().int().min(WIDTH.min).max(WIDTH.max);

export const Layout = z.object({ version: z.literal(1), left: Width, right: Width, panels: z.array(Panel).max(50) });
/** `left` and `right`: widths in percent. `panels` in the order in which they are shown; `height` null: the panel's own. */
export type Layout = z.infer<typeof Layout>;
export type PlacedPanel = Layout['panels'][number];

export function defaultLayout(rows: readonly PanelRow[]): Layout {
  return { version: 1, left: 24, right: 34, panels: rows.map(placed) };
}

function placed(row: PanelRow): PlacedPanel {
  return { id: row.id, place: row.place, shown: row.shown, height: null };
}

/** A layout for exactly these panels: those it does not know are added at their own place, those that are gone are left out. */
export function fitLayout(layout: Layout, rows: readonly PanelRow[]): Layout {
  const ids = new Set(rows.map((row) => row.id));
  const panels = layout.panels.filter((panel, at, all) => ids.has(panel.id) && all.findIndex((other) => other.id === panel.id) === at);
  const known = new Set(panels.map((panel) => panel.id));
  return { ...layout, panels: [...panels, ...rows.filter((row) => !known.has(row.id)).map(placed)] };
}

/** What was stored, or null where it is broken or of another version. */
export function parseLayout(text: string | null): Layout | null {
  if (text === null) return null;
  try {
    return Layout.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}

export function panelsAt(layout: Layout, place: Place): PlacedPanel[] {
  return layout.panels.filter((panel) => panel.shown && panel.place === place);
}

/** Changes one panel. */
export function changePanel(layout: Layout, id: string, change: Partial<Pick<PlacedPanel, 'shown' | 'height'>>): Layout {
  return { ...layout, panels: layout.panels.map((panel) => (panel.id === id ? { ...panel, ...change } : panel)) };
}

/** Puts a panel to a place, before the shown panel of the id `before`, or at its end. */
export function placePanel(layout: Layout, id: string, place: Place, before: string | null): Layout {
  const panel = layout.panels.find((each) => each.id === id);
  if (!panel || before === id) return layout;
  const others = layout.panels.filter((each) => each.id !== id);
  const at = before === null ? others.length : others.findIndex((each) => each.id === before);
  others.splice(at < 0 ? others.length : at, 0, { ...panel, place });
  return { ...layout, panels: others };
}

/** What an arrow key does to a panel: up and down change its order, left and right its place. */
export function nudgePanel(layout: Layout, id: string, key: 'up' | 'down' | 'left' | 'right'): Layout {
  const panel = layout.panels.find((each) => each.id === id);
  if (!panel) return layout;
  if (key === 'left' || key === 'right') {
    const place = PLACES[PLACES.indexOf(panel.place) + (key === 'left' ? -1 : 1)];
    return place ? placePanel(layout, id, place, null) : layout;
  }
  const mates = panelsAt(layout, panel.place).map((each) => each.id);
  const at = mates.indexOf(id);
  if (key === 'up') return at > 0 ? placePanel(layout, id, panel.place, mates[at - 1]!) : layout;
  return at < mates.length - 1 ? placePanel(layout, id, panel.place, mates[at + 2] ?? null) : layout;
}

/** Sets a column's width in percent, within what is allowed. */
export function widenColumn(layout: Layout, side: 'left' | 'right', percent: number): Layout {
  return { ...layout, [side]: clamp(percent, WIDTH) };
}

export function clampHeight(height: number): number {
  return clamp(height, HEIGHT);
}

function clamp(value: number, range: { min: number; max: number }): number {
  return Math.round(Math.min(range.max, Math.max(range.min, value)));
}

const LETTERS: Record<Place, string> = { left: 'l', under: 'u', right: 'r' };

/** For a link: `24-34.ucharts-240.rmarkers.-statistics`, in which `-` before a name means hidden. Only characters that need no escape. */
export function writeLayout(layout: Layout): string {
  const parts = layout.panels.map(({ id, place, shown, height }) => {
    return `${shown ? '' : '-'}${LETTERS[place]}${id}${height === null ? '' : `-${height}`}`;
  });
  return [`${layout.left}-${layout.right}`, ...parts].join('.');
}

/** Reads what `writeLayout` wrote; null for anything else. */
export function readLayout(text: string): Layout | null {
  const [widths, ...parts] = text.split('.');
  const columns = /^(\d{1,3})-(\d{1,3})$/.exec(widths ?? '');
  if (!columns) return null;
  const panels = parts.map((part) => {
    const match = /^(-?)([lur])([a-z]{1,20})(?:-(\d{1,4}))?$/.exec(part);
    if (!match) return null;
    const place = PLACES.find((each) => LETTERS[each] === match[2]);
    return { id: match[3], place, shown: match[1] === '', height: match[4] === undefined ? null : Number(match[4]) };
  });
  return Layout.safeParse({ version: 1, left: Number(columns[1]), right: Number(columns[2]), panels }).data ?? null;
}
