// Forms of a marker: a new one at the shown frame, and a change in place.
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { Marker } from '../../src/api/timeline.ts';
import { toSluiceError } from '../../src/core/errors.ts';
import type { ShownFrame } from '../../src/player/element.ts';
import { type EndKind, fieldProblems, fieldsOf, type MarkerFields, patchOf } from './marker-edit.ts';
import { fieldErrors } from './problem-fields.ts';
import { client } from './store.ts';
import { player, watchShown } from './watching.ts';

type Errors = Readonly<Record<string, string>>;

interface FormProps {
  readonly id: string;
  readonly title: string;
  readonly submit: string;
  readonly start: MarkerFields;
  /** Kinds to choose from; others can be typed. */
  readonly kinds: readonly string[];
  /** Without it a new marker: an instant. */
  readonly ends: boolean;
  readonly check: (fields: MarkerFields) => Errors;
  /** Sends it; rejects with what the server says. */
  readonly send: (fields: MarkerFields) => Promise<void>;
  readonly onClose: () => void;
}

const END_WORDS: Record<EndKind, string> = {
  moment: 'A moment',
  span: 'Lasts',
  shown: 'Up to the shown frame',
  open: 'Goes on (end not known yet)',
};

function Form(props: FormProps) {
  const { id } = props;
  const fields = useSignal(props.start);
  const errors = useSignal<Errors>({});
  const busy = useSignal(false);
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => {
    form.current?.querySelector('input')?.select();
  }, []);
  const set = (change: Partial<MarkerFields>) => {
    fields.value = { ...fields.value, ...change };
  };
  const onSubmit = async (event: Event) => {
    event.preventDefault();
    errors.value = props.check(fields.value);
    if (!Object.keys(errors.value).length) {
      busy.value = true;
      try {
        await props.send(fields.value);
        return props.onClose();
      } catch (error) {
        errors.value = fieldErrors(toSluiceError(error), ['label', 'kind', 'end']);
      } finally {
        busy.value = false;
      }
    }
    form.current?.querySelector<HTMLElement>('[aria-invalid]')?.focus();
  };
  const field = (name: string) => ({
    id: `${id}-${name}`,
    'aria-invalid': errors.value[name] ? (true as const) : undefined,
    'aria-describedby': errors.value[name] ? `${id}-${name}-error` : undefined,
  });
  const message = (name: string) =>
    errors.value[name] ? (
      <p class="field-error" id={`${id}-${name}-error`} role="alert">
        {errors.value[name]}
      </p>
    ) : null;
  return (
    <form
      class="marker-form"
      ref={form}
      aria-label={props.title}
      noValidate
      onSubmit={(event) => void onSubmit(event)}
      onKeyDown={(event) => {
        event.stopPropagation();
        if (event.key === 'Escape') props.onClose();
      }}
    >
      <div class="field marker-label">
        <label for={`${id}-label`}>Label</label>
        <input {...field('label')} value={fields.value.label} onInput={(event) => set({ label: event.currentTarget.value })} />
        {message('label')}
      </div>
      <div class="field">
        <label for={`${id}-kind`}>Kind</label>
        <input
          {...field('kind')}
          value={fields.value.kind}
          list={`${id}-kinds`}
          onInput={(event) => set({ kind: event.currentTarget.value })}
        />
        <datalist id={`${id}-kinds`}>
          {props.kinds.map((kind) => (
            <option key={kind} value={kind} />
          ))}
        </datalist>
        {message('kind')}
      </div>
      {props.ends && (
        <div class="field">
          <label for={`${id}-end`}>End</label>
          <select {...field('end')} value={fields.value.end} onChange={(event) => set({ end: event.currentTarget.value as EndKind })}>
            {Object.entries(END_WORDS).map(([value, words]) => (
              <option key={value} value={value}>
                {words}
              </option>
            ))}
          </select>
          {message('end')}
        </div>
      )}
      {props.ends && fields.value.end === 'span' && (
        <div class="field">
          <label for={`${id}-seconds`}>Length in s</label>
          <input
            {...field('seconds')}
            inputMode="decimal"
            value={fields.value.seconds}
            onInput={(event) => set({ seconds: event.currentTarget.value })}
          />
          {message('seconds')}
        </div>
      )}
      <div class="marker-form-actions">
        {errors.value[''] && (
          <p class="field-error" role="alert">
            {errors.value['']}
          </p>
        )}
        <button type="submit" class="button primary small" disabled={busy.value}>
          {props.submit}
        </button>
        <button type="button" class="button small" onClick={props.onClose}>
          Cancel
        </button>
      </div>
    </form>
  );
}

/** Changes a marker in place. */
export function MarkerForm(props: {
  stream: string;
  marker: Marker;
  kinds: readonly string[];
  onSaved: (marker: Marker) => void;
  onClose: () => void;
}) {
  const { stream, marker } = props;
  return (
    <Form
      id="change-marker"
      title={`Change ${marker.label || 'this marker'}`}
      submit="Save"
      start={fieldsOf(marker)}
      kinds={props.kinds}
      ends
      check={(fields) => fieldProblems(fields, marker.timestamp, player.peek()?.shownFrame?.timestamp ?? null)}
      send={async (fields) => {
        const patch = patchOf(marker, fields, player.peek()?.shownFrame?.id ?? null);
        if (Object.keys(patch).length) props.onSaved(await client.changeMarker(stream, marker.id, patch));
      }}
      onClose={props.onClose}
    />
  );
}

/** A new marker at the frame that was shown when the form opened. */
export function NewMarkerForm(props: {
  stream: string;
  frame: ShownFrame;
  kind: string;
  kinds: readonly string[];
  onSaved: (marker: Marker) => void;
  onClose: () => void;
}) {
  const { stream, frame } = props;
  return (
    <div class="marker-new">
      <p>
        New marker at frame <strong>{frame.id}</strong>
        <Moved frame={frame.id} />
      </p>
      <Form
        id="new-marker"
        title={`New marker at frame ${frame.id}`}
        submit="Add"
        start={{ label: '', kind: props.kind, end: 'moment', seconds: '' }}
        kinds={props.kinds}
        ends={false}
        check={(fields) => fieldProblems(fields, frame.timestamp, null)}
        send={async ({ label, kind }) =>
          props.onSaved(await client.mark(stream, { label: label.trim(), kind: kind.trim(), frame: frame.id }))
        }
        onClose={props.onClose}
      />
    </div>
  );
}

/** Says so where the player has gone on meanwhile: the marker stays at the frame that was seen. */
function Moved(props: { frame: number }) {
  const moved = useSignal(false);
  useEffect(
    () =>
      watchShown((shown) => {
        moved.value = shown !== null && shown.id !== props.frame;
      }),
    [props.frame],
  );
  return moved.value ? <small> (the picture has moved on)</small> : null;
}
