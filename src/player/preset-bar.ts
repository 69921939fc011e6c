// Presets in the levels: choose, save, delete, and files for other browsers.
import { make } from './dom.ts';
import { keepPresets, keptPresets, type Preset, parsePresets, withPresets, writePresets } from './presets.ts';
import { download } from './save-picture.ts';

export interface PresetBarOptions {
  /** The settings of the moment; gets their name. Rejects where the server does not tell them. */
  readonly read: (name: string) => Promise<Preset>;
  /** Brings them back; gives words if not all of it could be done. */
  readonly apply: (preset: Preset) => Promise<string>;
  readonly tell: (text: string) => void;
}

const button = (label: string, onClick: () => void) => {
  const element = make('button', { type: 'button', class: 'close small', part: 'button' }, label);
  element.addEventListener('click', onClick);
  return element;
};

export class PresetBar {
  readonly element: HTMLElement;
  readonly #options: PresetBarOptions;
  readonly #choice = make('select', { 'aria-label': 'Saved presets' });
  readonly #name = make('input', { 'aria-label': 'Name of the preset', placeholder: 'name', maxlength: '80', autocomplete: 'off' });
  readonly #file = make('input', { type: 'file', accept: '.json,application/json', hidden: '', 'aria-label': 'File of presets' });
  readonly #delete: HTMLButtonElement;
  readonly #export: HTMLButtonElement;
  readonly #apply: HTMLButtonElement;
  #presets = keptPresets();

  constructor(options: PresetBarOptions) {
    this.#options = options;
    this.#apply = button('Apply', () => void this.#use());
    this.#delete = button('Delete', () => this.#remove());
    this.#export = button('Export', () => this.#write());
    this.#file.addEventListener('change', () => void this.#read());
    this.#name.addEventListener('keydown', (event) => {
      if (event.key === 'Enter') void this.#save();
    });
    this.element = make(
      'details',
      { class: 'presets', part: 'presets' },
      make('summary', {}, 'Presets'),
      make('div', { class: 'preset-row' }, this.#choice, this.#apply, this.#delete),
      make(
        'div',
        { class: 'preset-row' },
        this.#name,
        button('Save', () => void this.#save()),
      ),
      make(
        'div',
        { class: 'preset-row' },
        this.#export,
        button('Import', () => this.#file.click()),
        this.#file,
      ),
    );
    this.#show('');
    // Another player or window of this browser may have changed them.
    this.element.addEventListener('toggle', () => {
      this.#presets = keptPresets();
      this.#show(this.#choice.value);
    });
  }

  #show(chosen: string): void {
    const names = this.#presets.map(({ name }) => make('option', { value: name }, name));
    this.#choice.replaceChildren(...(names.length ? names : [make('option', { value: '' }, 'none saved yet')]));
    if (this.#presets.some(({ name }) => name === chosen)) this.#choice.value = chosen;
    for (const element of [this.#choice, this.#apply, this.#delete, this.#export]) element.disabled = names.length === 0;
  }

  #keep(presets: Preset[], chosen: string, said: string): void {
    this.#presets = presets;
    const kept = keepPresets(presets);
    this.#show(chosen);
    this.#options.tell(kept ? said : `${said} This browser keeps nothing: export them before you leave.`);
  }

  async #use(): Promise<void> {
    const preset = this.#presets.find(({ name }) => name === this.#choice.value);
    if (!preset) return;
    const problem = await this.#options.apply(preset);
    this.#options.tell(problem || `Preset “${preset.name}” is in use.`);
  }

  async #save(): Promise<void> {
    const name = this.#name.value.trim() || this.#choice.value;
    if (!name) {
      this.#options.tell('Give the preset a name first.');
      this.#name.focus();
      return;
    }
    const preset = await this.#options.read(name);
    const replaced = this.#presets.some((each) => each.name === name);
    this.#name.value = '';
    this.#keep(withPresets(this.#presets, [preset]), name, `Preset “${name}” ${replaced ? 'replaced' : 'saved'}.`);
  }

  #remove(): void {
    const name = this.#choice.value;
    const rest = this.#presets.filter((each) => each.name !== name);
    this.#keep(rest, '', `Preset “${name}” deleted.`);
  }

  #write(): void {
    download(new Blob([writePresets(this.#presets)], { type: 'application/json' }), 'sluice-presets.json');
    this.#options.tell('Saved sluice-presets.json.');
  }

  async #read(): Promise<void> {
    const file = this.#file.files?.[0];
    if (!file) return;
    try {
      const presets = parsePresets(await file.text());
      const count = `${presets.length} ${presets.length === 1 ? 'preset' : 'presets'}`;
      this.#keep(withPresets(this.#presets, presets), presets[0]?.name ?? '', `${count} imported from ${file.name}.`);
    } catch (error) {
      this.#options.tell(`${file.name} was not imported: ${error instanceof Error ? error.message : String(error)}.`);
    } finally {
      // The same file again is a choice too.
      this.#file.value = '';
    }
  }
}
