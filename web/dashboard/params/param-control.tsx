// One param on a control of its own: native elements, so that keyboard and screen reader know them.

import { Undo } from '../icons.tsx';
import { mayChange } from '../store.ts';
import { sentence } from '../words.ts';
import { type Draft, type NumberRange, type ParamField, sliderEnds } from './param-fields.ts';
import type { ParamsModel } from './params-model.ts';

interface ControlProps {
  readonly model: ParamsModel;
  readonly field: ParamField;
}

export function ParamControl({ model, field }: ControlProps) {
  const { address, label, control, unit, description, initial } = field;
  const id = idOf(address);
  const error = model.errors.value[address];
  const theirs = model.theirs.value.has(address);
  const value = model.value(field);
  const disabled = !mayChange.value || field.readOnly;
  // A switch that is off and one that was never set look alike.
  const changed = initial !== undefined ? JSON.stringify(value) !== JSON.stringify(initial) : value !== undefined && field.optional;
  const notes = [error && `${id}-error`, theirs && `${id}-theirs`, description && `${id}-help`].filter(Boolean).join(' ') || undefined;
  const common = { id, disabled, 'aria-describedby': notes, 'aria-invalid': error ? true : undefined } as const;
  const grouped = control === 'numbers';
  const back = initial === undefined ? 'nothing' : defaultText(initial);
  return (
    <div
      class={`param param-${control}${theirs ? ' is-theirs' : ''}${error ? ' is-wrong' : ''}`}
      data-param={address}
      {...(grouped ? { role: 'group', 'aria-labelledby': `${id}-label` } : {})}
    >
      {control === 'trigger' || grouped ? (
        <span class="param-label" id={`${id}-label`} title={description}>
          {grouped && label}
        </span>
      ) : (
        <label class="param-label" for={id} title={description}>
          {label}
        </label>
      )}
      <div class="param-control">
        <Input model={model} field={field} common={common} />
        {unit && <span class="param-unit">{unit}</span>}
        {!disabled && (
          <button
            type="button"
            class={`param-reset${changed ? '' : ' is-idle'}`}
            disabled={!changed}
            aria-label={`${label}: back to ${back}`}
            title={`Back to ${back}`}
            onClick={() => model.reset(field)}
          >
            <Undo />
          </button>
        )}
      </div>
      {error && (
        <p class="field-error" id={`${id}-error`}>
          {sentence(error)}
        </p>
      )}
      {theirs && (
        <p class="param-theirs" id={`${id}-theirs`}>
          Changed by somebody else
        </p>
      )}
      {description && (
        <p class="field-help" id={`${id}-help`}>
          {description}
        </p>
      )}
    </div>
  );
}

interface Common {
  readonly id: string;
  readonly disabled: boolean;
  readonly 'aria-describedby': string | undefined;
  readonly 'aria-invalid': true | undefined;
}

