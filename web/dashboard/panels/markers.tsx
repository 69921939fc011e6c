// The markers of the stream, newest first: a click shows exactly that frame. They are added, changed and deleted here, too.
import { useSignal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import type { Marker } from '../../../src/api/timeline.ts';
import type { ShownFrame } from '../../../src/player/element.ts';
import { Plus } from '../icons.tsx';
import { Cells, Details, Kinds } from '../marker-cells.tsx';
import { MarkerForm, NewMarkerForm } from '../marker-form.tsx';
import { Count, FilterField, FirstUse, instead, Problem, useGoing, useMomentStore, useSecond, useShownKey } from '../moment-parts.tsx';
import { FRESH_MS, MomentStore } from '../moment-store.ts';
import { MomentTable } from '../moment-table.tsx';
import { type Doomed, doomed, removeMarker } from '../remove-marker.ts';
import { base, client, events, mayChange, needsToken } from '../store.ts';
import { markerSnippets } from '../timeline-snippets.ts';
import { player } from '../watching.ts';
import type { PanelProps } from './panel-props.ts';

/** The first page is there soon; older ones come in few requests. */
const pageSize = (after: string | undefined) => (after === undefined ? 200 : 2000);
/** Markers that the page holds at most. */
const LIMIT = 100_000;
const COLUMNS = ['Kind', 'Label', 'Frame', 'Length', 'Time', 'Actions'];
const keyOf = (marker: Marker) => marker.id;

export function MarkersPanel({ info }: PanelProps) {
  const { name } = info.value;
  const store = useMomentStore(name, markerStore);
  return <Markers key={name} stream={name} store={store} />;
}

function markerStore(stream: string): MomentStore<Marker> {
  return new MomentStore<Marker>({
    keyOf,
    kindOf: (marker) => marker.kind,
    textOf: ({ label, kind, frame, id, data }) => `${label} ${kind} ${frame ?? ''} ${id} ${data === null ? '' : JSON.stringify(data)}`,
    limit: LIMIT,
    page: (after, signal) => client.newestMarkers(stream, { after, limit: pageSize(after) }, signal),
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
  const addButton = useRef<HTMLButtonElement>(null);
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
          <button ref={addButton} type="button" class="button" onClick={onAdd} title="At the frame that is shown now">
            <Plus />
            Add
          </button>
        )}
        {known.length > 0 && <Kinds counts={store.list.kinds} chosen={kinds} />}
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
          onClose={() => {
            adding.value = null;
            addButton.current?.focus();
          }}
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
          <Count store={store} shown={items.length} one="marker" />
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
