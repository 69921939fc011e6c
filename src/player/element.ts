// <sluice-player src="http://host/live/cam">: the player as a custom element, for any page. The only file of the player with a side
// effect: it defines the element.
import type { StreamInfo } from '../api/schema.ts';
import type { Marker } from '../api/timeline.ts';
import { SluiceError } from '../core/errors.ts';
import { StreamAddress } from './address.ts';
import type { Attempt } from './attempts.ts';
import { Badge, badgeText } from './badge.ts';
import { Controls } from './controls.ts';
import { DeepSeat } from './deep-seat.ts';
import { DoctorPanel } from './doctor/panel.ts';
import { make } from './dom.ts';
import { Hud, hudRemembered, rememberHud } from './hud.ts';
import { readLink } from './link-group.ts';
import { Notices } from './notices.ts';
import { Overlay } from './overlay.ts';
import { type FrameEvent, Player, type PlayerEvents, type PlayerStats } from './player.ts';
import { PlayerTimeline } from './player-timeline.ts';
import { Reporter } from './reporter.ts';
import type { SavedType } from './save-picture.ts';
import { SoundPicture } from './sound-picture.ts';
import { type Fit, type PicturePoint, Stage } from './stage.ts';
import type { PlayerState } from './status.ts';
import { STYLE } from './style.ts';
import type { ShownFrame, TransportName } from './transport.ts';

export { publishWhip, type WhipPublisher } from './whip.ts';
export type { Attempt, FrameEvent, Marker, PlayerState, PlayerStats, ShownFrame, TransportName };

/** Detail of `pixelclick`: pixel of the picture, and the frame it belongs to. */
export interface PixelClick extends PicturePoint {
  readonly frame: ShownFrame | null;
  /** Of lossless pictures: the samples of the pixel as captured, one for gray. */
  readonly values: readonly number[] | null;
  /** Of lossless gray pictures: the sample. */
  readonly value: number | null;
}

/** Events of the element and their `detail`. They do not bubble. */
export interface SluicePlayerEventMap {
  frame: CustomEvent<FrameEvent>;
  statechange: CustomEvent<PlayerEvents['statechange']>;
  transportchange: CustomEvent<PlayerEvents['transportchange']>;
  pixelclick: CustomEvent<PixelClick>;
  /** The picture has reached or passed this marker: once per pass. */
  marker: CustomEvent<Marker>;
  error: CustomEvent<PlayerEvents['error']>;
  volumechange: CustomEvent<PlayerEvents['volumechange']>;
}

const RELOADING = ['src', 'transport', 'token', 'decoder', 'quality', 'report'];
/** Linked pictures that are no further apart stay as they are. */
const NEAR_US = 200_000;
const FITS: readonly string[] = ['contain', 'cover', 'fill'];
const FORWARDED = ['frame', 'statechange', 'transportchange', 'error'] as const;

/**
 * The element. Attributes: `src` (address of the stream, `…/live/{stream}`), `transport` (`auto`, `hls`, `h264`, `jpeg`, `mjpeg`), `controls`,
 * `autoplay`, `muted` (it starts muted in any case), `fit` (`contain`, `cover`, `fill`), `token`,
 * `decoder` (of `h264`: `mse`, `webcodecs`), `hud` (a line of figures over the picture), `report` (`off`: tells the server nothing about its
 * pictures), `link` (name of a group of players that share zoom, cursor and pauses; `NAME levels`: levels too), `record-clicks` (clicks become
 * data records). Each is also a property.
 */
