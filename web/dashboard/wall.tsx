// The wall: every stream as a card with its live picture.
import { type ReadonlySignal, useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { StreamInfo } from '../../src/api/schema.ts';
import { openAddStream } from './add-stream.tsx';
import { Plus } from './icons.tsx';
import { PushSnippets } from './panels/push.tsx';
import { hrefOf } from './route.ts';
import { StateBadge } from './state-badge.tsx';
import { link, loaded, mayChange, thumbnails, visible } from './store.ts';
import { fpsText, plural, stateHint } from './words.ts';

/** With more streams than this a filter is worth its place. */
const FILTER_FROM = 9;

export function Wall() {
  const wanted = useSignal('');
  if (!loaded.value) return <Skeleton />;
  const all = visible.value;
  if (all.length === 0) return <Empty />;
  const words = wanted.value.toLowerCase().split(/\s+/).filter(Boolean);
  const shown = all.filter((info) => {
    const { name, title, state } = info.value;
    const text = `${name} ${title} ${state}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
  return (
    <>
      <div class="bar">
        <h1>
          {plural(all.length, 'stream')}
          <small>{liveText(all)}</small>
        </h1>
        {all.length >= FILTER_FROM && <Filter value={wanted.value} onInput={(text) => (wanted.value = text)} />}
        <a class="button" href={hrefOf({ compare: '' })} data-route="page">
          Side by side
        </a>
        {mayChange.value && (
          <button type="button" class="button primary" onClick={openAddStream}>
            <Plus />
            Add a stream
          </button>
        )}
      </div>
      {shown.length === 0 && (
        <p class="note">
          No stream matches “{wanted.value}”.{' '}
          <button type="button" class="link" onClick={() => (wanted.value = '')}>
            Show all
          </button>
        </p>
      )}
      <ul class={`wall${link.value.state === 'away' ? ' is-stale' : ''}`}>
        {shown.map((info) => (
          <Card key={info.value.name} info={info} />
        ))}
      </ul>
    </>
  );
}

function liveText(all: readonly ReadonlySignal<StreamInfo>[]): string {
  const live = all.filter((info) => info.value.state === 'live').length;
  return live === all.length && live > 1 ? 'all live' : `${live} live`;
}

function Filter(props: { value: string; onInput: (text: string) => void }) {
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const typing = event.target instanceof HTMLElement && event.target.closest('input, select, textarea, dialog');
      if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey || typing) return;
      event.preventDefault();
      input.current?.focus();
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, []);
  return (
    <input
      ref={input}
      class="filter"
      type="search"
      placeholder="Filter ( / )"
      aria-label="Filter the streams by name or state"
      aria-keyshortcuts="/"
      value={props.value}
      onInput={(event) => props.onInput(event.currentTarget.value)}
      onKeyDown={(event) => {
        if (event.key !== 'Escape') return;
        props.onInput('');
        event.currentTarget.blur();
      }}
    />
  );
}

function Card(props: { info: ReadonlySignal<StreamInfo> }) {
  const info = props.info.value;
  const title = info.title || info.name;
  const still = info.state !== 'live';
  return (
    <li class={`card${still ? ' is-still' : ''}`} data-stream={info.name}>
      <Picture stream={info.name} still={still} hint={stateHint(info)} />
      <div class="card-text">
        <h2>
          <a href={hrefOf({ stream: info.name })} data-route="page" title={info.title && info.title !== info.name ? info.name : undefined}>
            {title}
          </a>
        </h2>
        <p class="card-line">
          <StateBadge state={info.state} />
          <span class="card-facts">
            {info.state === 'live' && info.fps > 0 && <span>{fpsText(info.fps)} fps</span>}
            {info.width && info.height ? <span>{`${info.width}×${info.height}`}</span> : null}
            {info.viewers > 0 && <span>{plural(info.viewers, 'viewer')}</span>}
          </span>
        </p>
      </div>
    </li>
  );
}

function Picture(props: { stream: string; still: boolean; hint: string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const seen = useSignal(false);
  useEffect(() => {
    seen.value = false;
    return thumbnails.show(props.stream, canvas.current!, () => {
      seen.value = true;
    });
  }, [props.stream]);
  return (
    <div class={`card-picture${seen.value ? ' has-picture' : ''}`}>
      <canvas ref={canvas} class="thumb" width="16" height="9" />
      {props.still ? <p class="card-hint">{props.hint}</p> : !seen.value ? <p class="card-hint">Waiting for a picture…</p> : null}
    </div>
  );
}

function Skeleton() {
  return (
    <>
      <div class="bar">
        <h1>Streams</h1>
        <p class="note" role="status">
          Loading…
        </p>
      </div>
      <ul class="wall" aria-hidden="true">
        {[0, 1, 2, 3].map((each) => (
          <li key={each} class="card is-skeleton">
            <div class="card-picture" />
            <div class="card-text">
              <span class="bone" />
              <span class="bone short" />
            </div>
          </li>
        ))}
      </ul>
    </>
  );
}

function Empty() {
  if (!mayChange.value) {
    return (
      <div class="empty">
        <h1>No streams yet</h1>
        <p>The first one appears here by itself.</p>
      </div>
    );
  }
  return (
    <div class="empty">
      <h1>No streams yet</h1>
      <p>Send a first picture from your program and the stream appears here, or let the server make one.</p>
      <p class="actions">
        <button type="button" class="button primary" onClick={openAddStream}>
          <Plus />
          Add a stream
        </button>
      </p>
      <h2>Push a first picture</h2>
      <p class="note">The stream “scope” is made with it. Any other name will do.</p>
      <PushSnippets stream="scope" width={null} height={null} />
    </div>
  );
}
