// What the rows of the table of markers show: kind, label, frame, length, time and buttons, and the details below an open row.
import type { Signal } from '@preact/signals';
import type { Marker } from '../../src/api/timeline.ts';
import { kindLook } from '../../src/player/marker-look.ts';
import { Bin, Chevron, Pencil } from './icons.tsx';
import { exactText, When } from './moment-parts.tsx';
import { mayChange } from './store.ts';
import { durationText } from './words.ts';

/** Buttons that let only some kinds through. */
export function Kinds(props: { counts: readonly [string, number][]; chosen: Signal<ReadonlySet<string>> }) {
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

export function Cells(props: {
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

export function Details(props: { marker: Marker }) {
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
