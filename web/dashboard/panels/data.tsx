// The data records of the stream, newest first: a click shows the frame of a record.
import { useSignal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import type { DataItem } from '../../../src/api/timeline.ts';
import { Chevron } from '../icons.tsx';
import {
  Count,
  exactText,
  FilterField,
  FirstUse,
  instead,
  Problem,
  useGoing,
  useMomentStore,
  useSecond,
  useShownKey,
  When,
} from '../moment-parts.tsx';
import { FRESH_MS, MomentStore } from '../moment-store.ts';
import { MomentTable } from '../moment-table.tsx';
import { base, client, events, needsToken } from '../store.ts';
import { dataSnippets } from '../timeline-snippets.ts';
import type { PanelProps } from './panel-props.ts';

/** The first page is there soon; older ones come in few requests. */
const pageSize = (after: string | undefined) => (after === undefined ? 200 : 2000);
/** Records that the page holds at most: they may come at the rate of the frames. */
const LIMIT = 20_000;
const COLUMNS = ['Record', 'Frame', 'Time', 'Details'];
/** In the order of the sequence, as text. */
const keyOf = (item: DataItem) => String(item.sequence).padStart(16, '0');

export function DataPanel({ info }: PanelProps) {
  const { name } = info.value;
  const store = useMomentStore(name, dataStore);
  return <Records key={name} stream={name} store={store} />;
}

function dataStore(stream: string): MomentStore<DataItem> {
  return new MomentStore<DataItem>({
    keyOf,
    textOf: ({ record, frame }) => `${JSON.stringify(record)} ${frame ?? ''}`,
    limit: LIMIT,
    page: (after, signal) => client.newestData(stream, { after, limit: pageSize(after) }, signal),
    listen: (on) => events.subscribe({ types: ['data'], streams: [stream], onMissed: on.missed }, ({ items }) => on.set(items)),
  });
}

function Records(props: { stream: string; store: MomentStore<DataItem> }) {
  const { stream, store } = props;
  const text = useSignal('');
  const open = useSignal<string | null>(null);
  const now = useSecond();
  const version = store.version.value;
  const items = useMemo(() => store.list.filtered({ text: text.value, kinds: new Set() }), [store, version, text.value]);
  const going = useGoing(keyOf);
  const current = useShownKey(items, keyOf);
  // A filter looks into all of them, not only into those that happen to be loaded.
  useEffect(() => {
    if (text.value && !store.complete.value) void store.more();
  }, [text.value, version, store.state.value]);
  const toggle = (key: string) => {
    open.value = open.value === key ? null : key;
  };
  const onKey = (item: DataItem, { key }: KeyboardEvent) => {
    const isOpen = open.value === keyOf(item);
    if (key === ' ') going.go(item);
    else if (key === 'ArrowRight' ? !isOpen : isOpen && (key === 'ArrowLeft' || key === 'Escape')) toggle(keyOf(item));
    else return false;
    return true;
  };
  const other = instead({
    store,
    what: 'records',
    shown: items.length,
    clear: () => (text.value = ''),
    firstUse: () => (
      <FirstUse
        sentence="A record is any JSON object, tied to its frame. This stream has none yet; any program can send one."
        snippets={dataSnippets({ base: base.href, stream, token: needsToken.value })}
      />
    ),
  });
  return (
    <div class="moments-panel is-data">
      <div class="moments-tools">
        <FilterField label="Filter the records" text={text} />
      </div>
      <Problem text={going.problem} />
      {other ?? (
        <MomentTable
          label="Data records, newest first"
          columns={COLUMNS}
          items={items}
          keyOf={keyOf}
          partial={!store.complete.value}
          openKey={open.value}
          currentKey={current}
          seekingKey={going.key}
          isFresh={(key) => performance.now() - (store.fresh.get(key) ?? Number.NEGATIVE_INFINITY) < FRESH_MS}
          onGo={going.go}
          onKey={onKey}
          onEnd={() => void store.more()}
          cells={(item, key, tabIndex) => (
            <>
              <td class="cell-label cell-record">{briefly(item.record)}</td>
              <td class="cell-frame">{item.frame === null ? '–' : `#${item.frame}`}</td>
              <td class="cell-time">
                <When timestamp={item.timestamp} now={now.value} />
              </td>
              <td class="cell-actions">
                <button
                  type="button"
                  tabIndex={tabIndex}
                  class={`button icon-only quiet small turns${open.value === key ? ' is-turned' : ''}`}
                  aria-label={`Details of the record at frame ${item.frame ?? 'unknown'}`}
                  title="Details"
                  aria-expanded={open.value === key}
                  onClick={() => toggle(key)}
                >
                  <Chevron />
                </button>
              </td>
            </>
          )}
          detail={(item) => (
            <dl class="moment-facts">
              <dt>Time</dt>
              <dd>{exactText(item.timestamp)}</dd>
              <dt>Record</dt>
              <dd>
                <pre>{JSON.stringify(item.record, null, 2)}</pre>
              </dd>
            </dl>
          )}
        />
      )}
      {!other && (
        <footer class="moments-foot">
          <Count store={store} shown={items.length} one="record" />
          <a href={new URL(`api/streams/${encodeURIComponent(stream)}/data?limit=10000`, base).href} download={`${stream}-data.json`}>
            JSON
          </a>
        </footer>
      )}
    </div>
  );
}

/** The beginning of a record on one line: `score: 0.93, boxes: […3]`. */
function briefly(record: DataItem['record']): string {
  const parts = Object.entries(record).map(([key, value]) => {
    if (Array.isArray(value)) return `${key}: […${value.length}]`;
    return `${key}: ${value !== null && typeof value === 'object' ? '{…}' : JSON.stringify(value)}`;
  });
  return parts.join(', ').slice(0, 300) || '{}';
}
