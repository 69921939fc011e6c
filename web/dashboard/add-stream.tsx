// The dialog that makes a stream: what kind of source, its name, its settings. The server judges; its errors are shown at their field.
import { signal, useSignal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { z } from 'zod';
import { SOURCE_PARAMS, type StreamConfigInput } from '../../src/api/schema.ts';
import { toSluiceError } from '../../src/core/errors.ts';
import { Camera, Cross } from './icons.tsx';
import { fieldErrors } from './problem-fields.ts';
import { go, hrefOf } from './route.ts';
import { type Field, type FormValues, fieldsOf, initialValues, readValues } from './schema-fields.ts';
import { SchemaFields } from './schema-form.tsx';
import { addStream, streamOf } from './store.ts';

/** A processor that makes pictures is no matter of this form. */
type Kind = Exclude<keyof typeof SOURCE_PARAMS, 'generate'>;

interface KindWords {
  readonly label: string;
  readonly hint: string;
  /** Suggested name. */
  readonly name: string;
  /** Fields that everybody needs; the others are under "More settings". */
  readonly first: readonly string[];
}

/** How each source is offered. A source without a row here is offered by its own name. */
const KIND_WORDS: Record<Kind, KindWords> = {
  pattern: {
    label: 'Test picture',
    hint: 'Made by the server, to try things out.',
    name: 'test',
    first: ['kind', 'width', 'height', 'fps'],
  },
  ffmpeg: { label: 'File, address or camera', hint: 'A video file, RTSP, RTMP, SRT, HTTP, or a camera.', name: 'camera', first: ['url'] },
  recording: {
    label: 'Recording',
    hint: 'Plays a recording of this server, or a TIFF or MP4 file.',
    name: 'playback',
    first: ['recording', 'file'],
  },
  stream: {
    label: 'Another stream',
    hint: 'Pictures of a stream of this server once more.',
    name: 'copy',
    first: ['stream', 'unprocessed'],
  },
  trickle: {
    label: 'Trickle channel',
    hint: 'Pictures and sound of a channel of a trickle server.',
    name: 'channel',
    first: ['url'],
  },
  push: { label: 'Push from a program', hint: 'Your program sends the pictures.', name: 'scope', first: [] },
};
const KINDS: readonly Kind[] = ['pattern', 'ffmpeg', 'recording', 'stream', 'trickle', 'push'];

const FIELDS: Record<Kind, readonly Field[]> = {
  pattern: fieldsOf(z.toJSONSchema(SOURCE_PARAMS.pattern, { io: 'input' })),
  ffmpeg: fieldsOf(z.toJSONSchema(SOURCE_PARAMS.ffmpeg, { io: 'input' })).map((field) =>
    field.key === 'url' ? { ...field, placeholder: 'clip.mp4, rtsp://…, camera' } : field,
  ),
  recording: fieldsOf(z.toJSONSchema(SOURCE_PARAMS.recording, { io: 'input' })),
  stream: fieldsOf(z.toJSONSchema(SOURCE_PARAMS.stream, { io: 'input' })),
  trickle: fieldsOf(z.toJSONSchema(SOURCE_PARAMS.trickle, { io: 'input' })).map((field) =>
    field.key === 'url' ? { ...field, label: 'Channel', placeholder: 'http://host:2939/name' } : field,
  ),
  push: fieldsOf(z.toJSONSchema(SOURCE_PARAMS.push, { io: 'input' })),
};

const open = signal(false);

/** Opens the dialog. */
export function openAddStream(): void {
  open.value = true;
}

export function AddStreamDialog() {
  return open.value ? <Dialog onClose={() => (open.value = false)} /> : null;
}

function freeName(wanted: string): string {
  if (!streamOf(wanted)) return wanted;
  for (let n = 2; ; n++) if (!streamOf(`${wanted}-${n}`)) return `${wanted}-${n}`;
}

function Dialog(props: { onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const kind = useSignal<Kind>('pattern');
  const name = useSignal(freeName(KIND_WORDS.pattern.name));
  const named = useSignal(false);
  const title = useSignal('');
  const values = {
    pattern: useSignal<FormValues>(initialValues(FIELDS.pattern)),
    ffmpeg: useSignal<FormValues>(initialValues(FIELDS.ffmpeg)),
    recording: useSignal<FormValues>(initialValues(FIELDS.recording)),
    stream: useSignal<FormValues>(initialValues(FIELDS.stream)),
    trickle: useSignal<FormValues>(initialValues(FIELDS.trickle)),
    push: useSignal<FormValues>(initialValues(FIELDS.push)),
  };
  const errors = useSignal<Record<string, string>>({});
  const busy = useSignal(false);

  useEffect(() => {
    dialog.current?.showModal();
    // Not on Close, which stands first: Enter would take the form away.
    dialog.current?.querySelector<HTMLElement>('input[name=type]:checked')?.focus();
  }, []);

  const words = KIND_WORDS[kind.value];
  const [first, more] = useMemo(() => {
    const fields = FIELDS[kind.value];
    return [fields.filter((field) => words.first.includes(field.key)), fields.filter((field) => !words.first.includes(field.key))];
  }, [kind.value]);

  const choose = (next: Kind) => {
    kind.value = next;
    errors.value = {};
    if (!named.value) name.value = freeName(KIND_WORDS[next].name);
  };

  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    if (busy.value) return;
    if (streamOf(name.value)) {
      errors.value = { name: `There is a stream “${name.value}” already; choose another name.` };
      focusError();
      return;
    }
    busy.value = true;
    errors.value = {};
    try {
      // What is sent is checked by the server; the form only promises its shape.
      const source = { type: kind.value, ...readValues(FIELDS[kind.value], values[kind.value].value) } as StreamConfigInput['source'];
      const config: StreamConfigInput = { source };
      if (title.value.trim()) config.title = title.value.trim();
      await addStream(name.value, config);
      props.onClose();
      go({ stream: name.value });
    } catch (thrown) {
      const error = toSluiceError(thrown);
      errors.value = fieldErrors(error, ['name', 'title', ...FIELDS[kind.value].map((field) => field.key)]);
      focusError();
    } finally {
      busy.value = false;
    }
  };

  const focusError = () => {
    setTimeout(() => {
      const bad = dialog.current?.querySelector<HTMLElement>('[aria-invalid], .form-error');
      bad?.closest('details')?.setAttribute('open', '');
      bad?.focus();
    });
  };

  return (
    <dialog ref={dialog} class="dialog" aria-labelledby="add-title" onClose={props.onClose}>
      <form onSubmit={(event) => void submit(event)}>
        <header>
          <h2 id="add-title">Add a stream</h2>
          <button type="button" class="button icon-only quiet" aria-label="Close" onClick={() => dialog.current?.close()}>
            <Cross />
          </button>
        </header>
        <div class="dialog-body">
          {errors.value[''] && (
            <p class="form-error" role="alert" tabIndex={-1}>
              {errors.value['']}
            </p>
          )}
          <fieldset class="kinds">
            <legend>Where do the pictures come from?</legend>
            {KINDS.map((each) => (
              <label key={each} class="kind">
                <input type="radio" name="type" value={each} checked={kind.value === each} onChange={() => choose(each)} />
                <span>
                  <strong>{KIND_WORDS[each].label}</strong>
                  <small class="kind-hint">{KIND_WORDS[each].hint}</small>
                </span>
              </label>
            ))}
            <a class="kind" href={hrefOf({ share: freeName('camera') })} data-route="page" onClick={() => dialog.current?.close()}>
              <Camera />
              <span>
                <strong>This device</strong>
                <small class="kind-hint">Its camera or screen, shared by this browser.</small>
              </span>
            </a>
          </fieldset>
          {first.length > 0 && (
            <div class="fields fields-tight">
              <SchemaFields fields={first} values={values[kind.value]} errors={errors.value} idPrefix={`add-${kind.value}`} />
            </div>
          )}
          <div class="fields fields-two">
            <div class="field">
              <label for="add-name">Name</label>
              <input
                id="add-name"
                name="name"
                value={name.value}
                required
                maxLength={64}
                pattern="[A-Za-z0-9._\-]{1,64}"
                title="1 to 64 characters of A-Z a-z 0-9 . _ -"
                autocomplete="off"
                spellcheck={false}
                aria-describedby={errors.value.name ? 'add-name-error add-name-help' : 'add-name-help'}
                aria-invalid={errors.value.name ? true : undefined}
                onInput={(event) => {
                  named.value = true;
                  name.value = event.currentTarget.value;
                }}
              />
              {errors.value.name && (
                <p class="field-error" id="add-name-error">
                  {errors.value.name}
                </p>
              )}
              <p class="field-help" id="add-name-help">
                appears in addresses: A-Z a-z 0-9 . _ -
              </p>
            </div>
            <div class="field">
              <label for="add-stream-title">Title</label>
              <input
                id="add-stream-title"
                value={title.value}
                maxLength={200}
                autocomplete="off"
                aria-describedby="add-stream-title-help"
                onInput={(event) => (title.value = event.currentTarget.value)}
              />
              <p class="field-help" id="add-stream-title-help">
                what people see; may be empty
              </p>
            </div>
          </div>
          {more.length > 0 && (
            <details key={kind.value}>
              <summary>More settings</summary>
              <div class="fields">
                <SchemaFields fields={more} values={values[kind.value]} errors={errors.value} idPrefix={`add-${kind.value}`} />
              </div>
            </details>
          )}
          {kind.value === 'push' && <p class="note">Next you get the lines to paste into your program.</p>}
        </div>
        <footer>
          <button type="button" class="button" onClick={() => dialog.current?.close()}>
            Cancel
          </button>
          <button type="submit" class="button primary" disabled={busy.value}>
            {busy.value ? 'Adding…' : 'Add stream'}
          </button>
        </footer>
      </form>
    </dialog>
  );
}
