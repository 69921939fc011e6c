// The connection doctor as a dialog over the page: what was tried, what failed, and which line of the configuration mends it.
import type { StreamAddress } from '../address.ts';
import type { Attempt } from '../attempts.ts';
import { make } from '../dom.ts';
import { CHECKS, runChecks } from './checks.ts';
import { attemptText, type CheckedRow, reportText, summary, VERDICTS } from './finding.ts';

export interface DoctorSubject {
  readonly address: StreamAddress;
  /** What the player has tried, oldest first. */
  readonly attempts: readonly Attempt[];
}

export class DoctorPanel {
  readonly element = make('dialog', { class: 'doctor', part: 'doctor', 'aria-labelledby': 'doctor-title' });
  readonly #summary = make('p', { class: 'doctor-summary' });
  /** What screen readers say: the beginning and the end, not every step. */
  readonly #spoken = make('div', { class: 'unseen', 'aria-live': 'polite' });
  readonly #list = make('ol', { class: 'doctor-rows' });
  readonly #tried = make('div', { class: 'doctor-tried' });
  readonly #text = make('textarea', { readonly: '', 'aria-label': 'Report as text', rows: '6', hidden: '' });
  readonly #again = button('Run again', () => void this.#run());
  readonly #copy = button('Copy as text', () => void this.#copyText());
  #subject: DoctorSubject | null = null;
  #rows: readonly CheckedRow[] = [];
  #abort = new AbortController();

  constructor() {
    const close = button('Close', () => this.element.close());
    close.autofocus = true;
    this.element.append(
      make('h2', { id: 'doctor-title' }, 'Connection doctor'),
      this.#summary,
      this.#spoken,
      this.#list,
      this.#tried,
      this.#text,
      make('div', { class: 'row' }, this.#copy, this.#again, make('span', { class: 'space' }), close),
    );
    this.element.addEventListener('close', () => this.#abort.abort());
    // Keys mean nothing to the player meanwhile.
    this.element.addEventListener('keydown', (event) => event.stopPropagation());
    for (const name of ['click', 'dblclick', 'pointerdown'] as const)
      this.element.addEventListener(name, (event) => event.stopPropagation());
  }

  /** Opens the dialog and begins to check. */
  open(subject: DoctorSubject): void {
    this.#subject = subject;
    if (!this.element.open) this.element.showModal();
    void this.#run();
  }

  close(): void {
    this.#abort.abort();
    this.element.close();
  }

  async #run(): Promise<void> {
    const subject = this.#subject;
    if (!subject) return;
    this.#abort.abort();
    this.#abort = new AbortController();
    this.#text.hidden = this.#again.disabled = this.#copy.disabled = true;
    this.#showTried(subject.attempts);
    this.#spoken.textContent = 'Checking the connection.';
    const { signal } = this.#abort;
    await runChecks(CHECKS, { address: subject.address, facts: {} }, (rows) => this.#show(rows), signal);
    if (signal.aborted) return;
    this.#again.disabled = this.#copy.disabled = false;
    this.#spoken.textContent = summary(this.#rows);
  }

  #show(rows: readonly CheckedRow[]): void {
    this.#rows = rows;
    this.#summary.textContent = summary(rows);
    const next = rows.find(({ finding }) => !finding);
    this.#list.replaceChildren(...rows.map((row) => rowOf(row, row === next)));
  }

  #showTried(attempts: readonly Attempt[]): void {
    this.#tried.replaceChildren();
    if (!attempts.length) return;
    const items = attempts.slice(-8).map((attempt) => make('li', {}, attemptText(attempt)));
    this.#tried.append(make('h3', {}, 'Tried by the player'), make('ul', {}, ...items));
  }

  #tell(text: string): void {
    this.#summary.textContent = this.#spoken.textContent = text;
  }

  async #copyText(): Promise<void> {
    const { address, attempts } = this.#subject!;
    // Without its query: that may hold a token.
    const page = `${location.origin}${location.pathname}`;
    const text = reportText(address, this.#rows, attempts, { page, browser: navigator.userAgent, now: new Date() });
    try {
      await navigator.clipboard.writeText(text);
      this.#tell('The report is copied.');
    } catch {
      // Not allowed, or plain http from another machine: to be copied by hand.
      this.#text.value = text;
      this.#text.hidden = false;
      this.#text.select();
      this.#tell('This browser does not let the page copy: the report is below, selected.');
    }
  }
}

function rowOf({ id, label, finding }: CheckedRow, running: boolean): HTMLLIElement {
  const { sign, word } = finding ? VERDICTS[finding.verdict] : { sign: '…', word: running ? 'being tried' : 'waits' };
  const body = make('div', {}, make('strong', {}, label), make('span', { class: 'doctor-word' }, word));
  const row = make(
    'li',
    { 'data-check': id, 'data-verdict': finding?.verdict ?? (running ? 'running' : 'waiting') },
    make('span', { class: 'doctor-sign', 'aria-hidden': 'true' }, sign),
    body,
  );
  if (finding) body.append(make('p', {}, finding.text));
  if (finding?.fix) {
    body.append(make('p', {}, finding.fix.text));
    if (finding.fix.lines.length) body.append(make('pre', { tabindex: '0', 'aria-label': 'Lines to add' }, finding.fix.lines.join('\n')));
  }
  return row;
}

function button(text: string, onClick: () => void): HTMLButtonElement {
  const element = make('button', { type: 'button', class: 'close', part: 'button' }, text);
  element.addEventListener('click', onClick);
  return element;
}
