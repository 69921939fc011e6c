// A table of moments of which only the rows in view are in the document. Arrow keys go through the rows, Enter and a click show the frame.
import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Moment } from './moment-list.ts';
import { visibleRows } from './visible-rows.ts';

export interface MomentTableProps<T extends Moment> {
  readonly label: string;
  /** Headings of the columns. */
  readonly columns: readonly string[];
  readonly items: readonly T[];
  readonly keyOf: (item: T) => string;
  /** More may come at the end. */
  readonly partial: boolean;
  /** The cells, one `<td>` for each column. `tabIndex`: of buttons in them, so that Tab goes through those of one row only. */
  readonly cells: (item: T, key: string, tabIndex: 0 | -1) => ComponentChildren;
  /** What stands below a row that is open; one at a time. */
  readonly detail: (item: T) => ComponentChildren;
  readonly openKey: string | null;
  /** The row at the shown frame. */
  readonly currentKey: string | null;
  readonly seekingKey: string | null;
  readonly isFresh: (key: string) => boolean;
  /** The frame of the row is asked for. */
  readonly onGo: (item: T) => void;
  /** Other keys on a row; true if it was one that means something. */
  readonly onKey: (item: T, event: KeyboardEvent) => boolean;
  /** The end of what is loaded comes into view. */
  readonly onEnd: () => void;
}

/** Rows of one line where there is room for the columns, else of two. */
const ONE_LINE = { from: 560, height: 36 } as const;
const TWO_LINES = 54;

