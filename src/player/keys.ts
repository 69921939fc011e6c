// The keys of the player, and the help that lists them.
import { make } from './dom.ts';

export interface KeyRow {
  /** Values of `event.key`; letters in lower case stand for both. Arrows with Shift are `Shift+ArrowLeft`. */
  readonly keys: readonly string[];
  /** What the help says; rows without it are not listed. */
  readonly help?: readonly [keys: string, what: string];
  /** Returns false where the key means nothing now. */
  readonly run: (key: string) => unknown;
}

export class Keys {
  /** The help, closed. */
  readonly help: HTMLElement;
  readonly #rows: readonly KeyRow[];
  readonly #onClose: () => void;

  constructor(rows: readonly KeyRow[], onClose: () => void) {
    this.#rows = rows;
    this.#onClose = onClose;
    const close = make('button', { type: 'button', class: 'close', part: 'button' }, 'Close');
    close.addEventListener('click', () => this.toggleHelp());
    const list = make('dl');
    for (const { help } of rows) if (help) list.append(make('dt', {}, make('kbd', {}, help[0])), make('dd', {}, help[1]));
    this.help = make('div', { class: 'help', part: 'help', role: 'dialog', 'aria-label': 'Keys', hidden: '' }, list, close);
  }

  toggleHelp(): void {
    this.help.hidden = !this.help.hidden;
    if (this.help.hidden) this.#onClose();
    else this.help.querySelector('button')?.focus();
  }

  /** Does what the key means. */
  onKey(event: KeyboardEvent): void {
    // On many keyboards brackets are made with AltGr.
    const plain = event.getModifierState('AltGraph') || !(event.ctrlKey || event.metaKey || event.altKey);
    if (event.defaultPrevented || !plain) return;
    const target = event.composedPath()[0];
    if (target instanceof HTMLInputElement || target instanceof HTMLSelectElement || target instanceof HTMLTextAreaElement) return;
    if (target instanceof HTMLButtonElement && (event.key === ' ' || event.key === 'Enter')) return;
    if (target instanceof HTMLAnchorElement && event.key === 'Enter') return;
    const plainKey = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const key = event.shiftKey && event.key.startsWith('Arrow') ? `Shift+${event.key}` : plainKey;
    const row = this.#rows.find(({ keys }) => keys.includes(key));
    if (!row || row.run(key) === false) return;
    event.preventDefault();
  }
}
