// Trickle channels that the stream comes from or goes to: which, how each stands, and how old its segment at hand is.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { TrickleLink } from '../../../src/api/schema.ts';
import { bytesText } from '../../../src/core/bytes-text.ts';
import { serverNow } from '../moment-parts.tsx';
import { ageText, LINK_WORDS, linkState } from '../trickle-words.ts';
import { countText, plural, sentence } from '../words.ts';
import type { PanelProps } from './panel-props.ts';

/** How often the ages are drawn anew, ms. */
const TICK_MS = 200;

export function TricklePanel({ info }: PanelProps) {
  const { trickle } = info.value;
  const now = useSignal(serverNow());
  useEffect(() => {
    const timer = setInterval(() => {
      if (document.visibilityState === 'visible') now.value = serverNow();
    }, TICK_MS);
    return () => clearInterval(timer);
  }, []);
  if (!trickle) return <p class="panel note">This stream has no trickle channel now.</p>;
  const links = [
    ...(trickle.in ? [{ way: 'in' as const, link: trickle.in }] : []),
    ...trickle.outs.map((link) => ({ way: 'out' as const, link })),
  ];
  return (
    <div class="panel trickle">
      <table class="numbers">
        <caption class="sr-only">Trickle channels of this stream</caption>
        <thead>
          <tr>
            <th scope="col">segment</th>
            <th scope="col" title="How long ago the segment at hand began">
              age
            </th>
            <th scope="col" title="Connections that were made anew">
              reconnects
            </th>
            <th scope="col" title="Segments that were given up or missed">
              dropped
            </th>
          </tr>
        </thead>
        {links.map(({ way, link }, index) => (
          <Row key={`${way} ${link.channel} ${index}`} way={way} link={link} now={now.value} />
        ))}
      </table>
    </div>
  );
}

function Row(props: { way: 'in' | 'out'; link: TrickleLink; now: number }) {
  const { way, link, now } = props;
  const state = linkState(link, now);
  return (
    <tbody class={`trickle-link is-${state}`} data-channel={link.channel} data-way={way}>
      <tr>
        <th scope="rowgroup" colSpan={4}>
          <span class="trickle-head">
            <span class="trickle-way">{way === 'in' ? 'From' : 'To'}</span>
            <code class="trickle-channel">{link.channel}</code>
            <span class="trickle-state" title={LINK_WORDS[state].hint}>
              {LINK_WORDS[state].label}
            </span>
          </span>
          {link.own && <small>{link.readers === null ? 'on this server' : `on this server, ${plural(link.readers, 'reader')}`}</small>}
        </th>
      </tr>
      <tr>
        <td data-fact="seq" title={`${plural(link.segments, 'whole segment')}, ${bytesText(link.bytes)}`}>
          {link.seq === null ? '–' : countText(link.seq)}
        </td>
        <td data-fact="age">{link.began === null || state === 'waiting' ? '–' : ageText(now - link.began / 1000)}</td>
        <td data-fact="reconnects">{countText(link.reconnects)}</td>
        <td data-fact="dropped">{countText(link.dropped)}</td>
      </tr>
      {link.error !== null && (
        <tr class="trickle-error">
          <td colSpan={4}>
            {state === 'waiting' ? sentence(link.error) : `Last trouble: ${sentence(link.error)}`}
            {state === 'waiting' && !link.error.includes('again in') && ' It is tried again by itself.'}
          </td>
        </tr>
      )}
    </tbody>
  );
}
