// One line of figures over the picture, for as long as somebody wants it: latency first, in colour and by the shape of its sign.
import { bitrateText, lengthText } from './clock-text.ts';
import { make } from './dom.ts';
import { fpsText, gradeOf, latencyText, NOT_KNOWN, viewersText } from './figure-text.ts';
import type { Player } from './player.ts';
import type { Stage } from './stage.ts';

const UPDATE_MS = 500;
const STORE = 'sluice-player-hud';

export class Hud {
  readonly element = make('div', { class: 'hud', part: 'hud', role: 'group', 'aria-label': 'Figures of the picture', hidden: '' });
  readonly #p50 = make('b');
  readonly #p95 = make('span');
  readonly #rest = ['rate', 'bits', 'size', 'way', 'viewers'].map((name) => make('span', { class: `hud-${name}` }));
  readonly #stage: Stage;
  #player: Player | null = null;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(stage: Stage) {
    this.#stage = stage;
    this.element.append(this.#p50, this.#p95, ...this.#rest);
  }

  get visible(): boolean {
    return !this.element.hidden;
  }

  show(visible: boolean): void {
    this.element.hidden = !visible;
    this.#run();
  }

  /** Follows this player; `null` ends it. */
  attach(player: Player | null): void {
    this.#player = player;
    this.#run();
  }

  /** The line as text: for screen readers, on demand. */
  get text(): string {
    return [...this.element.children].map((child) => child.textContent).join(', ');
  }

  #run(): void {
    clearInterval(this.#timer);
    if (!this.#player || !this.visible) return;
    this.#update();
    this.#timer = setInterval(() => {
      if (!document.hidden) this.#update();
    }, UPDATE_MS);
  }

  #update(): void {
    const player = this.#player!;
    const stats = player.stats();
    const { live, behindMs } = player;
    const latency = live ? stats?.latency : null;
    setGraded(this.#p50, latency?.p50 ?? null, 'p50');
    setGraded(this.#p95, latency?.p95 ?? null, 'p95');
    if (!latency) {
      set(this.#p50, live || behindMs === null ? `latency ${NOT_KNOWN}` : `${lengthText(behindMs)} behind live`);
      set(this.#p95, '');
    }
    const size = this.#stage.size();
    const jpeg = stats?.quality?.jpeg;
    const rung = stats?.quality?.rung;
    const texts = [
      fpsText(stats?.fps ?? null),
      stats?.bitrate == null ? '' : bitrateText(stats.bitrate),
      size ? `${size.width}×${size.height}${jpeg ? ` q${jpeg}` : ''}${rung ? ` rung ${rung.number}/${rung.of}` : ''}` : '',
      // `JPEG over WebSocket`: the line is short.
      stats?.transport.split(' over ')[0] ?? '',
      viewersText(stats?.viewers ?? null),
    ];
    for (const [i, text] of texts.entries()) set(this.#rest[i]!, text);
  }
}

/** Whether this viewer wants the line in every player. */
export function hudRemembered(): boolean {
  try {
    return localStorage.getItem(STORE) === '1';
  } catch {
    return false;
  }
}

export function rememberHud(on: boolean): void {
  try {
    if (on) localStorage.setItem(STORE, '1');
    else localStorage.removeItem(STORE);
  } catch {
    // Private windows may have no store.
  }
}

/** A latency with its sign and colour: `● 23 ms p50`. */
export function setGraded(element: HTMLElement, ms: number | null, name: string): void {
  const grade = ms === null ? null : gradeOf(ms);
  if (element.dataset.grade !== (grade?.name ?? '')) element.dataset.grade = grade?.name ?? '';
  if (grade && ms !== null) {
    set(element, `${grade.sign} ${latencyText(ms)} ${name}`);
    if (element.title !== grade.name) element.title = grade.name;
  }
}

function set(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}
