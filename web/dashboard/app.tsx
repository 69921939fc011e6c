// The frame of the page: header, connection banner, the page itself, dialogs and messages.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { bytesText } from '../../src/core/bytes-text.ts';
import { AddStreamDialog } from './add-stream.tsx';
import { ComparePage } from './compare.tsx';
import { Mark, Moon, Screen, Sun, Warning } from './icons.tsx';
import { RemoveDialog } from './remove-stream.tsx';
import { hrefOf, route } from './route.ts';
import { SharePage } from './share.tsx';
import { announcement, base, diskBytes, events, link, load, loadError, loaded, system } from './store.ts';
import { StreamPage } from './stream-page.tsx';
import { setTheme, THEMES, type Theme, theme } from './theme.ts';
import { Toasts } from './toasts.tsx';
import { Wall } from './wall.tsx';
import { clockText } from './words.ts';

export function App() {
  const { stream, share, compare } = route.value;
  const refused = loadError.value?.code === 'unauthorized' || loadError.value?.code === 'forbidden';
  return (
    <>
      <a class="skip" href="#main">
        Skip to the streams
      </a>
      <Header />
      {!refused && <Banner />}
      <main id="main" tabIndex={-1}>
        {refused ? (
          <TokenNeeded />
        ) : !loaded.value && loadError.value ? (
          <Away />
        ) : share !== null ? (
          <SharePage key="share" name={share} />
        ) : compare !== null && loaded.value ? (
          <ComparePage asked={compare} />
        ) : stream ? (
          <StreamPage key={stream} name={stream} />
        ) : (
          <Wall />
        )}
      </main>
      <AddStreamDialog />
      <RemoveDialog />
      <Toasts />
      <p class="sr-only" role="status" aria-live="polite">
        {announcement.value}
      </p>
    </>
  );
}

function Header() {
  const limit = system.value?.disk?.limit;
  return (
    <header class="top">
      <a class="brand" href={hrefOf({})} data-route="page">
        <Mark />
        Sluice
      </a>
      <div class="top-facts">
        {loaded.value && (
          <span class="fact" title={diskHint(limit)}>
            <span class="wide-only">Disk</span> {bytesText(diskBytes.value)}
            {limit ? <span class="wide-only">of {bytesText(limit)}</span> : null}
          </span>
        )}
        <LinkState />
      </div>
      <a class="top-link" href={new URL('docs', base).href}>
        API<span class="wide-only"> docs</span>
      </a>
      <ThemeButton />
    </header>
  );
}

function diskHint(limit: number | null | undefined): string {
  return limit ? `Kept of all streams together; at most ${bytesText(limit)}, then the oldest goes first` : 'Kept of all streams together';
}

function LinkState() {
  const { state } = link.value;
  const words = { connecting: 'Connecting', open: 'Connected', away: 'Not connected' } as const;
  return (
    <span class={`fact link-state is-${state}`} title={system.value?.version ? `Sluice ${system.value.version}` : undefined}>
      <span class="dot" aria-hidden="true" />
      <span class={state === 'open' ? 'wide-only' : undefined}>{words[state]}</span>
    </span>
  );
}

const THEME_WORDS: Record<Theme, string> = { system: 'as the system', light: 'light', dark: 'dark' };

function ThemeButton() {
  const now = theme.value;
  const next = THEMES[(THEMES.indexOf(now) + 1) % THEMES.length]!;
  const label = `Colours: ${THEME_WORDS[now]}. Change to ${THEME_WORDS[next]}`;
  return (
    <button type="button" class="button icon-only quiet" aria-label={label} title={label} onClick={() => setTheme(next)}>
      {now === 'system' ? <Screen /> : now === 'light' ? <Sun /> : <Moon />}
    </button>
  );
}

/** Counts down to the next attempt, once a second. */
function useSeconds(until: number | null): number {
  const left = useSignal(0);
  useEffect(() => {
    if (until === null) return;
    const tick = () => {
      left.value = Math.max(0, Math.ceil((until - (performance.timeOrigin + performance.now())) / 1000));
    };
    tick();
    const timer = setInterval(tick, 500);
    return () => clearInterval(timer);
  }, [until]);
  return left.value;
}

/** A short break is not worth a word. */
const PATIENCE_MS = 1500;

function Banner() {
  const now = link.value;
  const left = useSeconds(now.state === 'away' ? now.retryAt : null);
  const shown = useSignal(false);
  const away = now.state === 'away';
  useEffect(() => {
    if (!away) {
      shown.value = false;
      return;
    }
    const timer = setTimeout(() => {
      shown.value = true;
    }, PATIENCE_MS);
    return () => clearTimeout(timer);
  }, [away]);
  if (now.state !== 'away' || !shown.value || !loaded.value) return null;
  return (
    <div class="banner" role="alert">
      <Warning />
      <p>
        The server has been away since {clockText(now.since)}. What you see may be old.{' '}
        {left > 0 ? `Trying again in ${left} s.` : 'Trying again…'}
      </p>
      <button type="button" class="button" onClick={() => events.retryNow()}>
        Try now
      </button>
    </div>
  );
}

/** Nothing has been loaded yet, and the server does not answer. */
function Away() {
  const now = link.value;
  const left = useSeconds(now.state === 'away' ? now.retryAt : null);
  const error = loadError.value;
  const silent = error?.code === 'unavailable' || error?.code === 'request-timeout';
  return (
    <div class="empty" role="alert">
      <h1>{silent ? 'The server does not answer' : 'The server answers with an error'}</h1>
      <p>{error?.message}</p>
      {silent && (
        <p class="note">
          {now.state === 'away' ? `No answer since ${clockText(now.since)}. ` : ''}Is it running? Start it with <code>npm start</code>. This
          page goes on by itself as soon as it is back.
        </p>
      )}
      <p class="actions">
        <button
          type="button"
          class="button primary"
          onClick={() => {
            events.retryNow();
            void load();
          }}
        >
          Try now
        </button>
        {now.state === 'away' && <span class="note">{left > 0 ? `Trying again in ${left} s` : 'Trying again…'}</span>}
      </p>
    </div>
  );
}

function TokenNeeded() {
  return (
    <div class="empty">
      <h1>A token is needed</h1>
      <p>{loadError.value?.message}</p>
      <p class="note">Whoever started the server saw it printed there. It is kept in a cookie of this browser.</p>
      <form class="token-form" method="get" action={base.href}>
        <label for="token">Token</label>
        <input id="token" name="token" type="password" autocomplete="current-password" required />
        <button type="submit" class="button primary">
          Go on
        </button>
      </form>
    </div>
  );
}
