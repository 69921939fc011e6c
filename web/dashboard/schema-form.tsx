// Form fields from a JSON Schema: the flat subset of source params on native controls. Lists and objects are written as JSON.
import type { Signal } from '@preact/signals';
import { type Field, type FormValues, labelOf } from './schema-fields.ts';

export interface FieldsProps {
  readonly fields: readonly Field[];
  readonly values: Signal<FormValues>;
  /** Messages by key of the field. */
  readonly errors: Readonly<Record<string, string>>;
  /** Prefix of the ids. */
  readonly idPrefix: string;
}

export function SchemaFields(props: FieldsProps) {
  return (
    <>
      {props.fields.map((field) => (
        <SchemaField key={field.key} {...props} field={field} />
      ))}
    </>
  );
}

function SchemaField(props: FieldsProps & { field: Field }) {
  const { field, values, idPrefix } = props;
  const id = `${idPrefix}-${field.key}`;
  const error = props.errors[field.key];
  const value = values.value[field.key];
  const set = (next: string | boolean) => {
    values.value = { ...values.value, [field.key]: next };
  };
  const onInput = (event: InputEvent) => set((event.currentTarget as HTMLInputElement).value);
  const described = [field.description && `${id}-help`, error && `${id}-error`].filter(Boolean).join(' ') || undefined;
  const common = { id, name: field.key, 'aria-describedby': described, 'aria-invalid': error ? true : undefined } as const;

  if (field.kind === 'boolean') {
    return (
      <div class="field field-check">
        <label for={id}>
          <input {...common} type="checkbox" checked={value === true} onChange={(event) => set(event.currentTarget.checked)} />
          {labelOf(field)}
        </label>
        <FieldNotes id={id} field={field} error={error} />
      </div>
    );
  }
  return (
    <div class={`field field-${field.kind} field-key-${field.key}`}>
      <label for={id}>{labelOf(field)}</label>
      {field.kind === 'enum' ? (
        <select {...common} value={String(value ?? '')} onChange={(event) => set(event.currentTarget.value)}>
          {field.options.map((option) => (
            <option key={option} value={option}>
              {option}
            </option>
          ))}
        </select>
      ) : field.kind === 'number' ? (
        <input
          {...common}
          type="number"
          value={String(value ?? '')}
          required={field.required}
          min={field.minimum}
          max={field.maximum}
          step={field.integer ? 1 : 'any'}
          onInput={onInput}
        />
      ) : (
        <input
          {...common}
          value={String(value ?? '')}
          required={field.required}
          pattern={field.pattern}
          title={field.pattern ? field.description : undefined}
          placeholder={field.placeholder}
          autocomplete="off"
          spellcheck={false}
          onInput={onInput}
        />
      )}
      <FieldNotes id={id} field={field} error={error} />
    </div>
  );
}

function FieldNotes(props: { id: string; field: Field; error: string | undefined }) {
  const { id, field, error } = props;
  return (
    <>
      {error && (
        <p class="field-error" id={`${id}-error`}>
          {error}
        </p>
      )}
      {field.description && field.description !== labelOf(field).toLowerCase() && (
        <p class="field-help" id={`${id}-help`}>
          {field.description}
        </p>
      )}
    </>
  );
}
