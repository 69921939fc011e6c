// The params of a detector's viewers as a form: ranges from the schema, where each value comes from, and the server's word on wrong ones.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { ParamOrigin, ParamsDescription, ViewProtocol } from '../../../src/api/live-views.ts';
import { toSluiceError } from '../../../src/core/errors.ts';
import { fieldErrors } from '../problem-fields.ts';
import { type Field, type FormValues, fieldsOf, readValues } from '../schema-fields.ts';
import { SchemaFields } from '../schema-form.tsx';
import { announce, client, events, mayChange } from '../store.ts';

const ORIGIN_WORDS: Record<ParamOrigin, string> = {
  default: 'as usual',
  config: 'set by the server',
  protocol: 'set for all detectors',
  stream: 'set for this detector',
};

interface Part {
  readonly anyOf?: readonly ({ readonly type?: string } & object)[];
  readonly [key: string]: unknown;
}

/** Values that may be `null` are fields that may be empty. */
function plain({ schema, from }: ParamsDescription): Field[] {
  const properties = Object.entries((schema.properties ?? {}) as Record<string, Part>).map(([key, part]) => {
    const { anyOf, ...rest } = part;
    const left = anyOf?.filter(({ type }) => type !== 'null');
    const said = typeof rest.description === 'string' ? rest.description.replace('null =', 'empty =') : '';
    const description = [said, ORIGIN_WORDS[from[key] ?? 'default'], rangeOf({ ...rest, ...left?.[0] })].filter(Boolean).join('; ');
    return [key, { ...rest, ...(left?.length === 1 ? left[0] : anyOf && { anyOf }), description }] as const;
  });
  return fieldsOf({ properties: Object.fromEntries(properties) });
}

function rangeOf({ minimum, exclusiveMinimum, maximum }: Part): string {
  if (typeof maximum !== 'number' || maximum >= Number.MAX_SAFE_INTEGER) return '';
  return exclusiveMinimum === undefined ? `${minimum} to ${maximum}` : `above ${exclusiveMinimum}, at most ${maximum}`;
}

function textsOf(fields: readonly Field[], values: Readonly<Record<string, unknown>>): FormValues {
  return Object.fromEntries(
    fields.map(({ key, kind }) => {
      const value = values[key];
      if (kind === 'boolean') return [key, value === true];
      return [key, value === null || value === undefined ? '' : kind === 'json' ? JSON.stringify(value) : String(value)];
    }),
  );
}

export function ViewParamsForm({ stream, protocol }: { stream: string; protocol: ViewProtocol }) {
  const fields = useSignal<readonly Field[]>([]);
  const values = useSignal<FormValues>({});
  const before = useSignal<FormValues>({});
  const errors = useSignal<Record<string, string>>({});
  const busy = useSignal(false);

  const take = (described: ParamsDescription) => {
    fields.value = plain(described);
    before.value = textsOf(fields.value, described.values);
    values.value = before.value;
  };
  useEffect(() => {
    let ended = false;
    const load = () =>
      client.viewParams(stream, protocol).then(
        (described) => {
          if (!ended) take(described);
        },
        (error) => {
          if (!ended) errors.value = { '': toSluiceError(error).message };
        },
      );
    errors.value = {};
    void load();
    const off = events.subscribe({ types: ['liveview'], streams: [stream], onMissed: () => void load() }, (event) => {
      if (event.action === 'params' && event.protocol === protocol && !busy.peek()) void load();
    });
    return () => {
      ended = true;
      off();
    };
  }, [stream, protocol]);

  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    busy.value = true;
    errors.value = {};
    const changed = fields.value.filter(({ key }) => values.value[key] !== before.value[key]);
    const read = readValues(changed, values.value);
    try {
      // An empty field takes its value back.
      await client.setViewParams(stream, protocol, Object.fromEntries(changed.map(({ key }) => [key, read[key] ?? null])));
      take(await client.viewParams(stream, protocol));
      announce('The params hold from now on.');
    } catch (error) {
      errors.value = fieldErrors(
        toSluiceError(error),
        changed.map(({ key }) => key),
      );
    }
    busy.value = false;
  };

  if (!fields.value.length) {
    return (
      <p class="note">{errors.value[''] ?? (protocol === 'hls' ? 'HLS shows what the stream encodes; it has no params here.' : '')}</p>
    );
  }
  const dirty = fields.value.some(({ key }) => values.value[key] !== before.value[key]);
  return (
    <details class="live-view-params">
      <summary>What viewers get</summary>
      <p class="note">For viewers who choose nothing themselves, at once. An empty field gives its value back.</p>
      <form noValidate onSubmit={(event) => void submit(event)}>
        <fieldset disabled={!mayChange.value || busy.value}>
          <div class="fields fields-two">
            <SchemaFields fields={fields.value} values={values} errors={errors.value} idPrefix={`view-${protocol}`} />
          </div>
        </fieldset>
        {errors.value[''] && (
          <p class="field-error" role="alert">
            {errors.value['']}
          </p>
        )}
        {mayChange.value && (
          <p class="actions">
            <button type="submit" class="button" disabled={!dirty || busy.value}>
              Apply
            </button>
          </p>
        )}
      </form>
    </details>
  );
}