function Input({ model, field, common }: ControlProps & { common: Common }) {
  const draft = model.draft(field);
  const edit = (next: Draft, send: boolean) => model.edit(field, next, send);
  const text = typeof draft === 'string' ? draft : '';
  switch (field.control) {
    case 'switch':
      return (
        <input
          {...common}
          type="checkbox"
          role="switch"
          aria-checked={draft === true}
          class="switch"
          checked={draft === true}
          onChange={(event) => edit(event.currentTarget.checked, true)}
        />
      );
    case 'trigger':
      return (
        <button
          id={common.id}
          type="button"
          class="button"
          disabled={common.disabled}
          aria-describedby={common['aria-describedby']}
          onClick={() => model.press(field)}
        >
          {field.label}
        </button>
      );
    case 'select':
      return (
        <select {...common} value={text} onChange={(event) => edit(event.currentTarget.value, true)}>
          {(field.optional || text === '') && <option value="">not set</option>}
          {field.choices.map((choice, index) => (
            <option key={choice.text} value={String(index)}>
              {choice.text}
            </option>
          ))}
        </select>
      );
    case 'color':
      return (
        <>
          <input
            {...common}
            type="color"
            value={text || '#000000'}
            onInput={(event) => edit(event.currentTarget.value, field.live)}
            onChange={(event) => edit(event.currentTarget.value, true)}
          />
          <input
            class="param-number"
            disabled={common.disabled}
            aria-label={`${field.label}, as #rrggbb`}
            value={text}
            maxLength={7}
            spellcheck={false}
            onInput={(event) => edit(event.currentTarget.value, false)}
            onChange={(event) => edit(event.currentTarget.value, true)}
          />
        </>
      );
    case 'range':
      return <Slider model={model} field={field} common={common} text={text} />;
    case 'number':
      return (
        <input
          {...common}
          type="number"
          value={text}
          placeholder={field.optional ? 'not set' : undefined}
          {...limits(field.number)}
          onInput={(event) => edit(event.currentTarget.value, false)}
          onChange={(event) => edit(event.currentTarget.value, true)}
        />
      );
    case 'numbers':
      return <Numbers model={model} field={field} common={common} drafts={Array.isArray(draft) ? draft : []} />;
    default:
      return (
        <input
          {...common}
          value={text}
          maxLength={field.control === 'text' && field.maxLength !== null ? field.maxLength : undefined}
          placeholder={field.control === 'json' ? 'JSON' : field.optional ? 'not set' : undefined}
          autocomplete="off"
          spellcheck={false}
          onInput={(event) => edit(event.currentTarget.value, false)}
          onChange={(event) => edit(event.currentTarget.value, true)}
        />
      );
  }
}

/** A slider, and the same number to be typed. */
function Slider({ model, field, common, text }: ControlProps & { common: Common; text: string }) {
  const range = field.number!;
  const { min, max } = sliderEnds(range);
  const edit = (next: string, send: boolean) => model.edit(field, next, send);
  return (
    <>
      <input
        {...common}
        type="range"
        min={min}
        max={max}
        step={range.step}
        value={text}
        aria-valuetext={field.unit ? `${text} ${field.unit}` : undefined}
        // Sent while it is dragged where that disturbs nothing, otherwise when it is let go.
        onInput={(event) => edit(event.currentTarget.value, field.live)}
        onChange={(event) => edit(event.currentTarget.value, true)}
      />
      <input
        class="param-number"
        type="number"
        disabled={common.disabled}
        aria-label={`${field.label}, as a number`}
        aria-describedby={common['aria-describedby']}
        value={text}
        {...limits(range)}
        onInput={(event) => edit(event.currentTarget.value, false)}
        onChange={(event) => edit(event.currentTarget.value, true)}
      />
    </>
  );
}

function Numbers({ model, field, common, drafts }: ControlProps & { common: Common; drafts: readonly string[] }) {
  const edit = (index: number, next: string) => {
    model.edit(
      field,
      field.parts.map((_, at) => (at === index ? next : (drafts[at] ?? ''))),
      false,
    );
  };
  // Half a region is none: it is sent when all of it is there, or nothing.
  const done = () => {
    const now = model.draft(field);
    if (!Array.isArray(now)) return;
    const filled = now.filter((each) => each.trim() !== '').length;
    if (filled === 0 || filled === field.parts.length) model.edit(field, now, true);
  };
  return (
    <div class="param-row">
      {field.parts.map((part, index) => (
        <label key={part.key}>
          <span>{part.label}</span>
          <input
            type="number"
            id={index === 0 ? common.id : undefined}
            disabled={common.disabled}
            aria-describedby={common['aria-describedby']}
            aria-invalid={common['aria-invalid']}
            value={drafts[index] ?? ''}
            {...limits(part.number)}
            onInput={(event) => edit(index, event.currentTarget.value)}
            onChange={done}
          />
        </label>
      ))}
    </div>
  );
}

/** Arrow keys go in steps; what is typed may lie between them. */
function limits(range: NumberRange | null): { min?: number; max?: number; step: number | 'any' } {
  if (!range) return { step: 'any' };
  return { ...(range.min === null ? {} : { min: range.min }), ...(range.max === null ? {} : { max: range.max }), step: range.step };
}

function defaultText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function idOf(address: string): string {
  return `param-${address.replace(/[^A-Za-z0-9_-]/g, '_')}`;
}
