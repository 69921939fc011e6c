// Choosing a span of the stream and saving it: in and out at shown frames by key, or by the ends on the bar; then the video, and its
// markers and metrics as tables.
import { lengthText, timeText, zoneOffset } from './clock-text.ts';
import { make } from './dom.ts';
import type { Player } from './player.ts';
import { framesAround } from './timeline-lookup.ts';
import type { ShownFrame } from './transport.ts';

export interface ClipOptions {
  readonly player: () => Player | undefined;
  readonly tell: (text: string) => void;
  readonly onError: (error: unknown) => void;
  /** In or out is another one, or the mode was left. */
  readonly onChange: () => void;
}

export type ClipEnd = 'in' | 'out';

/** The chosen span. */
export interface ClipSpan {
  readonly in: ShownFrame;
  readonly out: ShownFrame;
}

const FIRST_US = 5_000_000;
const NEAR_US = 2_000_000;

const FILES = [
  ['clip.mp4', 'Save clip', 'The video without encoding it again'],
  ['clip.zip', 'ZIP', 'The video with the markers, metrics and data of this span'],
  ['markers.csv', 'markers.csv', 'Markers of this span'],
  ['metrics.csv', 'metrics.csv', 'Metrics of this span'],
  ['timeline.json', 'JSON', 'Frames, segments, gaps of this span'],
] as const;

export class Clip {
  readonly element: HTMLElement;
  readonly #options: ClipOptions;
  readonly #text = make('span', { class: 'clip-text', 'aria-live': 'polite' });
  readonly #links = make('span', { class: 'clip-links' });
  #span: ClipSpan | null = null;

  constructor(options: ClipOptions) {
    this.#options = options;
    const setIn = make('button', { type: 'button', class: 'close', part: 'button', title: 'The clip begins at the shown frame (I)' }, 'In');
    const setOut = make('button', { type: 'button', class: 'close', part: 'button', title: 'The clip ends at the shown frame (O)' }, 'Out');
    const leave = make('button', { type: 'button', part: 'button', 'aria-label': 'Leave the clip mode', title: 'Leave (C)' }, '✕');
    setIn.addEventListener('click', () => this.setAtShown('in'));
    setOut.addEventListener('click', () => this.setAtShown('out'));
    leave.addEventListener('click', () => this.leave());
    this.element = make(
      'div',
      { class: 'row clip', part: 'clip', role: 'group', 'aria-label': 'Clip', hidden: '' },
      setIn,
      setOut,
      this.#text,
      make('span', { class: 'space' }),
      this.#links,
      leave,
    );
  }

  get active(): boolean {
    return !this.element.hidden;
  }

  get span(): ClipSpan | null {
    return this.active ? this.#span : null;
  }

  /** In or out of the mode. It begins with the last seconds before the shown frame. */
  toggle(): void {
    if (this.active) this.leave();
    else void this.#enter();
  }

  leave(): void {
    if (!this.active) return;
    this.element.hidden = true;
    this.#span = null;
    this.#options.onChange();
  }

  /** Puts an end where the picture is; begins the mode if need be. */
  setAtShown(end: ClipEnd): void {
    const frame = this.#options.player()?.shownFrame;
    if (!frame) return;
    if (this.active) this.set(end, frame);
    else void this.#enter().then(() => this.set(end, frame));
  }

  /** Puts an end at a frame; the other end gives way. */
  set(end: ClipEnd, frame: ShownFrame): void {
    const span = this.#span;
    if (!span) return;
    const next = { ...span, [end]: frame };
    if (next.in.timestamp > next.out.timestamp) next[end === 'in' ? 'out' : 'in'] = frame;
    this.#span = next;
    this.#write();
  }

  async #enter(): Promise<void> {
    const player = this.#options.player();
    const out = player?.shownFrame;
    const range = player?.range();
    if (!player || !out || !range) {
      this.#options.tell('There is nothing to cut: this stream keeps nothing to go back to.');
      return;
    }
    this.#span = { in: out, out };
    this.element.hidden = false;
    this.#write();
    void this.#offer(player);
    try {
      const from = Math.max(range.start, out.timestamp - FIRST_US);
      const near = { start: from - NEAR_US, end: from + NEAR_US };
      const rows = (await framesAround(player.address, near, AbortSignal.timeout(5000))).filter((row) => !row.repeat);
      const row = rows.find(({ timestamp }) => timestamp >= from) ?? rows.at(-1);
      // Somebody may have set an end meanwhile.
      if (row && this.#span?.in === out && row.timestamp <= out.timestamp) this.set('in', { id: row.id, timestamp: row.timestamp });
    } catch (error) {
      this.#options.onError(error);
    }
  }

  #write(): void {
    const span = this.#span;
    const player = this.#options.player();
    if (!span || !player) return;
    const time = (frame: ShownFrame) => timeText(frame.timestamp, zoneOffset(frame.timestamp)).slice(0, 12);
    const length = lengthText((span.out.timestamp - span.in.timestamp) / 1000);
    this.#text.textContent = `${length}: frames ${span.in.id} to ${span.out.id}`;
    this.#text.title = `${time(span.in)} to ${time(span.out)}`;
    for (const link of this.#links.querySelectorAll('a')) {
      const file = link.dataset.file!;
      const query = file.startsWith('clip.')
        ? { startFrame: span.in.id, endFrame: span.out.id }
        : { start: span.in.timestamp, end: span.out.timestamp };
      link.href = player.address.live(file, query);
    }
    this.#options.onChange();
  }

  /** Offers what this server can give: older ones have no clips. */
  async #offer(player: Player): Promise<void> {
    if (this.#links.childElementCount) return;
    const paths = await fetch(player.address.root('openapi.json'), { signal: AbortSignal.timeout(5000) })
      .then(async (answer) => (answer.ok ? ((await answer.json()) as { paths?: object }).paths : null))
      .catch(() => null);
    const known = new Set(Object.keys(paths ?? {}).map((path) => path.split('/').at(-1)));
    if (this.#links.childElementCount) return;
    for (const [file, words, title] of FILES) {
      if (!known.has(file)) continue;
      const primary = file === 'clip.mp4';
      const link = make('a', { class: primary ? 'close primary' : 'close', part: 'button', download: '', title, 'data-file': file }, words);
      this.#links.append(link);
    }
    this.#write();
  }
}
