// What became of every frame at each processor: a bar, the same in words, how long it takes, and what went wrong.
import type { StreamStats } from '../../../src/api/schema.ts';
import { agoText, countText, durationText, type FateRow, fateRows, fpsText, plural, processorText, sentence } from '../words.ts';

type Processor = StreamStats['processors'][number];

export function ProcessorAccounts(props: { processors: StreamStats['processors'] }) {
  if (!props.processors.length) return null;
  return (
    <section class="processors">
      <h3>Processors</h3>
      {props.processors.map((each) => (
        <Account key={each.id} processor={each} />
      ))}
    </section>
  );
}

function Account({ processor }: { processor: Processor }) {
  const { id, use, place, offered, state } = processor;
  const rows = fateRows(processor);
  const where = place === 'inline' ? 'in the way of the picture' : 'beside the picture';
  return (
    <article class="processor" aria-label={`Processor ${id}`}>
      <header>
        <strong title={use}>{id}</strong>
        <span class={`processor-state is-${state}`}>{processorText(processor)}</span>
      </header>
      <p class="note">{figuresOf(processor, where)}</p>
      {offered === 0 ? <p class="note">No frame has come yet.</p> : <Bar rows={rows} offered={offered} />}
      <Trouble processor={processor} />
    </article>
  );
}

function figuresOf(processor: Processor, where: string): string {
  const { flow, fps, waitMs, processMs, metrics, markers } = processor;
  const parts = [`${where}, ${flow}`];
  if (processor.running) parts.push(`${fpsText(fps)} frames/s`);
  if (processMs.p50 !== null)
    parts.push(`takes ${durationText(processMs.p50)}${processMs.p95 === null ? '' : ` (95 %: ${durationText(processMs.p95)})`}`);
  if (waitMs.p50 !== null) parts.push(`waits ${durationText(waitMs.p50)}`);
  if (metrics) parts.push(`${countText(metrics)} values`);
  if (markers) parts.push(plural(markers, 'marker'));
  return parts.join(' · ');
}

function Bar({ rows, offered }: { rows: readonly FateRow[]; offered: number }) {
  return (
    <>
      <div class="fates" aria-hidden="true">
        {rows.map((row) => (
          <span
            key={row.label}
            class={`fate is-${row.kind}`}
            style={{ flexGrow: row.share }}
            title={`${countText(row.count)} ${row.label}`}
          />
        ))}
      </div>
      <ul class="fate-words" aria-label={`Of ${plural(offered, 'frame')}`}>
        {rows.map((row) => (
          <li key={row.label}>
            <i class={`fate is-${row.kind}`} aria-hidden="true" />
            {countText(row.count)} {row.label} <small>{shareText(row.share)}</small>
          </li>
        ))}
      </ul>
    </>
  );
}

/** What went wrong last, and when. It stays to be read after all is well again. */
function Trouble({ processor }: { processor: Processor }) {
  const { error, errorAt, restarts, state } = processor;
  if (!error) return null;
  const when = errorAt === null ? '' : ` (${agoText(Date.now() - errorAt / 1000)})`;
  return (
    <p class={state === 'failed' ? 'processor-trouble is-now' : 'processor-trouble'}>
      {`${sentence(error).replace(/\.$/, '')}${when}.`}
      {restarts > 0 && ` It was started again ${restarts === 1 ? 'once' : `${countText(restarts)} times`}.`}
      {state === 'failed' && ' It is tried again by itself.'}
    </p>
  );
}

function shareText(share: number): string {
  const percent = share * 100;
  return percent > 0 && percent < 0.1 ? '< 0.1 %' : `${percent.toFixed(percent < 10 ? 1 : 0)} %`;
}
