// Hears and sees the pattern that flashes and beeps on whole seconds, as the player plays it: when the white square is on the screen, and
// when the beep is heard.
import type { Page } from 'playwright-core';

/** One second of the pattern. Times are those of the page's clock, ms. */
export interface Beat {
  /** The picture with the first white square is on the screen. */
  readonly flash: number;
  /** The first loud sample is heard. */
  readonly beep: number;
}

interface Probe {
  flashes: number[];
  beeps: number[];
  /** Of the loudspeaker, where it is not in the times already. */
  speakerMs?: number;
  readonly state: string;
}

/** Before the page is opened: lets the probe ask connections of WebRTC how late their loudspeaker is. */
export async function prepareProbe(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const Native = RTCPeerConnection;
    const avPeers: RTCPeerConnection[] = [];
    Object.assign(globalThis, { avPeers });
    globalThis.RTCPeerConnection = class extends Native {
      constructor(configuration?: RTCConfiguration) {
        super(configuration);
        avPeers.push(this);
      }
    };
  });
}

/** Of the Chromium that tests run. */
interface Breakout {
  readonly MediaStreamTrackProcessor: new (init: { track: MediaStreamTrack }) => { readonly readable: ReadableStream<AudioData> };
}

interface PlayoutStats extends RTCStats {
  readonly totalPlayoutDelay: number;
  readonly totalSamplesCount: number;
}

/**
 * Begins to listen and to look. The player must be unmuted.
 *
 * Sound of WebRTC is read from its track as the browser fetches it for the loudspeaker, and the loudspeaker's delay is added as the browser
 * tells it (an AudioContext would add a queue of its own, of up to 100 ms). Sound of other ways goes through an AudioContext, and is heard
 * when that gives it to the loudspeaker.
 */
export async function startProbe(page: Page): Promise<void> {
  await page.evaluate(async () => {
    const player = document.querySelector('sluice-player')!;
    const video = player.shadowRoot!.querySelector('video')!;
    const probe: Probe = {
      flashes: [],
      beeps: [],
      get state() {
        return `video ${video.paused ? 'paused' : 'plays'} at ${video.currentTime}, muted ${video.muted}, volume ${video.volume}`;
      },
    };
    Object.assign(globalThis, { avProbe: probe });
    /** Finds the first loud sample behind some silence. */
    class Onset {
      #quiet = 0;
      find(samples: Float32Array, rate: number): number | null {
        let found: number | null = null;
        for (let i = 0; i < samples.length; i++) {
          if (Math.abs(samples[i]!) < 0.1) this.#quiet++;
          else {
            if (this.#quiet > rate * 0.3) found = i / rate;
            this.#quiet = 0;
          }
        }
        return found;
      }
    }
    if (video.srcObject instanceof MediaStream) {
      const track = video.srcObject.getAudioTracks()[0]!;
      const { readable } = new (globalThis as unknown as Breakout).MediaStreamTrackProcessor({ track });
      const onset = new Onset();
      // Its time stamps are on a clock of their own; the least late block shows how that lies.
      let ahead = Number.POSITIVE_INFINITY;
      const askSpeaker = async () => {
        for (const peer of (globalThis as unknown as { avPeers?: RTCPeerConnection[] }).avPeers ?? []) {
          const report = await peer.getStats().catch(() => null);
          for (const entry of (report?.values() ?? []) as Iterable<PlayoutStats>) {
            if (entry.type !== 'media-playout' || !entry.totalSamplesCount) continue;
            // The mean over all samples, s (W3C webrtc-stats, RTCAudioPlayoutStats).
            probe.speakerMs = (entry.totalPlayoutDelay / entry.totalSamplesCount) * 1000;
          }
        }
      };
      await askSpeaker();
      setInterval(() => void askSpeaker(), 1000);
      const listen = async () => {
        const reader = readable.getReader();
        for (;;) {
          const { value: block, done } = await reader.read();
          if (done) return;
          ahead = Math.min(ahead, performance.now() - block.timestamp / 1000);
          const samples = new Float32Array(block.numberOfFrames);
          block.copyTo(samples, { planeIndex: 0, format: 'f32-planar' });
          const at = onset.find(samples, block.sampleRate);
          if (at !== null) probe.beeps.push(block.timestamp / 1000 + ahead + at * 1000 + (probe.speakerMs ?? 0));
          block.close();
        }
      };
      void listen();
    } else {
      const context = new AudioContext({ latencyHint: 'interactive' });
      const code = `registerProcessor('tap', class extends AudioWorkletProcessor {
        process([input]) {
          if (input[0]) this.port.postMessage({ samples: input[0].slice(), at: currentTime });
          return true;
        }
      });`;
      await context.audioWorklet.addModule(URL.createObjectURL(new Blob([code], { type: 'text/javascript' })));
      const tap = new AudioWorkletNode(context, 'tap');
      const source = context.createMediaElementSource(video);
      source.connect(context.destination);
      // A node that leads nowhere is not run.
      source
        .connect(tap)
        .connect(new GainNode(context, { gain: 0 }))
        .connect(context.destination);
      await context.resume();
      const onset = new Onset();
      tap.port.onmessage = ({ data }: MessageEvent<{ samples: Float32Array; at: number }>) => {
        const at = onset.find(data.samples, context.sampleRate);
        if (at === null) return;
        const { contextTime = 0, performanceTime = 0 } = context.getOutputTimestamp();
        probe.beeps.push(performanceTime + (data.at + at - contextTime) * 1000);
      };
    }
    const canvas = new OffscreenCanvas(1, 1);
    const pen = canvas.getContext('2d', { willReadFrequently: true })!;
    let before = true;
    const look = (_now: number, { expectedDisplayTime }: VideoFrameCallbackMetadata) => {
      video.requestVideoFrameCallback(look);
      const { videoWidth: width, videoHeight: height } = video;
      const side = Math.min(width, height) / 6;
      pen.drawImage(video, width - side * 0.7, height - side * 0.7, side * 0.4, side * 0.4, 0, 0, 1, 1);
      const white = pen.getImageData(0, 0, 1, 1).data[1]! > 128;
      if (white && !before) probe.flashes.push(expectedDisplayTime);
      before = white;
    };
    video.requestVideoFrameCallback(look);
  });
}

/** The seconds that were both seen and heard since the last call. */
export async function readBeats(page: Page): Promise<Beat[]> {
  const { flashes, beeps } = await page.evaluate(() => {
    const { avProbe } = globalThis as unknown as { avProbe: Probe };
    // The newest half second stays for the next call: its other half may be on its way.
    const until = performance.now() - 500;
    const old = (times: number[]) => times.splice(0, times.filter((time) => time < until).length);
    return { flashes: old(avProbe.flashes), beeps: old(avProbe.beeps) };
  });
  return flashes.flatMap((flash) => {
    const beep = beeps.find((time) => Math.abs(time - flash) < 450);
    return beep === undefined ? [] : [{ flash, beep }];
  });
}

/** What the probe hears from, for reports of faults. */
export function probeState(page: Page): Promise<string> {
  return page.evaluate(() => (globalThis as unknown as { avProbe: Probe }).avProbe.state);
}
