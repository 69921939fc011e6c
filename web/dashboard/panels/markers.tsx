// The markers of the stream, newest first: a click shows exactly that frame. They are added, changed and deleted here, too.
import { type ReadonlySignal, useSignal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import type { Marker } from '../../../src/api/timeline.ts';
import type { ShownFrame } from '../../../src/player/element.ts';
import { kindLook } from '../../../src/player/marker-look.ts';
import { Bin, Chevron, Pencil, Plus } from '../icons.tsx';
import { MarkerForm, NewMarkerForm } from '../marker-form.tsx';
import { Count, exactText, FilterField, FirstUse, instead, Problem, useGoing, useSecond, useShownKey, When } from '../moment-parts.tsx';
import { FRESH_MS, MomentStore } from '../moment-store.ts';
import { MomentTable } from '../moment-table.tsx';
import { type Doomed, doomed, removeMarker } from '../remove-marker.ts';
import { base, client, events, mayChange, needsToken } from '../store.ts';
import { markerSnippets } from '../timeline-snippets.ts';
import { player } from '../watching.ts';
import { durationText } from '../words.ts';
import type { PanelProps } from './index.ts';

const PAGE = 500;
/** Markers that the page holds at most. */
const LIMIT = 100_000;
const COLUMNS = ['Kind', 'Label', 'Frame', 'Length', 'Time', 'Actions'];
const keyOf = (marker: Marker) => marker.id;

export function MarkersPanel({ info }: PanelProps) {
  const { name } = info.value;
  const store = useMemo(() => markerStore(name), [name]);
  useEffect(() => {
    store.open();
    return () => store.close();
  }, [store]);
  return <Markers key={name} stream={name} store={store} />;
}

function markerStore(stream: string): MomentStore<Marker> {
  return new MomentStore<Marker>({
    keyOf,
    kindOf: (marker) => marker.kind,
    textOf: ({ label, kind, frame, id, data }) => `${label} ${kind} ${frame ?? ''} ${id} ${data === null ? '' : JSON.stringify(data)}`,
    limit: LIMIT,
    page: (after, signal) => client.newestMarkers(stream, { after, limit: PAGE }, signal),
    listen: (on) =>
      events.subscribe({ types: ['marker'], streams: [stream], onMissed: on.missed }, ({ action, marker }) => {
        if (action === 'set') on.set([marker]);
        else on.remove(marker);
      }),
  });
}

function Markers(props: { stream: string; store: MomentStore<Marker> }) {
  const { stream, store } = props;
  const text = useSignal('');
  const kinds = useSignal<ReadonlySet<string>>(new Set());
  const open = useSignal<{ readonly key: string; readonly as: 'data' | 'form' } | null>(null);
  const adding = useSignal<ShownFrame | null>(null);
  const lastKind = useSignal('event');
  const now = useSecond();
  const version = store.version.value;
  const gone = doomed.value;
  const items = useMemo(() => {
    const found = store.list.filtered({ text: text.value, kinds: kinds.value });
    return gone.size ? found.filter((marker) => !isDoomed(gone, stream, marker)) : found;
  }, [store, version, text.value, kinds.value, gone]);
  const filtered = text.value !== '' || kinds.value.size > 0;
  // A filter looks into all of them, not only into those that happen to be loaded.
  useEffect(() => {
    if (filtered && !store.complete.value) void store.more();
  }, [filtered, version, store.state.value]);
  const going = useGoing(keyOf);
  const current = useShownKey(items, keyOf);
  const known = store.list.kinds.map(([kind]) => kind);
  const clear = () => {
    text.value = '';
    kinds.value = new Set();
  };
  const toggle = (marker: Marker, as: 'data' | 'form') => {
    open.value = open.value?.key === marker.id && open.value.as === as ? null : { key: marker.id, as };
  };
  const remove = (marker: Marker) => removeMarker(stream, marker, () => store.drop(marker));
  const onAdd = () => {
    adding.value = player.peek()?.shownFrame ?? null;
    going.problem.value = adding.value ? null : 'The player shows no frame yet: a marker needs one.';
  };
  const onKey = (marker: Marker, { key }: KeyboardEvent) => {
    if (key === ' ') going.go(marker);
    else if (key === 'ArrowRight' && open.value?.key !== marker.id) toggle(marker, 'data');
    else if ((key === 'ArrowLeft' || key === 'Escape') && open.value?.key === marker.id) open.value = null;
    else if (mayChange.value && (key === 'e' || key === 'F2')) toggle(marker, 'form');
    else if (mayChange.value && key === 'Delete') remove(marker);
    else return false;
    return true;
  };
  const first = () => (
    <FirstUse
      sentence="A marker ties an event to its frame: from then on, a click leads to exactly that picture. This stream has none yet; any program can send one."
      snippets={markerSnippets({ base: base.href, stream, token: needsToken.value })}
    />
  );
  const other = instead({ store, what: 'markers', shown: items.length, clear, firstUse: first });
  return (
    <div class="moments-panel">
      <div class="moments-tools">
        <FilterField label="Filter the markers" text={text} />
        {mayChange.value && (
          <button type="button" class="button" onClick={onAdd} title="At the frame that is shown now">
            <Plus />
            Add
          </button>
        )}
        {known.length > 1 && <Kinds counts={store.list.kinds} chosen={kinds} />}
      </div>
      {adding.value && (
        <NewMarkerForm
          key={adding.value.id}
          stream={stream}
          frame={adding.value}
          kind={lastKind.value}
          kinds={known}
          onSaved={(marker) => {
            lastKind.value = marker.kind;
            store.take(marker);
          }}
          onClose={() => (adding.value = null)}
        />
      )}
      <Problem text={going.problem} />
      {other ?? (
        <MomentTable
          label="Markers, newest first"
          columns={COLUMNS}
          items={items}
          keyOf={keyOf}
          partial={!store.complete.value}
          openKey={open.value?.key ?? null}
          currentKey={current}
          seekingKey={going.key}
          isFresh={(key) => performance.now() - (store.fresh.get(key) ?? Number.NEGATIVE_INFINITY) < FRESH_MS}
          onGo={going.go}
          onKey={onKey}
          onEnd={() => void store.more()}
          cells={(marker, _key, tabIndex) => (
            <Cells
              marker={marker}
              now={now.value}
              tabIndex={tabIndex}
              opened={open.value?.key === marker.id ? open.value.as : null}
              onToggle={(as) => toggle(marker, as)}
              onRemove={() => remove(marker)}
            />
          )}
          detail={(marker) =>
            open.value?.as === 'form' ? (
              <MarkerForm
                stream={stream}
                marker={marker}
                kinds={known}
                onSaved={(next) => store.take(next)}
                onClose={() => (open.value = null)}
              />
            ) : (
              <Details marker={marker} />
            )
          }
        />
      )}
      {!other && (
        <footer class="moments-foot">
          <Count store={store} shown={items.length} what="markers" />
          <a href={new URL(`live/${encodeURIComponent(stream)}/markers.csv`, base).href} download>
            CSV
          </a>
          <a href={new URL(`api/streams/${encodeURIComponent(stream)}/markers?limit=10000`, base).href} download={`${stream}-markers.json`}>
            JSON
          </a>
        </footer>
      )}
    </div>
  );
}

function isDoomed(gone: ReadonlySet<Doomed>, stream: string, marker: Marker): boolean {
  return gone.has(`${stream}/${marker.id}`);
}

/** Buttons that let only some kinds through. */
function Kinds(props: {
  counts: readonly [string, number][];
  chosen: { value: ReadonlySet<string> } & ReadonlySignal<ReadonlySet<string>>;
}) {
  const { chosen } = props;
  const toggle = (kind: string) => {
    const next = new Set(chosen.value);
    if (!next.delete(kind)) next.add(kind);
    chosen.value = next;
  };
  return (
    <fieldset class="kind-filter" aria-label="Kinds that are shown">
      {props.counts.map(([kind, count]) => (
        <button
          key={kind}
          type="button"
          class="kind-chip"
          aria-pressed={chosen.value.has(kind)}
          title={`${count} of this kind`}
          onClick={() => toggle(kind)}
        >
          <KindSign kind={kind} />
          {kind}
        </button>
      ))}
    </fieldset>
  );
}

/** Colour and shape of a kind, as on the player's bar. */
function KindSign(props: { kind: string }) {
  const { colour, shape } = kindLook(props.kind);
  return <span class={`kind-sign is-${shape}`} style={{ background: colour }} aria-hidden="true" />;
}

function Cells(props: {
  marker: Marker;
  now: number;
  tabIndex: 0 | -1;
  opened: 'data' | 'form' | null;
  onToggle: (as: 'data' | 'form') => void;
  onRemove: () => void;
}) {
  const { marker, now, tabIndex } = props;
  const name = marker.label || marker.kind;
  return (
    <>
      <td class="cell-kind">
        <span class="kind-chip">
          <KindSign kind={marker.kind} />
          {marker.kind}
        </span>
      </td>
      <td class="cell-label" title={marker.label}>
        {marker.label || <span class="note">no label</span>}
      </td>
      <td class="cell-frame">{marker.frame === null ? <span title="No frame of that time is known">–</span> : `#${marker.frame}`}</td>
      <td class="cell-length">{lengthOf(marker, now)}</td>
      <td class="cell-time">
        <When timestamp={marker.timestamp} now={now} />
      </td>
      <td class="cell-actions">
        {mayChange.value && (
          <>
            <button
              type="button"
              tabIndex={tabIndex}
              class="button icon-only quiet small"
              aria-label={`Change ${name}`}
              title="Change"
              onClick={() => props.onToggle('form')}
            >
              <Pencil />
            </button>
            <button
              type="button"
              tabIndex={tabIndex}
              class="button icon-only quiet small"
              aria-label={`Delete ${name}`}
              title="Delete"
              onClick={props.onRemove}
            >
              <Bin />
            </button>
          </>
        )}
        <button
          type="button"
          tabIndex={tabIndex}
          class={`button icon-only quiet small turns${props.opened ? ' is-turned' : ''}`}
          aria-label={`Details of ${name}`}
          title="Details"
          aria-expanded={props.opened !== null}
          onClick={() => props.onToggle('data')}
        >
          <Chevron />
        </button>
      </td>
    </>
  );
}

/** Of spans; open ones grow. */
function lengthOf(marker: Marker, nowMs: number): string {
  if (marker.open) return `${durationText(Math.max(0, Math.floor((nowMs - marker.timestamp / 1000) / 1000) * 1000))}…`;
  return marker.end === null ? '' : durationText((marker.end - marker.timestamp) / 1000);
}

function Details(props: { marker: Marker }) {
  const { marker } = props;
  return (
    <dl class="moment-facts">
      <dt>Time</dt>
      <dd>{exactText(marker.timestamp)}</dd>
      {(marker.end !== null || marker.open) && (
        <>
          <dt>End</dt>
          <dd>
            {marker.end === null
              ? 'not known yet'
              : `${marker.endFrame === null ? '' : `frame ${marker.endFrame}, `}${exactText(marker.end)}`}
          </dd>
        </>
      )}
      <dt>Id</dt>
      <dd>
        <code>{marker.id}</code>
      </dd>
      <dt>Data</dt>
      <dd>{marker.data === null ? <span class="note">none</span> : <pre>{JSON.stringify(marker.data, null, 2)}</pre>}</dd>
    </dl>
  );
}
