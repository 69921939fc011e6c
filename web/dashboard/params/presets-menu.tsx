// Presets of a stream: apply one, save what is, remove one.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { Preset } from '../../../src/api/params.ts';
import { toSluiceError } from '../../../src/core/errors.ts';
import { Bin } from '../icons.tsx';
import { Menu } from '../menu.tsx';
import { announce, client, mayChange } from '../store.ts';
import type { ParamsModel } from './params-model.ts';

export function PresetsMenu({ stream, model }: { stream: string; model: ParamsModel }) {
  const presets = useSignal<readonly Preset[] | null>(null);
  const name = useSignal('');
  const error = useSignal('');
  const busy = useSignal(false);

  const load = async () => {
    try {
      presets.value = await client.presets(stream);
    } catch (thrown) {
      error.value = toSluiceError(thrown).message;
    }
  };
  useEffect(() => {
    presets.value = null;
    error.value = '';
    void load();
  }, [stream]);

  const act = async (work: () => Promise<unknown>, done: string) => {
    busy.value = true;
    error.value = '';
    try {
      await work();
      announce(done);
      await load();
    } catch (thrown) {
      error.value = toSluiceError(thrown).message;
    }
    busy.value = false;
  };
  const apply = (preset: string) =>
    void act(async () => model.applied(await client.applyPreset(stream, preset)), `The preset ${preset} holds from now on.`);
  const save = (event: SubmitEvent) => {
    event.preventDefault();
    const given = name.value.trim();
    if (!given) return;
    void act(async () => {
      await client.savePreset(stream, given);
      name.value = '';
    }, `The preset ${given} is saved.`);
  };
  const remove = (preset: string) => void act(() => client.removePreset(stream, preset), `The preset ${preset} is removed.`);
  const known = presets.value?.some((one) => one.name === name.value.trim()) ?? false;

  return (
    // Others may have saved some meanwhile.
    <Menu label="Presets: params under a name" button="Presets" class="button" onOpen={() => void load()}>
      <div class="presets">
        {presets.value?.length === 0 && <p class="note">None yet. A preset keeps all params as they are now.</p>}
        <ul>
          {presets.value?.map((preset) => (
            <li key={preset.name}>
              <button
                type="button"
                class="preset-apply"
                disabled={busy.value || !mayChange.value}
                title={`Apply ${preset.name}`}
                onClick={() => apply(preset.name)}
              >
                {preset.name}
              </button>
              {mayChange.value && (
                <button
                  type="button"
                  class="button icon-only quiet small"
                  aria-label={`Remove ${preset.name}`}
                  title={`Remove ${preset.name}`}
                  disabled={busy.value}
                  onClick={() => remove(preset.name)}
                >
                  <Bin />
                </button>
              )}
            </li>
          ))}
        </ul>
        {mayChange.value && (
          <form noValidate onSubmit={save} class="preset-save">
            <label for="preset-name">Save as</label>
            <input
              id="preset-name"
              value={name.value}
              maxLength={64}
              autocomplete="off"
              spellcheck={false}
              aria-invalid={error.value ? true : undefined}
              aria-describedby={error.value ? 'preset-error' : undefined}
              onInput={(event) => (name.value = event.currentTarget.value)}
            />
            <button type="submit" class="button" disabled={busy.value || !name.value.trim()}>
              {known ? 'Replace' : 'Save'}
            </button>
          </form>
        )}
        {error.value && (
          <p class="field-error" id="preset-error" role="alert">
            {error.value}
          </p>
        )}
      </div>
    </Menu>
  );
}