export class SluicePlayer extends HTMLElement {
  static readonly observedAttributes = [...RELOADING, 'controls', 'muted', 'fit', 'hud', 'link'];
  readonly #stage = new Stage();
  readonly #aspect = make('style');
  readonly #notices = new Notices(
    () => this.play(),
    () => this.openDoctor(),
  );
  readonly #doctor = new DoctorPanel();
  readonly #overlay = new Overlay();
  readonly #hud = new Hud(this.#stage);
  readonly #controls: Controls;
  readonly #badge = new Badge();
  readonly #soundPicture = new SoundPicture();
  readonly #deep = new DeepSeat({
    host: this,
    stage: this.#stage,
    fit: () => this.fit,
    stream: () => this.#player?.address.name ?? '',
    pixelSize: () => this.info?.pixelSize ?? null,
    pointAt: (x, y) => this.#stage.pointAt(x, y, this.fit),
    api: () => this.#timeline?.api,
    tell: (text) => this.#notices.tell(text),
    save: (type) => void this.saveFrame(type),
    goTo: (timestamp) => this.#goWithOthers(timestamp),
  });
  #detachControls: (() => void) | undefined;
  #player: Player | undefined;
  #timeline: PlayerTimeline | undefined;
  #reporter: Reporter | undefined;
  #shape = '';
  #muted = true;
  #volume = 1;
  #queued = false;

  constructor() {
    super();
    const root = this.attachShadow({ mode: 'open' });
    this.#controls = new Controls({
      host: this,
      stage: this.#stage,
      overlay: this.#overlay,
      player: () => this.#player,
      timeline: () => this.#timeline,
      deep: () => this.#deep.view,
      zoom: () => this.#deep.zoom,
      save: (type) => void this.saveFrame(type),
      say: (text) => this.#notices.say(text),
      tell: (text) => this.#notices.tell(text),
      toggleHud: () => this.#toggleHud(),
      openDoctor: () => this.openDoctor(),
      setSound: (muted, volume) => {
        this.#muted = muted;
        this.volume = volume;
      },
    });
    this.#stage.element.append(this.#overlay.boxes.element, this.#soundPicture.element);
    root.append(
      make('style', {}, STYLE),
      this.#aspect,
      this.#stage.element,
      this.#hud.element,
      this.#badge.element,
      this.#overlay.values,
      ...this.#notices.elements,
      this.#doctor.element,
    );
    this.#stage.onClick((clientX, clientY) => this.#onClick(clientX, clientY));
    this.#stage.element.addEventListener('dblclick', () => {
      if (this.controls) this.#controls.fullScreen();
    });
  }

  /** `…/live/{stream}`, absolute or relative to the page. */
  get src(): string {
    return this.getAttribute('src') ?? '';
  }
  set src(value: string) {
    this.setAttribute('src', value);
  }

  /** Wanted transport; `activeTransport` is the one in use. */
  get transport(): string {
    return this.getAttribute('transport') ?? 'auto';
  }
  set transport(value: string) {
    this.setAttribute('transport', value);
  }

  get token(): string {
    return this.getAttribute('token') ?? '';
  }
  set token(value: string) {
    this.setAttribute('token', value);
  }

  get decoder(): string {
    return this.getAttribute('decoder') ?? '';
  }
  set decoder(value: string) {
    this.setAttribute('decoder', value);
  }

  /** Of JPEG: a number from 5 to 100; anything else: what the connection carries. */
  get quality(): string {
    return this.getAttribute('quality') ?? '';
  }
  set quality(value: string) {
    this.setAttribute('quality', value);
  }

  get fit(): Fit {
    const fit = this.getAttribute('fit') ?? '';
    return FITS.includes(fit) ? (fit as Fit) : 'contain';
  }
  set fit(value: Fit) {
    this.setAttribute('fit', value);
  }

  get controls(): boolean {
    return this.hasAttribute('controls');
  }
  set controls(value: boolean) {
    this.toggleAttribute('controls', value);
  }

  /** A line of figures over the picture. */
  get hud(): boolean {
    return this.hasAttribute('hud');
  }
  set hud(value: boolean) {
    this.toggleAttribute('hud', value);
  }

  /** `off`: it tells the server nothing about its pictures. */
  get report(): string {
    return this.getAttribute('report') ?? '';
  }
  set report(value: string) {
    this.setAttribute('report', value);
  }

  /** Name of a group of players that share zoom, cursor and pauses; `NAME levels`: their levels too. Empty: none. */
  get link(): string {
    return this.getAttribute('link') ?? '';
  }
  set link(value: string) {
    this.setAttribute('link', value);
  }

  get autoplay(): boolean {
    return this.hasAttribute('autoplay');
  }
  set autoplay(value: boolean) {
    this.toggleAttribute('autoplay', value);
  }

  get muted(): boolean {
    return this.#muted;
  }
  set muted(value: boolean) {
    this.#muted = Boolean(value);
    this.#player?.setAudio(this.#muted, this.#volume);
  }

  /** 0 to 1. */
  get volume(): number {
    return this.#volume;
  }
  set volume(value: number) {
    if (!(value >= 0 && value <= 1)) throw new SluiceError('bad-value', `volume: ${String(value)} received; expected 0 to 1`);
    this.#volume = value;
    this.#player?.setAudio(this.#muted, this.#volume);
  }

  get paused(): boolean {
    return this.#player?.paused ?? true;
  }

  /** Frame id and capture time (µs UTC) of the picture on the screen; `null` before the first one, and for a moment where a picture came
   *  before its identity. */
  get shownFrame(): ShownFrame | null {
    return this.#player?.shownFrame ?? null;
  }

  get state(): PlayerState {
    return this.#player?.state ?? 'idle';
  }

  /** The sentence that belongs to `state`; empty when there is nothing to say. */
  get message(): string {
    return this.#player?.message ?? '';
  }

  get activeTransport(): TransportName | null {
    return this.#player?.transport ?? null;
  }

  /** What was tried to get a picture, oldest first, and why each way was left. */
  get attempts(): readonly Attempt[] {
    return this.#player?.attempts ?? [];
  }

  /** Why a better transport is not in use, as a sentence; empty where the best one is. */
  get transportReason(): string {
    return this.#player?.transportReason ?? '';
  }

  /** Whether the newest pictures are shown as they come. */
  get live(): boolean {
    return this.#player?.live ?? false;
  }

  /** What the server says about the stream. */
  get info(): StreamInfo | null {
    return this.#player?.info ?? null;
  }

  /** First and last capture time (µs UTC) that can be gone to; `null` where there is no way back. */
  get range(): { start: number; end: number } | null {
    return this.#player?.range() ?? null;
  }

  /** The same under the name that charts and tables use: the time that the bar shows, µs UTC. */
  get window(): { start: number; end: number } | null {
    return this.range;
  }

  /** The stream's markers as far as they are known, by capture time. */
  get markers(): readonly Marker[] {
    return this.#timeline?.markers.list ?? [];
  }

  /** Figures of the moment; `null` while no transport is open. */
  get stats(): PlayerStats | null {
    return this.#player?.stats() ?? null;
  }

  play(): void {
    this.#ready()?.play();
  }

  pause(): void {
    this.#ready()?.pause();
  }

  /** Goes to exactly this frame and pauses. Rejects with a SluiceError (`unknown-frame`, `gone`, `unavailable`), or with an AbortError when
   *  something newer was asked for. */
  seekFrame(id: number): Promise<void> {
    return this.#ready()?.seekFrame(id) ?? Promise.reject(noSource());
  }

  /** Goes to exactly the frame that was the newest at this time (µs UTC) and pauses; times outside of what is kept go to its ends. */
  seekTime(timestamp: number): Promise<void> {
    return this.#ready()?.seekTime(timestamp) ?? Promise.reject(noSource());
  }

  /** Goes one frame forward (1) or back (-1) and pauses. */
  step(step: 1 | -1): Promise<void> {
    return this.#ready()?.step(step) ?? Promise.reject(noSource());
  }

  /** Back to the newest picture, playing. */
  liveEdge(): void {
    this.#ready()?.liveEdge();
  }

  /** Saves exactly the shown frame as a file with all its bits, and says so over the picture. */
  async saveFrame(type: SavedType = 'png'): Promise<void> {
    const player = this.#ready();
    if (!player) return this.#notices.tell(noSource().message);
    try {
      const { address, shownFrame: frame } = player;
      const picture = player.deep?.picture ?? null;
      const { savePicture } = await import('./save-picture.ts');
      this.#notices.tell(await savePicture({ address, frame, picture, type }));
    } catch (error) {
      this.#notices.tell(`The frame was not saved: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  /** Opens a dialog that tries all ways to the server and says which line of its configuration mends what does not work. */
  openDoctor(): void {
    const player = this.#ready();
    if (!player) return this.#notices.tell(noSource().message);
    this.#doctor.open({ address: player.address, attempts: player.attempts });
  }

  /** Shows a short notice over the picture, and reads it out to screen readers. */
  tell(text: string): void {
    this.#notices.tell(text);
  }

  connectedCallback(): void {
    if (hudRemembered()) this.hud = true;
    this.#applyControls();
    this.#reload();
  }

  disconnectedCallback(): void {
    this.#detachControls?.();
    this.#detachControls = undefined;
    this.#unload();
  }

  attributeChangedCallback(name: string, before: string | null, after: string | null): void {
    if (before === after) return;
    if (name === 'fit') this.#applyLook();
    else if (name === 'hud') this.#hud.show(this.hud);
    else if (name === 'muted') this.muted = after !== null || this.#muted;
    else if (!this.isConnected) return;
    else if (name === 'controls') this.#applyControls();
    else if (name === 'link') void this.#deep.join(readLink(after));
    else this.#reload();
  }

  override addEventListener<K extends keyof SluicePlayerEventMap>(
    type: K,
    listener: (this: SluicePlayer, event: SluicePlayerEventMap[K]) => unknown,
    options?: boolean | AddEventListenerOptions,
  ): void;
  override addEventListener(type: string, listener: EventListenerOrEventListenerObject, options?: boolean | AddEventListenerOptions): void;
  override addEventListener(type: string, listener: unknown, options?: boolean | AddEventListenerOptions): void {
    super.addEventListener(type, listener as EventListener, options);
  }

  /** The player; made now if attributes were set in this very turn. */
  #ready(): Player | undefined {
    if (this.#queued) this.#load();
    return this.#player;
  }

  /** Several attributes set in one turn make one new player. */
  #reload(): void {
    if (this.#queued) return;
    this.#queued = true;
    queueMicrotask(() => {
      if (this.#queued) this.#load();
    });
  }

  #unload(): void {
    this.#queued = false;
    this.#overlay.attach(null, null, () => this.fit);
    this.#hud.attach(null);
    this.#soundPicture.attach(null);
    this.#doctor.close();
    this.#reporter?.close();
    this.#timeline?.close();
    this.#deep.reset();
    this.#badge.show('');
    this.#player?.close();
    this.#player = this.#timeline = undefined;
  }

  #load(): void {
    this.#unload();
    this.#shape = '';
    const src = this.getAttribute('src');
    if (!this.isConnected) return;
    if (!src) {
      this.#notices.show('idle', 'No stream is chosen: the attribute src is missing.', true);
      return;
    }
    let address: StreamAddress;
    try {
      address = new StreamAddress(src, document.baseURI, this.getAttribute('token'));
    } catch {
      this.#notices.show('error', `src: “${src}” is not an address; expected one such as http://host/live/cam.`, true);
      return;
    }
    const player = new Player({
      address,
      stage: this.#stage,
      transport: this.transport,
      decoder: this.decoder,
      quality: this.quality,
      autoplay: this.autoplay,
      muted: this.#muted,
      volume: this.#volume,
    });
    this.#player = player;
    for (const name of FORWARDED) player.on(name, (detail: unknown) => this.dispatchEvent(new CustomEvent(name, { detail })));
    player.on('statechange', ({ state, message }) => {
      this.#notices.show(state, message, player.shownFrame === null);
      // The last picture is old: nobody shall take it for a live one.
      this.#stage.element.classList.toggle('old', ['error', 'stalled', 'waiting'].includes(state) && !player.paused);
      this.#controls.update();
      if (state === 'paused') this.#deep.paused(player.shownFrame?.timestamp ?? null);
    });
    // Whoever has brought a picture is there; a transport that is being opened is not.
    player.on('frame', (frame) => {
      void this.#deep.follow(player.deep);
      this.#deep.shown(frame);
      this.#showBadge(player);
      if (player.paused || player.wantsLive) this.#deep.paused(player.paused ? frame.timestamp : null);
    });
    player.on('transportchange', () => this.#showBadge(player));
    player.on('notice', (text) => this.#notices.tell(text));
    player.on('volumechange', (detail) => {
      this.#muted = detail.muted;
      this.#volume = detail.volume;
      this.dispatchEvent(new CustomEvent('volumechange', { detail }));
    });
    player.on('transportchange', ({ reason, previous }) => {
      if (previous && reason.endsWith('.')) this.#notices.tell(reason);
    });
    player.on('info', () => {
      this.#applyLook();
      this.#showBadge(player);
    });
    void this.#deep.join(readLink(this.getAttribute('link')));
    const timeline = new PlayerTimeline(player);
    this.#timeline = timeline;
    timeline.on('marker', (marker) => this.dispatchEvent(new CustomEvent('marker', { detail: marker })));
    player.open();
    timeline.open();
    this.#overlay.attach(player, timeline, () => this.fit);
    this.#hud.attach(player);
    this.#soundPicture.attach(player);
    const width = () => this.#stage.size()?.width ?? null;
    this.#reporter = this.report === 'off' ? undefined : new Reporter({ player, events: player.events, stream: address.name, width });
    this.#notices.show(player.state, player.message, true);
  }

  /** Box and fit of the picture. The box takes the stream's shape once, before the first picture, and keeps it: nothing moves under the
   *  reader, even if the stream changes its size. */
  #applyLook(): void {
    const info = this.#player?.info;
    if (info?.width && info.height && !this.#shape && !this.shownFrame) this.#shape = `${info.width} / ${info.height}`;
    const aspect = this.#shape && `--_aspect: ${this.#shape};`;
    const text = `:host { ${aspect} --_fit: ${this.fit === 'fill' ? '100% 100%' : this.fit}; } .picture { object-fit: ${this.fit}; }`;
    if (this.#aspect.textContent !== text) this.#aspect.textContent = text;
  }

  #applyControls(): void {
    if (this.controls === (this.#detachControls !== undefined)) return;
    if (!this.controls) {
      this.#detachControls?.();
      this.#detachControls = undefined;
      for (const element of this.#controls.elements) element.remove();
      return;
    }
    if (!this.hasAttribute('tabindex')) this.tabIndex = 0;
    this.shadowRoot?.append(...this.#controls.elements);
    this.#detachControls = this.#controls.attach();
  }

  #toggleHud(): void {
    this.hud = !this.hud;
    rememberHud(this.hud);
    this.#notices.say(this.hud ? `Figures in one line: ${this.#hud.text}` : 'The line of figures is hidden.');
  }

  #onClick(clientX: number, clientY: number): void {
    const point = this.#stage.pointAt(clientX, clientY, this.fit);
    if (!point) return;
    const values = this.#player?.deep?.valuesAt(point.x, point.y) ?? null;
    const detail: PixelClick = { ...point, frame: this.shownFrame, values, value: values?.length === 1 ? values[0]! : null };
    this.dispatchEvent(new CustomEvent('pixelclick', { detail }));
    if (this.hasAttribute('record-clicks')) void this.#recordClick(detail);
  }

  /** The click becomes a data record of the stream, bound to its frame. */
  async #recordClick({ x, y, frame, values, value }: PixelClick): Promise<void> {
    if (!frame) return this.#notices.tell('The click was not recorded: the frame has no name yet.');
    try {
      await this.#timeline?.api.record({ frame: frame.id, pixelclick: { x, y, value, values: values && [...values] } });
      this.#notices.tell(`Recorded x ${x}, y ${y}${values ? `: ${values.join(', ')}` : ''}.`);
    } catch (error) {
      this.#notices.tell(`The click was not recorded: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  /** Where another one of its group has gone. */
  async #goWithOthers(timestamp: number | null): Promise<void> {
    const shown = this.shownFrame?.timestamp;
    if (timestamp === null) {
      if (this.paused) this.liveEdge();
    } else if (this.#player?.deep && shown !== undefined && !this.paused) {
      // Its values are only there live: it stays at its own frame, and the others come to it.
      this.pause();
      if (shown !== timestamp) this.#deep.lead(shown);
    } else if (this.#player?.deep && shown !== undefined && Math.abs(shown - timestamp) < NEAR_US) {
      return;
    } else if (!this.paused || shown !== timestamp) {
      await this.seekTime(timestamp).catch(() => {});
    }
  }

  #showBadge(player: Player): void {
    this.#badge.show(badgeText(player.info?.dtype ?? null, player.deep?.picture ?? null));
  }
}

function noSource(): SluiceError {
  return new SluiceError('unavailable', 'The player has no stream: set its attribute src, and put it into the page.');
}

declare global {
  interface HTMLElementTagNameMap {
    'sluice-player': SluicePlayer;
  }
}

// A page may load the player twice, through different addresses.
if (!customElements.get('sluice-player')) customElements.define('sluice-player', SluicePlayer);
