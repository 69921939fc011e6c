// Sound of a <video>: on, off, how loud. Browsers stop a video that begins to sound without a click of the viewer.

/**
 * @param refused told when the browser wants a click first: it plays on without sound
 */
export function applySound(video: HTMLMediaElement, muted: boolean, volume: number, refused: () => void): void {
  const played = !video.paused;
  video.muted = muted;
  video.volume = volume;
  if (muted || !played || !video.paused) return;
  video.play().catch((error: unknown) => {
    if (!(error instanceof DOMException) || error.name !== 'NotAllowedError') return;
    video.muted = true;
    void video.play().catch(() => {});
    refused();
  });
}

interface CapturingElement extends HTMLMediaElement {
  /** W3C mediacapture-fromelement; WebKit has none. */
  captureStream?(): MediaStream;
}

/** How loud a media element plays, muted or not. Known from the first click in the page on: browsers run no AudioContext before. */
export class SoundMeter {
  readonly #element: CapturingElement;
  readonly #context = new AudioContext();
  readonly #analyser = new AnalyserNode(this.#context, { fftSize: 2048 });
  readonly #samples = new Float32Array(this.#analyser.fftSize);
  #source: MediaStreamAudioSourceNode | null = null;

  constructor(element: HTMLMediaElement) {
    this.#element = element;
  }

  /** 0 to 1 for full scale; `null`: not known. */
  level(): number | null {
    if (this.#context.state !== 'running') {
      if (navigator.userActivation?.hasBeenActive !== false) void this.#context.resume().catch(() => {});
      return null;
    }
    if (!this.#source) {
      const [track] = this.#element.captureStream?.().getAudioTracks() ?? [];
      if (!track) return null;
      this.#source = this.#context.createMediaStreamSource(new MediaStream([track]));
      this.#source.connect(this.#analyser);
    }
    this.#analyser.getFloatTimeDomainData(this.#samples);
    return this.#samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
  }

  close(): void {
    this.#source?.disconnect();
    void this.#context.close().catch(() => {});
  }
}
