// One camera or screen on its way to a stream: what is chosen, what is on, what the server says. Signals, for `share.tsx`.
import { batch, signal } from '@preact/signals';
import { RefusedOffer } from '../../src/player/whep.ts';
import { publishWhip, type SentStatus, type ServerStatus, type WhipPublisher } from '../../src/player/whip.ts';
import { bitrateFor, captureFailure, refusal, type ShareKind } from './share-words.ts';

export type Phase = 'off' | 'asking' | 'preview' | 'connecting' | 'live';

export interface Problem {
  readonly text: string;
  /** Somebody else publishes: taking over would help. */
  readonly takeOver: boolean;
}

export interface ShareChoice {
  readonly kind: ShareKind;
  /** `deviceId` of a camera; empty = as the browser likes. */
  readonly device: string;
  readonly width: number;
  readonly height: number;
  readonly fps: number;
  /** The microphone too, or of a screen what it plays. */
  readonly sound: boolean;
}

const REPORT_MS = 1000;

export class ShareSession {
  readonly phase = signal<Phase>('off');
  readonly problem = signal<Problem | null>(null);
  readonly media = signal<MediaStream | null>(null);
  readonly devices = signal<readonly MediaDeviceInfo[]>([]);
  readonly sent = signal<SentStatus | null>(null);
  readonly server = signal<ServerStatus | null>(null);
  /** The system holds the pictures back: a telephone with the page out of sight. */
  readonly held = signal(false);
  #publisher: WhipPublisher | null = null;
  #timer: ReturnType<typeof setInterval> | undefined;
  #lock: { release(): Promise<void> } | null = null;
  /** Number of the newest wish: what an older one brings later is given back. */
  #turn = 0;