export function MomentTable<T extends Moment>(props: MomentTableProps<T>) {
  const { items, keyOf, openKey } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 400, width: 400 });
  const [activeKey, setActiveKey] = useState<string | null>(null);
  const [detailHeight, setDetailHeight] = useState(0);
  const wide = view.width >= ONE_LINE.from;
  const rowHeight = wide ? ONE_LINE.height : TWO_LINES;
  const openAt = openKey === null ? -1 : items.findIndex((item) => keyOf(item) === openKey);
  const extra = openAt < 0 ? 0 : detailHeight;
  const { first, end } = visibleRows({ count: items.length, rowHeight, openAt, extra, top: view.top, height: view.height });
  const topOf = (at: number) => at * rowHeight + (openAt >= 0 && at > openAt ? extra : 0);

  useEffect(() => {
    const element = scroller.current!;
    const observer = new ResizeObserver(() => {
      setView((before) => ({ ...before, height: element.clientHeight, width: element.clientWidth }));
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  // What the viewer reads stays where it is when newer rows come in above it.
  const anchor = useRef<{ key: string; offset: number } | null>(null);
  useLayoutEffect(() => {
    const element = scroller.current!;
    const held = anchor.current;
    if (held && element.scrollTop > 0) {
      const at = items.findIndex((item) => keyOf(item) === held.key);
      if (at >= 0 && Math.abs(topOf(at) - held.offset - element.scrollTop) > 1) element.scrollTop = topOf(at) - held.offset;
    }
  }, [items, rowHeight]);
  const hold = (top: number) => {
    const at = Math.min(items.length - 1, Math.floor(top / rowHeight));
    const item = items[at];
    anchor.current = top > 0 && item ? { key: keyOf(item), offset: topOf(at) - top } : null;
  };

  // What was opened is seen.
  useEffect(() => {
    const element = scroller.current!;
    if (openAt < 0 || !detailHeight) return;
    const [from, to] = [topOf(openAt), topOf(openAt) + rowHeight + detailHeight];
    if (to > element.scrollTop + element.clientHeight) element.scrollTop = Math.min(from, to - element.clientHeight);
  }, [openKey, detailHeight > 0]);

  const onEnd = useRef(props.onEnd);
  onEnd.current = props.onEnd;
  const atEnd = props.partial && end >= items.length - 20;
  useEffect(() => {
    if (atEnd) onEnd.current();
  }, [atEnd, items]);

  const found = activeKey === null ? -1 : items.findIndex((item) => keyOf(item) === activeKey);
  const activeAt = found < 0 ? 0 : found;
  const goTo = (at: number) => {
    const next = Math.min(items.length - 1, Math.max(0, at));
    const item = items[next];
    const element = scroller.current!;
    if (!item) return;
    const top = topOf(next);
    if (top < element.scrollTop) element.scrollTop = top;
    else if (top + rowHeight > element.scrollTop + element.clientHeight) element.scrollTop = top + rowHeight - element.clientHeight;
    setActiveKey(keyOf(item));
    requestAnimationFrame(() => element.querySelector<HTMLElement>('tr[tabindex="0"]')?.focus({ preventScroll: true }));
  };

  // What had the focus may be gone with the next rows: the row that stands there then has it, and the keys go on working.
  const latest = useRef({ goTo, items });
  latest.current = { goTo, items };
  const keepFocus = (element: Element, key: string, at: number) => {
    requestAnimationFrame(() => {
      if (element.isConnected || document.activeElement !== document.body) return;
      const still = latest.current.items.findIndex((item) => keyOf(item) === key);
      latest.current.goTo(still < 0 ? at : still);
    });
  };

  const onKeyDown = (event: KeyboardEvent) => {
    const row = event.target as HTMLElement;
    const item = items[activeAt];
    if (row.tagName !== 'TR' || !item || event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor(view.height / rowHeight) - 1);
    const steps: Record<string, number> = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    const step = steps[event.key];
    if (step !== undefined) goTo(activeAt + step);
    else if (event.key === 'Enter') props.onGo(item);
    else if (props.onKey(item, event)) keepFocus(row, keyOf(item), activeAt);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };

  // The row with the focus stays in the document when it scrolls out of view.
  const shown = Array.from({ length: end - first }, (_, n) => first + n);
  if (items.length && !shown.includes(activeAt)) shown.push(activeAt);
  shown.sort((a, b) => a - b);
  return (
    <div
      class={`moments ${wide ? 'is-wide' : 'is-narrow'}`}
      ref={scroller}
      onScroll={(event) => {
        const { scrollTop } = event.currentTarget;
        hold(scrollTop);
        setView((before) => ({ ...before, top: scrollTop }));
      }}
    >
      {view.top > rowHeight && (
        <button type="button" class="button small moments-newest" onClick={() => goTo(0)}>
          ↑ Newest
        </button>
      )}
      {/* biome-ignore lint/a11y/noNoninteractiveElementToInteractiveRole: a table whose rows are gone through by keys is a grid (ARIA 1.2). */}
      <table role="grid" aria-label={props.label} aria-rowcount={items.length + 1} onKeyDown={onKeyDown}>
        <thead>
          <tr aria-rowindex={1}>
            {props.columns.map((column) => (
              <th key={column} scope="col">
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody style={{ height: `${items.length * rowHeight + extra}px` }}>
          {/* Flat, so that each row keeps its element: one that is made anew between press and release of the button is never clicked. */}
          {shown.flatMap((at) => {
            const item = items[at]!;
            const key = keyOf(item);
            const is = [
              at === openAt && 'is-open',
              key === props.currentKey && 'is-current',
              key === props.seekingKey && 'is-seeking',
              props.isFresh(key) && 'is-fresh',
            ];
            return [
              <tr
                key={key}
                class={['moment', ...is].filter(Boolean).join(' ')}
                style={{ transform: `translateY(${topOf(at)}px)`, height: `${rowHeight}px` }}
                tabIndex={at === activeAt ? 0 : -1}
                aria-rowindex={at + 2}
                aria-current={key === props.currentKey ? 'true' : undefined}
                aria-busy={key === props.seekingKey ? 'true' : undefined}
                data-key={key}
                onFocus={() => setActiveKey(key)}
                onClick={(event) => {
                  if ((event.target as Element).closest('button, a, input, select')) keepFocus(event.currentTarget, key, at);
                  else props.onGo(item);
                }}
              >
                {props.cells(item, key, at === activeAt ? 0 : -1)}
              </tr>,
              at === openAt && (
                <Detail
                  key={`${key} detail`}
                  top={topOf(at) + rowHeight}
                  columns={props.columns.length}
                  onHeight={setDetailHeight}
                  onLeave={(left) => keepFocus(left, key, at)}
                >
                  {props.detail(item)}
                </Detail>
              ),
            ];
          })}
        </tbody>
      </table>
    </div>
  );
}

interface DetailProps {
  readonly top: number;
  readonly columns: number;
  readonly onHeight: (height: number) => void;
  /** It closes while the focus is in it. */
  readonly onLeave: (element: Element) => void;
  readonly children: ComponentChildren;
}

function Detail(props: DetailProps) {
  const row = useRef<HTMLTableRowElement>(null);
  useLayoutEffect(() => {
    const element = row.current!;
    const observer = new ResizeObserver(() => props.onHeight(element.offsetHeight));
    observer.observe(element);
    props.onHeight(element.offsetHeight);
    return () => {
      observer.disconnect();
      props.onHeight(0);
      if (element.contains(document.activeElement)) props.onLeave(element);
    };
  }, []);
  return (
    <tr class="moment-detail" ref={row} style={{ transform: `translateY(${props.top}px)` }}>
      <td colSpan={props.columns}>{props.children}</td>
    </tr>
  );
}
