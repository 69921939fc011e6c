// The params of the stream's processors and source, live: forms from their JSON Schema, presets, what others change.
import { signal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import { ParamControl } from '../params/param-control.tsx';
import type { ParamField, ParamSection } from '../params/param-fields.ts';
import { ParamsModel } from '../params/params-model.ts';
import { PresetsMenu } from '../params/presets-menu.tsx';
import { mayChange } from '../store.ts';
import { readStored, writeStored } from '../stored.ts';
import { countText, sentence } from '../words.ts';
import type { PanelProps } from './panel-props.ts';

const EXPLAINED = 'sluice-params-explained';
/** Whether what each param does is written below it; otherwise it shows under the pointer. */
const explained = signal(readStored(EXPLAINED) === '1');

function explain(on: boolean): void {
  explained.value = on;
  writeStored(EXPLAINED, on ? '1' : null);
}

export function ParamsPanel({ info }: PanelProps) {
  const { name, config, readOnly } = info.value;
  const model = useMemo(() => new ParamsModel(name), [name]);
  useEffect(() => () => model.dispose(), [model]);
  // Other processors, or another source: other fields.
  const parts = [config.source.type, ...config.processors.map(({ id, use }) => `${id ?? use} ${use}`)].join('\n');
  useEffect(() => {
    if (model.info.peek()) void model.load();
  }, [model, parts]);

  const error = model.errors.value[''];
  if (!model.info.value) {
    return (
      <div class="panel params">
        {error ? (
          <p class="field-error" role="alert">
            {sentence(error)}
          </p>
        ) : (
          <div class="skeleton-lines" aria-hidden="true" />
        )}
      </div>
    );
  }
  const sections = model.sections.value;
  const { waiting } = model.info.value;
  return (
    <div class={`panel params${explained.value ? ' is-explained' : ''}`}>
      <div class="params-head">
        <p class="note params-held">
          {model.held.value === null
            ? 'Changes hold at once, for everybody.'
            : `The last change holds from frame ${countText(model.held.value)} on.`}
        </p>
        <button type="button" class="button" aria-pressed={explained.value} onClick={() => explain(!explained.value)}>
          Explain
        </button>
        <PresetsMenu stream={name} model={model} />
      </div>
      {!mayChange.value && <p class="note">You may watch. To change params a token for everything is needed.</p>}
      {error && (
        <p class="field-error" role="alert">
          {sentence(error)}
        </p>
      )}
      {waiting.map((id) => (
        <p key={id} class="note" role="status">
          {id} is loading: its params come when it is ready.
        </p>
      ))}
      {sections.map((section) => (
        <Section key={section.part} section={section} model={model} alone={sections.length === 1} fixed={readOnly} />
      ))}
      {sections.length === 0 && waiting.length === 0 && <p class="note">There is nothing to set.</p>}
    </div>
  );
}

function Section(props: { section: ParamSection; model: ParamsModel; alone: boolean; fixed: boolean }) {
  const { section, model, alone, fixed } = props;
  const { part, use, fields, groups } = section;
  const isSource = part === 'source';
  return (
    <details class="params-section" open={alone || !isSource} data-part={part}>
      <summary>
        <strong>{isSource ? 'Source' : part}</strong> {(isSource || use !== part) && <span class="note">{use}</span>}
      </summary>
      {isSource && fixed ? (
        <p class="note">Defined in the configuration file: its source can be changed only there.</p>
      ) : (
        isSource && <p class="note">The source begins anew with each change.</p>
      )}
      {groups.map((group) => {
        const own = fields.filter((field) => field.group === group);
        return group === '' ? (
          <Fields key="" fields={own} model={model} />
        ) : (
          <fieldset key={group} class="params-group">
            <legend>{group}</legend>
            <Fields fields={own} model={model} />
          </fieldset>
        );
      })}
    </details>
  );
}

function Fields({ fields, model }: { fields: readonly ParamField[]; model: ParamsModel }) {
  return (
    <div class="params-fields">
      {fields.map((field) => (
        <ParamControl key={field.address} field={field} model={model} />
      ))}
    </div>
  );
}
