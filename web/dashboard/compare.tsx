// Two streams side by side, or one stream lossless beside its video: they share zoom, cursor, pauses and, if wanted, levels. Which ones is in
// the address.
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { SluicePlayer } from '../../src/player/element.ts';
import { COMPARE_WAYS, type CompareSide, type CompareWay, readSides, writeSides } from './compare-sides.ts';
import { Back } from './icons.tsx';
import { PageHead } from './page-head.tsx';
import { go, hrefOf } from './route.ts';
import { base, link, streamOf, visible } from './store.ts';

const WAY_WORDS: Readonly<Record<CompareWay, string>> = {
  auto: 'Video, best way',
  lossless: 'Lossless',
  webrtc: 'WebRTC',
  h264: 'H.264 over WebSocket',
  jpeg: 'JPEG',
};
const LOOK_MS = 250;

export function ComparePage(props: { asked: string }) {
  const names = visible.value.flatMap(({ value: { name, companion } }) => (companion ? [name, companion] : [name]));
  const sides = readSides(props.asked, names);
  const levels = useSignal(true);
  const players = [useRef<SluicePlayer>(null), useRef<SluicePlayer>(null)] as const;
  const apart = useApart(players);
  if (!sides) return <NoStreams />;
  const set = (index: number, change: Partial<CompareSide>) => {
    const next = sides.map((side, i) => (i === index ? { ...side, ...change } : side));
    go({ compare: writeSides(next) }, { replace: true });
  };
  return (
    <div class="compare">
      <PageHead title="Side by side" />
      <p class="compare-line">
        <label>
          <input type="checkbox" checked={levels.value} onChange={(event) => (levels.value = event.currentTarget.checked)} /> Levels
          together
        </label>
        <output class="note" aria-live="off">
          {apart}
        </output>
      </p>
      <div class={`compare-pair${link.value.state === 'away' ? ' is-stale' : ''}`}>
        {sides.map((side, i) => (
          <section key={i} aria-label={`${i === 0 ? 'Left' : 'Right'}: ${side.stream}`}>
            <div class="compare-choice">
              <select aria-label="Stream" value={side.stream} onChange={(event) => set(i, { stream: event.currentTarget.value })}>
                {names.includes(side.stream) ? null : <option value={side.stream}>{side.stream} (not there)</option>}
                {names.map((name) => (
                  <option key={name} value={name}>
                    {titleOf(name)}
                  </option>
                ))}
              </select>
              <select
                aria-label="Way of the pictures"
                value={side.way}
                onChange={(event) => set(i, { way: event.currentTarget.value as CompareWay })}
              >
                {COMPARE_WAYS.map((way) => (
                  <option key={way} value={way}>
                    {WAY_WORDS[way]}
                  </option>
                ))}
              </select>
            </div>
            <sluice-player
              key={`${side.stream} ${side.way}`}
              ref={players[i === 0 ? 0 : 1]}
              src={new URL(`live/${encodeURIComponent(side.stream)}`, base).href}
              transport={side.way}
              link={levels.value ? 'compare levels' : 'compare'}
              controls
              autoplay
              muted
            />
          </section>
        ))}
      </div>
    </div>
  );
}

/** Unprocessed pictures of a stream are in no list: they are named after it. */
function titleOf(name: string): string {
  const own = streamOf(name)?.value.title;
  if (own) return own;
  const owner = visible.value.find((info) => info.value.companion === name)?.value;
  return owner ? `${owner.title || owner.name} (unprocessed)` : name;
}

/** How far the two pictures are apart in capture time, in words. */
function useApart(players: readonly { readonly current: SluicePlayer | null }[]): string {
  const words = useSignal('');
  useEffect(() => {
    const timer = setInterval(() => {
      const [left, right] = players.map(({ current }) => current?.shownFrame?.timestamp);
      if (left === undefined || right === undefined) words.value = 'Waiting for both pictures…';
      else if (left === right) words.value = 'Both pictures were captured at the same moment.';
      else words.value = `The ${left < right ? 'left' : 'right'} picture is ${apartText(Math.abs(left - right))} older.`;
    }, LOOK_MS);
    return () => clearInterval(timer);
  }, []);
  return words.value;
}

function apartText(micros: number): string {
  return micros < 1_000_000 ? `${(micros / 1000).toFixed(micros < 10_000 ? 1 : 0)} ms` : `${(micros / 1_000_000).toFixed(1)} s`;
}

function NoStreams() {
  return (
    <div class="empty">
      <h1>There is nothing to compare yet</h1>
      <p>As soon as there is a stream it can be seen here twice: lossless beside its video.</p>
      <p class="actions">
        <a class="button primary" href={hrefOf({})} data-route="page">
          <Back />
          All streams
        </a>
      </p>
    </div>
  );
}
