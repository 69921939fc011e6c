// Buttons, keys and the time bar over the picture.
import { Clip } from './clip.ts';
import { ClipHandles } from './clip-handles.ts';
import { dateText, lengthText, timeText, zoneOffset, zoneText } from './clock-text.ts';
import type { DeepView } from './deep-view.ts';
import { make } from './dom.ts';
import { copyFrameLink } from './frame-link.ts';
import { iconButton, setIcon } from './icons.ts';
import { type KeyRow, Keys } from './keys.ts';
import { MarkerActions } from './marker-actions.ts';
import type { Overlay } from './overlay.ts';
import type { Player } from './player.ts';
import type { PlayerTimeline } from './player-timeline.ts';
import { QualityChoice } from './quality-choice.ts';
import { Scrubber } from './scrubber.ts';
import { SoundControls } from './sound-controls.ts';
import type { Stage } from './stage.ts';
import type { StageZoom } from './stage-zoom.ts';
import { StatsOverlay } from './stats-overlay.ts';
import { TimelineBar } from './timeline-bar.ts';

const UPDATE_MS = 250;
const HIDE_MS = 3000;
const JUMP_US = 5_000_000;
/** Parts of the box that the magnified picture moves by. */
const PANS: Readonly<Record<string, readonly [number, number]>> = {
  'Shift+ArrowLeft': [0.1, 0],
  'Shift+ArrowRight': [-0.1, 0],
  'Shift+ArrowUp': [0, 0.1],
  'Shift+ArrowDown': [0, -0.1],
};

export interface ControlsOptions {
  readonly host: HTMLElement;
  readonly stage: Stage;
  readonly overlay: Overlay;
  /** The player of the moment; changes with the stream. */
  readonly player: () => Player | undefined;
  /** What belongs to its pictures. */
  readonly timeline: () => PlayerTimeline | undefined;
  /** Levels, of pictures with all their values. */
  readonly deep: () => DeepView | null;
  /** Of pictures that can be measured or are linked to others. */
  readonly zoom: () => StageZoom | null;
  /** Saves the shown frame as a file. */
  readonly save: (type: 'png' | 'tiff') => void;
  readonly tell: (text: string) => void;
  /** For screen readers alone. */
  readonly say: (text: string) => void;
  /** Switches the line of figures on or off. */
  readonly toggleHud: () => void;
  readonly openDoctor: () => void;
  /** Sound on or off and its volume, 0 to 1. */
  readonly setSound: (muted: boolean, volume: number) => void;
}

