// Where the panels dock: left of, under and right of the picture. Each can be hidden, moved (drag its grip, or arrow keys on it) and resized.
import type { ReadonlySignal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import type { StreamInfo } from '../../src/api/schema.ts';
import { Cross, Grip, PanelsIcon } from './icons.tsx';
import {
  changePanel,
  clampHeight,
  HEIGHT,
  nudgePanel,
  type Place,
  type PlacedPanel,
  panelsAt,
  placePanel,
  WIDTH,
  widenColumn,
} from './layout.ts';
import { layout, layoutText, resetLayout, setLayout } from './layout-store.ts';
import { Menu } from './menu.tsx';
import { isOffered, PANELS } from './panels/index.ts';
import { Splitter } from './splitter.tsx';
import { announce } from './store.ts';

type Info = ReadonlySignal<StreamInfo>;

/** The panels of one place, and for a column the handle between it and the picture. */
export function Dock(props: { place: Place; info: Info }) {
  const { place, info } = props;
  const now = layout.value;
  const panels = panelsAt(now, place).filter(({ id }) => isOffered(id, info.value));
  const column = useRef<HTMLDivElement>(null);
  if (!panels.length) return null;
  return (
    <div class={`dock dock-${place}`} data-place={place} ref={column}>
      {place !== 'under' && (
        <Splitter
          orientation="vertical"
          label={`Width of the ${place} column`}
          value={now[place]}
          min={WIDTH.min}
          max={WIDTH.max}
          step={place === 'left' ? 2 : -2}
          perPixel={() => ((place === 'left' ? 1 : -1) * 100) / (column.current?.parentElement?.clientWidth || 1000)}
          onChange={(value, done) => setLayout(widenColumn(layout.value, place, value), done)}
        />
      )}
      <div class="dock-panels">
        {panels.map((panel) => (
          <DockedPanel key={panel.id} panel={panel} info={info} />
        ))}
      </div>
    </div>
  );
}

function DockedPanel(props: { panel: PlacedPanel; info: Info }) {
  const { id, height } = props.panel;
  const entry = PANELS.find((each) => each.id === id)!;
  const body = useRef<HTMLDivElement>(null);
  const own = entry.height ?? null;
  const tall = height ?? own;
  const hide = () => {
    setLayout(changePanel(layout.value, id, { shown: false }));
    announce(`${entry.label} is hidden. The menu Panels shows it again.`);
  };
  return (
    <section class={`docked is-${id}`} data-panel={id} aria-labelledby={`panel-${id}`}>
      <header class="docked-head">
        <GripButton id={id} label={entry.label} />
        <h2 id={`panel-${id}`}>{entry.label}</h2>
        <button type="button" class="button icon-only quiet small" aria-label={`Hide ${entry.label}`} title="Hide" onClick={hide}>
          <Cross />
        </button>
      </header>
      <div class={`docked-body${own === null ? '' : ' fills'}`} ref={body} style={tall === null ? undefined : { height: `${tall}px` }}>
        <entry.Panel info={props.info} />
      </div>
      <Splitter
        orientation="horizontal"
        label={`Height of ${entry.label}`}
        value={tall ?? body.current?.offsetHeight ?? 300}
        min={HEIGHT.min}
        max={HEIGHT.max}
        step={40}
        perPixel={() => 1}
        onChange={(value, done) => setLayout(changePanel(layout.value, id, { height: clampHeight(value) }), done)}
      />
    </section>
  );
}

const ARROWS = { ArrowUp: 'up', ArrowDown: 'down', ArrowLeft: 'left', ArrowRight: 'right' } as const;

/** Moves its panel: dragged onto another one or an empty place, or by arrow keys. */
function GripButton(props: { id: string; label: string }) {
  const { id, label } = props;
  const target = useRef<{ place: Place; before: string | null } | null>(null);
  const dragging = useRef(false);
  const mark = (element: Element | null) => {
    for (const each of document.querySelectorAll('.is-target')) each.classList.remove('is-target');
    element?.classList.add('is-target');
  };
  const onMove = (event: PointerEvent) => {
    if (!dragging.current) return;
    document.body.classList.add('is-moving-panel');
    const under = document.elementFromPoint(event.clientX, event.clientY);
    const panel = under?.closest<HTMLElement>('.docked');
    const place = under?.closest<HTMLElement>('[data-place]');
    target.current = place ? { place: place.dataset.place as Place, before: panel?.dataset.panel ?? null } : null;
    mark(target.current ? (panel ?? place ?? null) : null);
  };
  const onEnd = (drop: boolean) => {
    const to = target.current;
    dragging.current = false;
    target.current = null;
    document.body.classList.remove('is-moving-panel');
    mark(null);
    if (drop && to) setLayout(placePanel(layout.value, id, to.place, to.before));
  };
  const onKey = (event: KeyboardEvent) => {
    const key = ARROWS[event.key as keyof typeof ARROWS];
    if (!key) return;
    event.preventDefault();
    const next = nudgePanel(layout.value, id, key);
    if (next === layout.value) return;
    setLayout(next);
    const { place } = next.panels.find((panel) => panel.id === id)!;
    announce(
      `${label} is ${place === 'under' ? 'under' : `${place} of`} the picture, ${panelsAt(next, place).findIndex((p) => p.id === id) + 1}.`,
    );
    // It is drawn anew where it went to another column.
    requestAnimationFrame(() => document.querySelector<HTMLElement>(`[data-panel="${id}"] .grip`)?.focus());
  };
  return (
    <button
      type="button"
      class="grip"
      aria-label={`Move ${label}: arrow keys, or drag`}
      title="Move: drag, or use the arrow keys"
      onPointerDown={(event) => {
        if (event.button !== 0) return;
        event.currentTarget.setPointerCapture(event.pointerId);
        dragging.current = true;
      }}
      onPointerMove={onMove}
      onPointerUp={() => onEnd(true)}
      onPointerCancel={() => onEnd(false)}
      onKeyDown={onKey}
    >
      <Grip />
    </button>
  );
}

/** Which panels are shown, and the way back to the usual arrangement. */
export function PanelsMenu(props: { info: StreamInfo }) {
  const now = layout.value;
  return (
    <Menu
      label="Panels"
      button={
        <>
          <PanelsIcon />
          Panels
        </>
      }
    >
      {PANELS.filter(({ id }) => isOffered(id, props.info)).map(({ id, label }) => (
        <label key={id} class="menu-check">
          <input
            type="checkbox"
            checked={now.panels.find((panel) => panel.id === id)?.shown ?? false}
            onChange={(event) => setLayout(changePanel(layout.value, id, { shown: event.currentTarget.checked }))}
          />
          {label}
        </label>
      ))}
      <button type="button" class="button small" disabled={layoutText() === null} onClick={resetLayout}>
        Reset layout
      </button>
    </Menu>
  );
}
