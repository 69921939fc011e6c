// What the tables of markers and of data records have in common: filter, states, times, and the way to a frame.
import { type Signal, useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useMemo } from 'preact/hooks';
import { dateText, timeText, utcText, zoneOffset, zoneText } from '../../src/player/clock-text.ts';
import { CodeBlock } from './code-block.tsx';
import { Cross } from './icons.tsx';
import { indexAt, type Moment } from './moment-list.ts';
import type { MomentStore } from './moment-store.ts';
import type { Snippet } from './snippets.ts';
import { events } from './store.ts';
import { seekTo, watchShown } from './watching.ts';
import { agoText, countText } from './words.ts';

/** The moments of a stream, known and listened to for as long as they are shown. */
export function useMomentStore<T extends Moment>(stream: string, make: (stream: string) => MomentStore<T>): MomentStore<T> {
  const store = useMemo(() => make(stream), [stream]);
  useEffect(() => {
    store.open();
    return () => store.close();
  }, [store]);
  return store;
}

/** The server's time in ms, once a second; drawn anew with it are relative times and lengths of open spans. */
export function useSecond(): Signal<number> {
  const now = useSignal(serverNow());
  useEffect(() => {
    const timer = setInterval(() => {
      if (document.visibilityState === 'visible') now.value = serverNow();
    }, 1000);
    return () => clearInterval(timer);
  }, []);
  return now;
}

/** The server's time, ms. */
export function serverNow(): number {
  const micros = events.clock.now(performance.now());
  return micros === null ? Date.now() : micros / 1000;
}

/** How long ago, with the exact time of capture on hover. */
export function When(props: { timestamp: number; now: number }) {
  return <time title={exactText(props.timestamp)}>{agoText(props.now - props.timestamp / 1000)}</time>;
}

/** `2026-11-20 14:03:22.480 UTC+01:00 (…)`: in the viewer's zone, in UTC and in µs. */
export function exactText(timestamp: number): string {
  const offset = zoneOffset(timestamp);
  return `${dateText(timestamp, offset)} ${timeText(timestamp, offset)} ${zoneText(offset)}\n${utcText(timestamp)}\n${timestamp} µs`;
}

/** Key of the row at the shown frame or the nearest before it, in items sorted newest first. */
export function useShownKey<T extends Moment>(items: readonly T[], keyOf: (item: T) => string): string | null {
  const key = useSignal<string | null>(null);
  useEffect(
    () =>
      watchShown((shown) => {
        const at = shown ? indexAt(items, shown.timestamp) : -1;
        key.value = at < 0 ? null : keyOf(items[at]!);
      }),
    [items],
  );
  return key.value;
}

/** Going to the frame of a row: which one is asked for, and what went wrong. */
export function useGoing<T extends Moment>(keyOf: (item: T) => string) {
  const key = useSignal<string | null>(null);
  const problem = useSignal<string | null>(null);
  const go = async (item: T) => {
    const mine = keyOf(item);
    key.value = mine;
    problem.value = null;
    const said = await seekTo(item);
    if (key.peek() !== mine) return;
    key.value = null;
    problem.value = said;
  };
  return { key: key.value, problem, go: (item: T) => void go(item) };
}

/** Text filter. Escape clears it. */
export function FilterField(props: { label: string; text: Signal<string> }) {
  return (
    <input
      class="filter"
      type="search"
      aria-label={props.label}
      placeholder="Filter"
      value={props.text.value}
      onInput={(event) => {
        props.text.value = event.currentTarget.value;
      }}
      onKeyDown={(event) => {
        if (event.key !== 'Escape' || !props.text.value) return;
        props.text.value = '';
        event.stopPropagation();
      }}
    />
  );
}

/** What could not be done, until it is closed or something else is done. */
export function Problem(props: { text: Signal<string | null> }) {
  if (!props.text.value) return null;
  return (
    <div class="moments-problem" role="alert">
      <p>{props.text.value}</p>
      <button type="button" class="button icon-only quiet small" aria-label="Close this message" onClick={() => (props.text.value = null)}>
        <Cross />
      </button>
    </div>
  );
}

/** What is said instead of a table: loading, an error, nothing yet, no hits. Null: there are rows. */
export function instead<T extends Moment>(props: {
  store: MomentStore<T>;
  what: string;
  shown: number;
  clear: () => void;
  firstUse: () => ComponentChildren;
}): ComponentChildren {
  const { store, what, shown } = props;
  if (store.state.value === 'loading') {
    return (
      <div class="moments-bones" role="status" aria-label={`Loading ${what}`}>
        {Array.from({ length: 5 }, (_, n) => (
          <span key={n} class="bone" />
        ))}
      </div>
    );
  }
  if (store.state.value === 'error') {
    return (
      <div class="moments-note" role="alert">
        <p>
          <strong>The {what} cannot be loaded.</strong> {store.error.value?.message}
        </p>
        <button type="button" class="button" onClick={() => void store.reload()}>
          Try again
        </button>
      </div>
    );
  }
  if (!store.list.items.length && store.complete.value) return <div class="moments-note">{props.firstUse()}</div>;
  if (!shown && store.complete.value) {
    return (
      <div class="moments-note" role="status">
        <p>
          None of the {countText(store.list.items.length)} {what} passes the filter.
        </p>
        <button type="button" class="button" onClick={props.clear}>
          Clear the filter
        </button>
      </div>
    );
  }
  return null;
}

/** How to send the first one: texts to paste. */
export function FirstUse(props: { sentence: string; snippets: readonly Snippet[] }) {
  return (
    <>
      <p>{props.sentence}</p>
      {props.snippets.map((snippet) => (
        <CodeBlock key={snippet.id} snippet={snippet} />
      ))}
    </>
  );
}

/** How many there are, as far as is known. */
export function Count<T extends Moment>(props: { store: MomentStore<T>; shown: number; one: string }) {
  const { store, shown, one } = props;
  const all = store.list.items.length;
  const partial = !store.complete.value;
  return (
    <span class="moments-count" role="status">
      {shown < all ? `${countText(shown)} of ${countText(all)}` : countText(all)}
      {partial ? '+' : ''} {all === 1 && !partial ? one : `${one}s`}
      {store.list.overflown && ': the newest ones'}
      {store.error.value && store.state.value === 'ready' && (
        <>
          {' '}
          <button type="button" class="link" title={store.error.value.message} onClick={() => void store.more()}>
            older ones did not come: try again
          </button>
        </>
      )}
    </span>
  );
}