  constructor() {
    navigator.mediaDevices?.addEventListener('devicechange', this.#list);
  }

  /** Asks for the camera or screen, or changes it. Settles when its picture is there or the reason why not. */
  async open(choice: ShareChoice): Promise<boolean> {
    const turn = ++this.#turn;
    const before = this.phase.peek();
    const live = before === 'live';
    if (!live) this.phase.value = 'asking';
    this.problem.value = null;
    // Telephones open one camera at a time. A screen stays on until another one is chosen.
    if (choice.kind === 'camera') stopAll(this.media.peek());
    try {
      const media = await capture(choice);
      if (turn !== this.#turn) {
        stopAll(media);
        return false;
      }
      await this.#take(media, live);
      if (!live) this.phase.value = 'preview';
      void this.#list();
      return true;
    } catch (error) {
      if (turn !== this.#turn) return false;
      if (choice.kind === 'camera') this.close();
      else if (!live) this.phase.value = this.media.peek() ? 'preview' : 'off';
      this.problem.value = { text: captureFailure(error, choice.kind), takeOver: false };
      return false;
    }
  }

  /** Another size or rate of what is on. */
  async resize(choice: ShareChoice): Promise<void> {
    const track = this.media.peek()?.getVideoTracks()[0];
    try {
      await track?.applyConstraints(sizeOf(choice));
      await this.#publisher?.limit(bitrateFor(choice.width, choice.height, choice.fps));
      this.problem.value = null;
    } catch (error) {
      this.problem.value = { text: captureFailure(error, choice.kind), takeOver: false };
    }
  }

  async #take(media: MediaStream, live: boolean): Promise<void> {
    const [track] = media.getVideoTracks();
    const old = this.media.peek();
    if (live && track) await this.#publisher?.replace(track);
    stopAll(old);
    this.media.value = media;
    this.held.value = false;
    if (!track) return;
    track.onmute = () => {
      this.held.value = true;
    };
    track.onunmute = () => {
      this.held.value = false;
    };
    track.onended = () => {
      if (this.media.peek() === media && !this.#publisher) this.close();
    };
  }

  /** Sends what is chosen to this address; asks for it first if that was not done. */
  async start(address: string, choice: ShareChoice, takeOver: boolean): Promise<void> {
    if (!this.media.peek() && !(await this.open(choice))) return;
    const media = this.media.peek();
    if (!media) return;
    const turn = ++this.#turn;
    batch(() => {
      this.phase.value = 'connecting';
      this.problem.value = null;
      this.server.value = this.sent.value = null;
    });
    try {
      const publisher = await publishWhip(address, media, {
        exclusive: !takeOver,
        maxBitrate: bitrateFor(choice.width, choice.height, choice.fps),
        onServer: (status) => {
          this.server.value = status;
        },
      });
      if (turn !== this.#turn) return publisher.stop();
      this.#publisher = publisher;
      this.phase.value = 'live';
      this.#timer = setInterval(() => void this.#report(publisher), REPORT_MS);
      void this.#stayAwake();
      void publisher.ended.then((reason) => this.#onEnded(publisher, reason));
    } catch (error) {
      if (turn !== this.#turn) return;
      batch(() => {
        this.phase.value = 'preview';
        this.problem.value = problemOf(error);
      });
    }
  }

  /** Stops sending; the preview stays. */
  stop(): void {
    this.#turn++;
    this.#publisher?.stop();
    if (this.phase.peek() === 'connecting') this.phase.value = 'preview';
  }

  /** Stops everything and gives the camera back. */
  close(): void {
    this.stop();
    stopAll(this.media.peek());
    batch(() => {
      this.media.value = null;
      this.phase.value = 'off';
    });
  }

  /** The page goes. */
  dispose(): void {
    this.close();
    navigator.mediaDevices?.removeEventListener('devicechange', this.#list);
  }

  #onEnded(publisher: WhipPublisher, reason: string | null): void {
    if (this.#publisher !== publisher) return;
    this.#publisher = null;
    clearInterval(this.#timer);
    void this.#lock?.release().catch(() => {});
    this.#lock = null;
    const alive = this.media.peek()?.getVideoTracks()[0]?.readyState === 'live';
    batch(() => {
      if (reason) this.problem.value = { text: ended(reason), takeOver: /took this stream over/.test(reason) };
      this.phase.value = alive ? 'preview' : 'off';
    });
    if (!alive) this.close();
  }

  async #report(publisher: WhipPublisher): Promise<void> {
    const sent = await publisher.sent();
    if (this.#publisher === publisher && sent) this.sent.value = sent;
  }

  /** A telephone that falls asleep sends nothing. */
  async #stayAwake(): Promise<void> {
    const { wakeLock } = navigator as { wakeLock?: { request(type: 'screen'): Promise<{ release(): Promise<void> }> } };
    const lock = await wakeLock?.request('screen').catch(() => null);
    if (!lock) return;
    if (this.#publisher) this.#lock = lock;
    else void lock.release().catch(() => {});
  }

  #list = async (): Promise<void> => {
    const all = (await navigator.mediaDevices?.enumerateDevices().catch(() => [])) ?? [];
    // Without permission they have neither id nor name.
    this.devices.value = all.filter(({ kind, deviceId }) => kind === 'videoinput' && deviceId);
  };
}

function sizeOf({ kind, width, height, fps }: ShareChoice): MediaTrackConstraints {
  // Larger screens are scaled down by the browser; `max` and not `ideal`, which would also cut.
  if (kind === 'screen') return { width: { max: width }, height: { max: height }, frameRate: { max: fps } };
  return { width: { ideal: width }, height: { ideal: height }, frameRate: { ideal: fps, max: fps } };
}

/** As it is: what makes calls easier to understand takes music and machines for noise. */
const PLAIN_SOUND: MediaTrackConstraints = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };

async function capture(choice: ShareChoice): Promise<MediaStream> {
  const { kind, device } = choice;
  const audio = choice.sound && PLAIN_SOUND;
  if (kind === 'screen') return await navigator.mediaDevices.getDisplayMedia({ video: sizeOf(choice), audio });
  // Without a choice the camera that looks away from the person: that is the one with something to show.
  const which = device ? { deviceId: { exact: device } } : { facingMode: { ideal: 'environment' } };
  return await navigator.mediaDevices.getUserMedia({ video: { ...sizeOf(choice), ...which }, audio });
}

function stopAll(media: MediaStream | null): void {
  for (const track of media?.getTracks() ?? []) track.stop();
}

function problemOf(error: unknown): Problem {
  if (error instanceof RefusedOffer) {
    if (error.code === 'publisher-busy') return { text: busyText(error.message), takeOver: true };
    return { text: refusal(error.code, error.message), takeOver: false };
  }
  return { text: `The browser could not connect: ${error instanceof Error ? error.message : String(error)}`, takeOver: false };
}

/** The server's words without the part for programs. */
function busyText(detail: string): string {
  return `${capital(detail.split(';')[0]!)}. Only one can; taking over ends the other.`;
}

function ended(reason: string): string {
  return `${capital(reason)}. Nothing is sent any more.`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
