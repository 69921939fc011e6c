// What goes on in this stream, in numbers and plain words. Updated at most four times a second.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { StreamInfo, StreamStats } from '../../../src/api/schema.ts';
import { bytesText } from '../../../src/core/bytes-text.ts';
import { parseDuration } from '../../../src/core/time.ts';
import { latency } from '../latency.ts';
import { client, stats } from '../store.ts';
import { player } from '../watching.ts';
import {
  bitrateText,
  codecText,
  countText,
  dropText,
  durationText,
  fpsText,
  keptMs,
  ledgerRows,
  lostIn,
  outputText,
  plural,
} from '../words.ts';
import type { PanelProps } from './panel-props.ts';
import { ProcessorAccounts } from './processor-accounts.tsx';

const SHOW_MS = 250;

export function StatisticsPanel({ info }: PanelProps) {
  const { name } = info.value;
  const shown = useSignal<StreamStats | null>(null);
  const delay = useSignal<number | null>(null);

  useEffect(() => {
    let ended = false;
    shown.value = null;
    // Events bring news; an asleep stream has none, so its account is asked for once.
    client.stats(name).then(
      (answer) => {
        if (!ended) shown.value ??= answer;
      },
      () => {},
    );
    const timer = setInterval(() => {
      if (document.visibilityState !== 'visible') return;
      delay.value = latency.read(performance.now());
      const newest = stats.peek();
      if (newest?.stream !== name || newest.stats === shown.peek()) return;
      shown.value = newest.stats;
    }, SHOW_MS);
    return () => {
      ended = true;
      clearInterval(timer);
    };
  }, [name]);

  return (
    <div class="panel">
      <Headline info={info.value} fps={shown.value?.fps ?? info.value.fps} delay={delay.value} />
      {shown.value ? <Account stats={shown.value} info={info.value} /> : <div class="skeleton-lines" aria-hidden="true" />}
      {player.value && (
        <p class="actions">
          <button type="button" class="button" onClick={() => player.peek()?.openDoctor()}>
            Connection doctor
          </button>
        </p>
      )}
    </div>
  );
}

function Headline(props: { info: StreamInfo; fps: number; delay: number | null }) {
  const { info, fps, delay } = props;
  return (
    <dl class="figures">
      <div title="Frames that the source captured in one second">
        <dt>Frames per second</dt>
        <dd>{info.state === 'live' ? fpsText(fps) : '–'}</dd>
      </div>
      <div title="From the capture to this screen">
        <dt>Latency</dt>
        <dd>{delay === null ? '–' : durationText(delay)}</dd>
      </div>
      <div>
        <dt>Viewers</dt>
        <dd>{countText(info.viewers)}</dd>
      </div>
      <div title={info.dtype ? `${info.format}; numpy ${info.dtype} ${JSON.stringify(info.shape)}` : undefined}>
        <dt>Picture</dt>
        <dd>
          {info.width && info.height ? `${info.width}×${info.height}` : '–'}
          {info.format && <small>{info.format}</small>}
        </dd>
      </div>
    </dl>
  );
}

function Account(props: { stats: StreamStats; info: StreamInfo }) {
  const { stats: now, info } = props;
  return (
    <>
      <Ledger ledger={now.ledger} />
      <Outputs outputs={now.outputs} />
      <Renditions renditions={now.renditions} />
      <ProcessorAccounts processors={now.processors} />
      <Kept stats={now} info={info} />
    </>
  );
}

