// Buttons, keys and the time bar over the picture.
import type { Marker } from '../api/timeline.ts';
import { dateText, lengthText, timeText, zoneOffset, zoneText } from './clock-text.ts';
import { icon, make } from './dom.ts';
import { markerText } from './marker-look.ts';
import type { Player } from './player.ts';
import type { PlayerTimeline } from './player-timeline.ts';
import { Scrubber } from './scrubber.ts';
import type { Stage } from './stage.ts';
import { StatsOverlay } from './stats-overlay.ts';
import { TimelineBar } from './timeline-bar.ts';

const UPDATE_MS = 250;
const HIDE_MS = 3000;
const JUMP_US = 5_000_000;

const ICONS = {
  play: 'M8 5v14l11-7z',
  pause: 'M6 5h4v14H6zM14 5h4v14h-4z',
  back: 'M5 5h3v14H5zM19 5v14l-9-7z',
  forward: 'M16 5h3v14h-3zM5 5v14l9-7z',
  link: 'M3.9 12a3.1 3.1 0 0 1 3.1-3.1h4V7H7a5 5 0 0 0 0 10h4v-1.9H7A3.1 3.1 0 0 1 3.9 12zM8 13h8v-2H8zm9-6h-4v1.9h4a3.1 3.1 0 0 1 0 6.2h-4V17h4a5 5 0 0 0 0-10z',
  stats: 'M4 20V10h3v10zM10.5 20V4h3v16zM17 20v-7h3v7z',
  help: 'M11 18h2v2h-2zM12 4a5 5 0 0 0-5 5h2a3 3 0 1 1 4.5 2.6C12 12.5 11 13.5 11 16h2c0-1.5.7-2 1.7-2.7A5 5 0 0 0 12 4z',
  full: 'M5 14H3v7h7v-2H5zM3 10h2V5h5V3H3zM19 19h-5v2h7v-7h-2zM14 3v2h5v5h2V3z',
} as const;

const KEYS: readonly (readonly [string, string])[] = [
  ['Space', 'play, pause'],
  ['← →', '5 seconds back, forward'],
  [', .', 'one frame back, forward'],
  ['[ ]', 'marker before, marker after'],
  ['L', 'live'],
  ['F', 'full screen'],
  ['S', 'statistics'],
  ['?', 'this help'],
];

export interface ControlsOptions {
  readonly host: HTMLElement;
  readonly stage: Stage;
  /** The player of the moment; changes with the stream. */
  readonly player: () => Player | undefined;
  /** What belongs to its pictures. */
  readonly timeline: () => PlayerTimeline | undefined;
  readonly tell: (text: string) => void;
  /** For screen readers alone. */
  readonly say: (text: string) => void;
}

