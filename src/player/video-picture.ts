// Which picture a <video> holds at this very moment. Its callbacks (requestVideoFrameCallback) come after the picture: a reader of its pixels
// can get one that no callback has told of yet. A VideoFrame made of the <video> is the picture that `drawImage` would draw, and says its time.

export interface PictureNow {
  /** As in the metadata of its callback, s. */
  readonly mediaTime: number;
  /** Of WebRTC. */
  readonly rtpTimestamp: number | undefined;
}

interface NamedVideoFrame extends VideoFrame {
  /** WebCodecs VideoFrame Metadata Registry. */
  metadata?(): { rtpTimestamp?: number };
}

export class VideoPicture {
  readonly #video: HTMLVideoElement;
  /** In this browser both tell the same of the same picture. */
  #agrees = false;

  constructor(video: HTMLVideoElement) {
    this.#video = video;
  }

  /** To be told of each callback. */
  shown({ mediaTime, rtpTimestamp }: VideoFrameCallbackMetadata): void {
    if (this.#agrees) return;
    const now = this.#read();
    this.#agrees = now !== null && now.mediaTime === mediaTime && now.rtpTimestamp === rtpTimestamp;
  }

  /** The picture that a reader of the pixels gets now; `undefined` where the browser does not tell. Takes some µs, and copies no pixel. */
  now(): PictureNow | undefined {
    return (this.#agrees && this.#read()) || undefined;
  }

  #read(): PictureNow | null {
    if (!('VideoFrame' in globalThis) || this.#video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) return null;
    try {
      const picture: NamedVideoFrame = new VideoFrame(this.#video);
      const now = { mediaTime: picture.timestamp / 1_000_000, rtpTimestamp: picture.metadata?.().rtpTimestamp };
      picture.close();
      return now;
    } catch {
      // Nothing is decoded, or the pixels belong to another origin.
      return null;
    }
  }
}