function Ledger(props: { ledger: StreamStats['ledger'] }) {
  const { ledger } = props;
  const rows = ledgerRows(ledger);
  const lost = ledger.captured - ledger.published;
  return (
    <section>
      <h3>What became of every frame</h3>
      <p class="note">
        {ledger.captured === 0
          ? 'No frame has been captured yet.'
          : lost === 0
            ? `${plural(ledger.captured, 'frame')} captured, none lost.`
            : `${plural(ledger.captured, 'frame')} captured, ${countText(lost)} of them lost.`}
      </p>
      {lost > 0 && (
        <table class="numbers">
          <tbody>
            {rows.map((row) => (
              <tr key={row.label} class={row.kind}>
                <th scope="row">{row.label}</th>
                <td>{countText(row.count)}</td>
                <td>{shareText(row.share)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

function Outputs(props: { outputs: StreamStats['outputs'] }) {
  const rows = Object.entries(props.outputs).filter(([, output]) => output.viewers > 0 || sum(output.skipped) > 0);
  if (!rows.length) return null;
  return (
    <section>
      <h3>Who watches</h3>
      <table class="numbers">
        <thead>
          <tr>
            <th scope="col">by</th>
            <th scope="col">viewers</th>
            <th scope="col">sent</th>
            <th scope="col">skipped</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(([name, output]) => (
            <tr key={name}>
              <th scope="row">{outputText(name)}</th>
              <td>{countText(output.viewers)}</td>
              <td title={bytesText(output.bytes)}>{countText(output.sent)}</td>
              <td title={reasonsText(output.skipped)}>{countText(sum(output.skipped))}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {rows.map(([name, output]) =>
        sum(output.skipped) > 0 ? (
          <p key={name} class="note">
            {outputText(name)} skipped {reasonsText(output.skipped)}
          </p>
        ) : null,
      )}
    </section>
  );
}

function Renditions(props: { renditions: StreamStats['renditions'] }) {
  const running = props.renditions.filter((each) => each.readers > 0);
  if (!running.length) {
    return (
      <section>
        <h3>Encoders</h3>
        <p class="note">None runs: nobody needs one.</p>
      </section>
    );
  }
  return (
    <section>
      <h3>Encoders</h3>
      <table class="numbers">
        <thead>
          <tr>
            <th scope="col">for</th>
            <th scope="col">frames/s</th>
            <th scope="col">rate</th>
            <th scope="col">encode</th>
            <th scope="col">lost</th>
          </tr>
        </thead>
        <tbody>
          {running.map((each) => (
            <tr key={each.key} title={`${each.key}: ${plural(each.readers, 'reader')}, ${plural(each.keyframes, 'key frame')}`}>
              <th scope="row">
                {codecText(each.codec)} <small>{`${each.width}×${each.height}`}</small>
              </th>
              <td>{fpsText(each.fps)}</td>
              <td>{bitrateText(each.bitrate)}</td>
              <td>{each.encodeMs.p50 === null ? '–' : durationText(each.encodeMs.p50)}</td>
              <td title={reasonsText(each.dropped)}>{countText(lostIn(each))}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

const KEPT_WORDS = {
  off: 'Nothing is kept.',
  watched: 'Kept while somebody watches or pushes',
  always: 'Kept all the time',
} as const;

function Kept(props: { stats: StreamStats; info: StreamInfo }) {
  const { dvr } = props.stats;
  const { mode, window } = props.info.config.dvr;
  return (
    <section>
      <h3>Kept for going back</h3>
      {mode === 'off' ? (
        <p class="note">{KEPT_WORDS.off}</p>
      ) : (
        <p class="note">
          {dvr.bytes > 0 ? (
            <>
              <strong>{bytesText(dvr.bytes)}</strong> on disk, {durationText(keptMs(dvr))} long.
            </>
          ) : (
            'Nothing yet.'
          )}{' '}
          {KEPT_WORDS[mode]}, at most {durationText(parseDuration(window, 'dvr.window'))}.
        </p>
      )}
    </section>
  );
}

function sum(counts: Record<string, number>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}

function reasonsText(counts: Record<string, number>): string {
  return Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([reason, count]) => `${countText(count)} (${dropText(reason)})`)
    .join(', ');
}

/** `98.2 %`; what is not nothing never reads as 0. */
function shareText(share: number): string {
  const percent = share * 100;
  if (percent > 0 && percent < 0.1) return '< 0.1 %';
  if (percent < 100 && percent > 99.9) return '> 99.9 %';
  return `${percent.toFixed(1)} %`;
}