export class Controls {
  readonly elements: readonly HTMLElement[];
  readonly #options: ControlsOptions;
  readonly #stats = new StatsOverlay();
  readonly #play = button('play', 'Play (space)');
  readonly #live = make(
    'button',
    { type: 'button', class: 'live', part: 'button live-button' },
    make('span', { class: 'dot' }),
    make('span', {}, 'Live'),
  );
  readonly #clock = make('time', { class: 'clock', part: 'clock' });
  readonly #help: HTMLElement;
  readonly #bar: HTMLElement;
  readonly #timeline: TimelineBar;
  readonly #backButtons: readonly HTMLButtonElement[];
  #timer: ReturnType<typeof setInterval> | undefined;
  #hideTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #scrubber = new Scrubber({
    player: () => this.#player,
    onError: (error) => this.#complain(error),
    onDone: () => this.update(),
  });

  constructor(options: ControlsOptions) {
    this.#options = options;
    this.#timeline = new TimelineBar({
      scrub: (timestamp) => this.#scrubber.to(timestamp),
      commit: (timestamp, end) => this.#scrubber.commit(timestamp, end),
      choose: (marker) => this.#goTo(marker),
    });
    const back = button('back', 'One frame back (,)');
    const forward = button('forward', 'One frame forward (.)');
    this.#backButtons = [back, forward];
    const link = button('link', 'Copy link to this frame');
    const stats = button('stats', 'Statistics (S)');
    const help = button('help', 'Keys (?)');
    const full = button('full', 'Full screen (F)');
    this.#play.addEventListener('click', () => this.#toggle());
    this.#live.addEventListener('click', () => this.#player?.liveEdge());
    back.addEventListener('click', () => this.#step(-1));
    forward.addEventListener('click', () => this.#step(1));
    link.addEventListener('click', () => void this.#copyLink());
    stats.addEventListener('click', () => this.#stats.toggle());
    help.addEventListener('click', () => this.#toggleHelp());
    full.addEventListener('click', () => this.fullScreen());
    this.#bar = make(
      'div',
      { class: 'controls', part: 'controls', role: 'group', 'aria-label': 'Player controls' },
      this.#timeline.element,
      make(
        'div',
        { class: 'row' },
        this.#play,
        back,
        forward,
        this.#live,
        this.#clock,
        make('span', { class: 'space' }),
        link,
        stats,
        help,
        full,
      ),
    );
    const close = make('button', { type: 'button', class: 'close', part: 'button' }, 'Close');
    close.addEventListener('click', () => this.#toggleHelp());
    const list = make('dl');
    for (const [keys, what] of KEYS) list.append(make('dt', {}, make('kbd', {}, keys)), make('dd', {}, what));
    this.#help = make('div', { class: 'help', part: 'help', role: 'dialog', 'aria-label': 'Keys', hidden: '' }, list, close);
    this.elements = [this.#stats.element, this.#help, this.#bar];
    for (const element of this.elements) element.classList.add('chrome');
  }

  /** Begins to work on the host: keys, hiding, updates. Returns how to stop. */
  attach(): () => void {
    const { host } = this.#options;
    const abort = new AbortController();
    const { signal } = abort;
    host.addEventListener('keydown', (event) => this.#onKey(event), { signal });
    host.addEventListener('pointermove', () => this.wake(), { signal });
    host.addEventListener('pointerdown', () => this.wake(), { signal });
    host.addEventListener('focusin', () => this.wake(), { signal });
    host.addEventListener('pointerleave', () => this.#sleep(), { signal });
    this.#timer = setInterval(() => this.update(), UPDATE_MS);
    this.wake();
    this.update();
    return () => {
      abort.abort();
      clearInterval(this.#timer);
      clearTimeout(this.#hideTimer);
    };
  }

  get #player(): Player | undefined {
    return this.#options.player();
  }

  /** Shows the controls for a while. */
  wake(): void {
    this.#bar.classList.remove('away');
    this.#options.stage.element.classList.remove('quiet');
    clearTimeout(this.#hideTimer);
    this.#hideTimer = setTimeout(() => this.#sleep(), HIDE_MS);
  }

  #sleep(): void {
    const focused = this.#bar.querySelector(':focus-visible') !== null;
    if (!this.#player || this.#player.paused || this.#player.state !== 'playing' || focused || this.#scrubber.active || !this.#help.hidden)
      return;
    this.#bar.classList.add('away');
    this.#options.stage.element.classList.add('quiet');
  }

  /** Brings buttons, clock, bar and statistics up to date. */
  update(): void {
    const player = this.#player;
    if (!player) return;
    this.#stats.update(player, this.#options.stage);
    if (player.paused || player.state !== 'playing') this.#bar.classList.remove('away');
    if (this.#bar.classList.contains('away')) return;
    setIcon(this.#play, player.paused ? 'play' : 'pause', player.paused ? 'Play (space)' : 'Pause (space)');
    const range = player.range();
    const shown = player.shownFrame;
    const { live, behindMs } = player;
    this.#live.classList.toggle('on', live);
    const text = live ? 'Live' : behindMs === null ? 'Go live' : `−${lengthText(behindMs)}`;
    const label = this.#live.lastElementChild!;
    if (label.textContent !== text) label.textContent = text;
    const behind = behindMs === null ? '' : `, ${lengthText(behindMs)} behind`;
    const name = live ? `Live${behind}` : `Go to the live edge (L)${behind}`;
    if (this.#live.title !== name) {
      this.#live.title = name;
      this.#live.setAttribute('aria-label', name);
    }
    for (const element of this.#backButtons) element.disabled = !shown;
    if (shown) {
      const offset = zoneOffset(shown.timestamp);
      this.#clock.textContent = `${timeText(shown.timestamp, offset).slice(0, 10)} ${zoneText(offset)}`;
      this.#clock.title = `${dateText(shown.timestamp, offset)} ${timeText(shown.timestamp, offset)} ${zoneText(offset)}, frame ${shown.id}`;
      this.#clock.dateTime = new Date(shown.timestamp / 1000).toISOString();
    }
    const timeline = this.#options.timeline();
    this.#timeline.show(
      range && {
        ...range,
        position: shown?.timestamp ?? null,
        live,
        markers: timeline?.markers.list ?? [],
        gaps: timeline?.gaps ?? [],
        here: timeline?.atShown() ?? [],
      },
    );
  }

  #toggle(): void {
    const player = this.#player;
    if (!player) return;
    if (player.paused) player.play();
    else player.pause();
    this.update();
  }

  #step(step: 1 | -1): void {
    this.#player?.step(step).catch((error: unknown) => this.#complain(error));
  }

  #jump(by: number): void {
    const player = this.#player;
    const shown = player?.shownFrame;
    if (!player || !shown) return;
    const target = shown.timestamp + by;
    this.#scrubber.commit(target, by > 0 && (player.live || target >= (player.range()?.end ?? 0)));
  }

  /** Goes to exactly the frame of a marker. */
  #goTo(marker: Marker): void {
    const player = this.#player;
    if (!player) return;
    this.#scrubber.cancel();
    const seek = marker.frame === null ? player.seekTime(marker.timestamp) : player.seekFrame(marker.frame);
    seek.then(
      () => this.update(),
      (error: unknown) => this.#complain(error),
    );
  }

  #jumpToMarker(step: 1 | -1): void {
    const marker = this.#options.timeline()?.neighbour(step);
    if (!marker) {
      this.#options.tell(step === 1 ? 'There is no marker after this frame.' : 'There is no marker before this frame in what is kept.');
      return;
    }
    this.#goTo(marker);
    this.#options.say(markerText(marker));
    this.#timeline.point(marker);
  }

  #complain(error: unknown): void {
    if (error instanceof DOMException && error.name === 'AbortError') return;
    this.#options.tell(error instanceof Error ? error.message : 'That did not work.');
  }

  async #copyLink(): Promise<void> {
    const shown = this.#player?.shownFrame;
    if (!shown) {
      this.#options.tell('There is no frame on the screen yet.');
      return;
    }
    const url = new URL(location.href);
    url.searchParams.set('frame', String(shown.id));
    // A link is passed on: it must not open the server to others, nor name a second moment.
    for (const name of ['t', 'token']) url.searchParams.delete(name);
    try {
      await navigator.clipboard.writeText(url.href);
      this.#options.tell(`Link to frame ${shown.id} copied.`);
    } catch {
      // Not allowed, or plain http from another machine.
      this.#options.tell(url.href);
    }
  }

  #toggleHelp(): void {
    this.#help.hidden = !this.#help.hidden;
    if (this.#help.hidden) this.#options.host.focus();
    else this.#help.querySelector('button')?.focus();
  }

  /** Into full screen, or out of it. */
  fullScreen(): void {
    const { host, stage } = this.#options;
    if (document.fullscreenElement) {
      void document.exitFullscreen();
      return;
    }
    if ('requestFullscreen' in host) {
      host.requestFullscreen().catch(() => this.#options.tell('This page does not allow full screen.'));
      return;
    }
    // iPhone: only the video itself.
    (stage.picture as { webkitEnterFullscreen?(): void } | undefined)?.webkitEnterFullscreen?.();
  }

  #onKey(event: KeyboardEvent): void {
    // On many keyboards brackets are made with AltGr.
    const plain = event.getModifierState('AltGraph') || !(event.ctrlKey || event.metaKey || event.altKey);
    if (event.defaultPrevented || !plain) return;
    this.wake();
    const target = event.composedPath()[0];
    if (target instanceof HTMLButtonElement && (event.key === ' ' || event.key === 'Enter')) return;
    if (!this.#runKey(event.key)) return;
    event.preventDefault();
  }

  #runKey(key: string): boolean {
    switch (key) {
      case ' ':
      case 'k':
        this.#toggle();
        return true;
      case 'ArrowLeft':
        this.#jump(-JUMP_US);
        return true;
      case 'ArrowRight':
        this.#jump(JUMP_US);
        return true;
      case ',':
        this.#step(-1);
        return true;
      case '.':
        this.#step(1);
        return true;
      case '[':
        this.#jumpToMarker(-1);
        return true;
      case ']':
        this.#jumpToMarker(1);
        return true;
      case 'l':
      case 'L':
        this.#player?.liveEdge();
        return true;
      case 'f':
      case 'F':
        this.fullScreen();
        return true;
      case 's':
      case 'S':
        this.#stats.toggle();
        return true;
      case '?':
        this.#toggleHelp();
        return true;
      case 'Escape':
        if (this.#help.hidden) return false;
        this.#toggleHelp();
        return true;
      default:
        return false;
    }
  }
}

function button(name: keyof typeof ICONS, label: string): HTMLButtonElement {
  const element = make('button', { type: 'button', part: `button ${name}-button` });
  setIcon(element, name, label);
  return element;
}

function setIcon(element: HTMLButtonElement, name: keyof typeof ICONS, label: string): void {
  if (element.title === label) return;
  element.title = label;
  element.setAttribute('aria-label', label);
  element.replaceChildren(icon(ICONS[name]));
}