export class Controls {
  readonly elements: readonly HTMLElement[];
  readonly #options: ControlsOptions;
  readonly #stats: StatsOverlay;
  readonly #quality: QualityChoice;
  readonly #play = iconButton('play', 'Play (space)', () => this.#toggle());
  readonly #live = make(
    'button',
    { type: 'button', class: 'live', part: 'button live-button' },
    make('span', { class: 'dot' }),
    make('span', {}, 'Live'),
  );
  readonly #clock = make('time', { class: 'clock', part: 'clock' });
  readonly #bar: HTMLElement;
  readonly #keys: Keys;
  readonly #timeline: TimelineBar;
  readonly #handles: ClipHandles;
  readonly #markers: MarkerActions;
  readonly #clip: Clip;
  readonly #mark = iconButton('mark', 'Add a marker at this frame (N)', () => this.#markers.add(false));
  readonly #scissors = iconButton('scissors', 'Cut a clip (C)', () => this.#clip.toggle());
  readonly #values = iconButton('values', 'Values of the shown frame (V)', () => this.#toggleOverlay('values'));
  readonly #levels = iconButton('levels', 'Levels (W)', () => this.#toggleLevels());
  readonly #sound: SoundControls;
  readonly #frameButtons: readonly HTMLButtonElement[];
  readonly #scrubber = new Scrubber({
    player: () => this.#player,
    onError: (error) => this.#complain(error),
    onDone: () => this.update(),
  });
  #timer: ReturnType<typeof setInterval> | undefined;
  #hideTimer: ReturnType<typeof setTimeout> | undefined;
  /** Whether any of the player is in the window. */
  #inView = true;
  /** Whose controls these are now. */
  #of: Player | undefined;

  constructor(options: ControlsOptions) {
    this.#options = options;
    const doctor = make('button', { type: 'button', class: 'close', part: 'button doctor-button' }, 'Connection doctor (D)');
    doctor.addEventListener('click', options.openDoctor);
    this.#sound = new SoundControls({ ...options, set: options.setSound });
    this.#quality = new QualityChoice(options.host);
    this.#stats = new StatsOverlay(this.#quality.element, doctor);
    this.#timeline = new TimelineBar({
      scrub: (timestamp) => this.#scrubber.to(timestamp),
      commit: (timestamp, end) => this.#scrubber.commit(timestamp, end),
      choose: (marker) => this.#markers.goTo(marker),
    });
    this.#clip = new Clip({
      player: options.player,
      tell: options.tell,
      onError: (error) => this.#complain(error),
      onChange: () => this.update(),
    });
    this.#handles = new ClipHandles({
      hold: () => this.#timeline.hold(),
      scrub: (timestamp) => this.#scrubber.to(timestamp),
      settle: (end, timestamp) => this.#moveEnd(end, () => this.#scrubber.settle(timestamp)),
      step: (end, step) => this.#moveEnd(end, (player, from) => player.seekFrame(from).then(() => player.step(step))),
    });
    this.#markers = new MarkerActions({
      ...options,
      point: (marker) => this.#timeline.point(marker),
      leave: () => this.#scrubber.cancel(),
      onDone: () => this.update(),
      onError: (error) => this.#complain(error),
      onClose: () => options.host.focus(),
      onRights: (viewOnly) => (this.#mark.hidden = viewOnly),
    });
    this.#keys = new Keys(this.#rows(), () => options.host.focus());
    this.#live.addEventListener('click', () => this.#player?.liveEdge());
    const back = iconButton('back', 'One frame back (,)', () => this.#step(-1));
    const forward = iconButton('forward', 'One frame forward (.)', () => this.#step(1));
    this.#frameButtons = [back, forward, this.#mark, this.#scissors];
    this.#values.setAttribute('aria-pressed', String(options.overlay.on.values));
    this.#bar = make(
      'div',
      { class: 'controls', part: 'controls', role: 'group', 'aria-label': 'Player controls' },
      this.#clip.element,
      make('div', { class: 'timebar' }, this.#timeline.element, this.#handles.element),
      make(
        'div',
        { class: 'row' },
        this.#play,
        back,
        forward,
        this.#live,
        this.#sound.element,
        this.#clock,
        make('span', { class: 'space' }),
        this.#mark,
        this.#scissors,
        this.#values,
        this.#levels,
        iconButton('save', 'Save this frame as PNG (P)', () => this.#options.save('png')),
        iconButton('link', 'Copy link to this frame', () => void copyFrameLink(options.player()?.shownFrame ?? null, options.tell)),
        iconButton('stats', 'Statistics (S)', () => this.#toggleStats()),
        iconButton('help', 'Keys (?)', () => this.#keys.toggleHelp()),
        iconButton('full', 'Full screen (F)', () => this.fullScreen()),
      ),
    );
    this.elements = [this.#sound.hint, this.#stats.element, this.#bar, this.#markers.form.element, this.#keys.help];
    for (const element of this.elements) element.classList.add('chrome');
  }

  /** Begins to work on the host: keys, hiding, updates. Returns how to stop. */
  attach(): () => void {
    const { host } = this.#options;
    const abort = new AbortController();
    const { signal } = abort;
    const wake = () => this.wake();
    host.addEventListener(
      'keydown',
      (event) => {
        wake();
        this.#keys.onKey(event);
      },
      { signal },
    );
    for (const name of ['pointermove', 'pointerdown', 'focusin'] as const) host.addEventListener(name, wake, { signal });
    host.addEventListener('pointerleave', () => this.#sleep(), { signal });
    const observer = new IntersectionObserver((entries) => (this.#inView = entries.at(-1)!.isIntersecting));
    observer.observe(host);
    this.#timer = setInterval(() => {
      if (this.#inView && !document.hidden) this.update();
    }, UPDATE_MS);
    this.wake();
    this.update();
    return () => {
      abort.abort();
      observer.disconnect();
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
    const player = this.#player;
    const focused = this.#bar.querySelector(':focus-visible') !== null;
    const busy = focused || this.#scrubber.active || this.#markers.form.open || this.#clip.active || !this.#keys.help.hidden;
    if (!player || player.paused || player.state !== 'playing' || busy) return;
    this.#bar.classList.add('away');
    this.#options.stage.element.classList.add('quiet');
  }

  /** Brings buttons, clock, bar and statistics up to date. */
  update(): void {
    const player = this.#player;
    if (!player) return;
    if (player !== this.#of) this.#onNewPlayer(player);
    this.#stats.update(player, this.#options.stage);
    this.#quality.update(player);
    this.#sound.update();
    if (player.paused || player.state !== 'playing') this.#bar.classList.remove('away');
    if (this.#bar.classList.contains('away')) return;
    setIcon(this.#play, player.paused ? 'play' : 'pause', player.paused ? 'Play (space)' : 'Pause (space)');
    const range = player.range();
    const shown = player.shownFrame;
    const { live, behindMs } = player;
    this.#live.classList.toggle('on', live);
    // Wanted, but no picture comes: the badge says neither “Live” nor a distance that grows.
    const missing =
      player.wantsLive && !live ? (player.state === 'loading' || player.state === 'playing' ? 'Connecting…' : 'No picture') : '';
    const text = live ? 'Live' : missing || (behindMs === null ? 'Go live' : `−${lengthText(behindMs)}`);
    const label = this.#live.lastElementChild!;
    if (label.textContent !== text) label.textContent = text;
    const behind = behindMs === null ? '' : `, ${lengthText(behindMs)} behind`;
    const name = live ? `Live${behind}` : missing ? `${missing.replace('…', '')}: no live picture` : `Go to the live edge (L)${behind}`;
    if (this.#live.title !== name) {
      this.#live.title = name;
      this.#live.setAttribute('aria-label', name);
    }
    for (const element of this.#frameButtons) element.disabled = !shown;
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
    this.#levels.hidden = !this.#options.deep();
    this.#scissors.hidden = !range;
    this.#scissors.setAttribute('aria-pressed', String(this.#clip.active));
    this.#handles.show(this.#timeline.ends, this.#clip.span);
  }

  #onNewPlayer(player: Player): void {
    this.#of = player;
    this.#clip.leave();
    this.#markers.reset();
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

  /** Puts an end of the clip where `go` leads to. */
  #moveEnd(end: 'in' | 'out', go: (player: Player, from: number) => Promise<void>): void {
    const player = this.#player;
    const span = this.#clip.span;
    if (!player || !span) return;
    go(player, span[end].id).then(
      () => {
        if (player.shownFrame) this.#clip.set(end, player.shownFrame);
      },
      (error: unknown) => this.#complain(error),
    );
  }

  #toggleStats(): void {
    this.#stats.toggle();
    this.update();
  }

  #toggleOverlay(what: 'values' | 'boxes'): void {
    const on = this.#options.overlay.toggle(what);
    if (what === 'values') this.#values.setAttribute('aria-pressed', String(on));
    this.#options.tell(`${what === 'values' ? 'Values of the shown frame' : 'Boxes over the picture'}: ${on ? 'shown' : 'hidden'}.`);
  }

  #toggleLevels(): boolean {
    const view = this.#options.deep();
    if (!view) return false;
    this.#levels.setAttribute('aria-pressed', String(view.toggle()));
    return true;
  }

  /** Zoom keys mean nothing where the picture has no such view. */
  #zoom(key: string): boolean {
    const zoom = this.#options.zoom();
    if (!zoom) return false;
    const way = PANS[key];
    if (way) zoom.panBy(...way);
    else if (key === '1') zoom.zoomToPixels();
    else zoom.zoomBy(key === '0' ? 0 : key === '-' ? 1 / 1.5 : 1.5);
    if (!way) this.#options.say(`Magnified ${Number(zoom.placement.scale.toPrecision(2))} times.`);
    return true;
  }

  /** Line, region and window of pictures that can be measured. */
  #measure(key: string): boolean {
    const view = this.#options.deep();
    if (!view) return false;
    if (key === 'x') this.#options.say(`Line profile ${view.toggleLine() ? 'shown' : 'removed'}.`);
    else if (key === 'r') this.#options.say(`Region ${view.toggleRegion() ? 'shown' : 'removed'}.`);
    else this.#options.tell(view.toggleAuto() ? 'Black and white follow the pictures.' : 'Black and white stay as they are.');
    return true;
  }

  #complain(error: unknown): void {
    if (error instanceof DOMException && error.name === 'AbortError') return;
    this.#options.tell(error instanceof Error ? error.message : 'That did not work.');
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

  #rows(): KeyRow[] {
    const clip = this.#clip;
    return [
      { keys: [' ', 'k'], help: ['Space', 'play, pause'], run: () => this.#toggle() },
      {
        keys: ['ArrowLeft', 'ArrowRight'],
        help: ['← →', '5 seconds back, forward'],
        run: (key) => this.#jump(key === 'ArrowLeft' ? -JUMP_US : JUMP_US),
      },
      { keys: [',', '.'], help: [', .', 'one frame back, forward'], run: (key) => this.#step(key === ',' ? -1 : 1) },
      { keys: ['[', ']'], help: ['[ ]', 'marker before, marker after'], run: (key) => this.#markers.jump(key === '[' ? -1 : 1) },
      { keys: ['l'], help: ['L', 'live'], run: () => this.#player?.liveEdge() },
      {
        keys: ['m'],
        help: ['M', 'sound on, off; of streams without sound: as N'],
        run: () => this.#sound.toggle() || this.#markers.add(false),
      },
      { keys: ['n'], help: ['N', 'add a marker at the shown frame'], run: () => this.#markers.add(false) },
      { keys: ['ArrowUp', 'ArrowDown'], help: ['↑ ↓', 'louder, softer'], run: (key) => this.#sound.step(key === 'ArrowUp' ? 1 : -1) },
      { keys: ['e'], help: ['E', 'begin a span, end it'], run: () => this.#markers.add(true) },
      {
        keys: ['i', 'o'],
        help: ['I O', 'clip begins, ends at the shown frame'],
        run: (key) => clip.setAtShown(key === 'i' ? 'in' : 'out'),
      },
      { keys: ['c'], help: ['C', 'cut a clip'], run: () => clip.toggle() },
      { keys: ['v'], help: ['V', 'values of the shown frame'], run: () => this.#toggleOverlay('values') },
      { keys: ['b'], help: ['B', 'boxes over the picture'], run: () => this.#toggleOverlay('boxes') },
      { keys: ['p'], help: ['P', 'save the shown frame as PNG'], run: () => this.#options.save('png') },
      {
        keys: ['w', 'a'],
        help: ['W A', 'lossless: levels, automatic or fixed'],
        run: (key) => (key === 'w' ? this.#toggleLevels() : this.#measure(key)),
      },
      { keys: ['x', 'r'], help: ['X R', 'lossless: line profile, region'], run: (key) => this.#measure(key) },
      {
        keys: ['+', '=', '-', '0', '1', ...Object.keys(PANS)],
        help: ['+ − 0 1, Shift ←', 'lossless: larger, smaller, whole, single pixels; move'],
        run: (key) => this.#zoom(key),
      },
      { keys: ['f'], help: ['F', 'full screen'], run: () => this.fullScreen() },
      { keys: ['s'], help: ['S', 'statistics'], run: () => this.#toggleStats() },
      { keys: ['d'], help: ['D', 'connection doctor'], run: () => this.#options.openDoctor() },
      { keys: ['h'], help: ['H', 'figures in one line'], run: () => this.#options.toggleHud() },
      { keys: ['?'], help: ['?', 'this help'], run: () => this.#keys.toggleHelp() },
      {
        keys: ['Escape'],
        run: () => {
          if (!this.#keys.help.hidden) this.#keys.toggleHelp();
          else if (clip.active) clip.leave();
          else return false;
        },
      },
    ];
  }
}
