// The WebRTC process as the server sees it: started with the first viewer, watched, and started again when it ends. Pictures go to it through
// a bounded pipe: what it does not take in time is left out up to the next key frame.
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { SluiceError } from '../../core/errors.ts';
import type { Logger } from '../../core/log.ts';
import type { WebRtcSettings } from '../../native/webrtc.ts';
import type { FromProcess, ToProcess } from './messages.ts';

/** Pictures and packets of sound in the pipe at most, of all feeds together. */
const PIPE_LIMIT = 120;
const READY_MS = 20_000;
/** It ends by itself when told to; after this time it is ended. */
const STOP_MS = 2000;

export interface ProcessEvents {
  message(message: FromProcess): void;
  /** It ended without being told to: all its connections are gone. */
  lost(): void;
}

export class WebRtcProcess {
  readonly #settings: () => Promise<WebRtcSettings>;
  readonly #log: Logger;
  readonly #events: ProcessEvents;
  #child: ChildProcess | null = null;
  #ready: Promise<ChildProcess> | null = null;
  #number = 0;
  #taken = 0;
  #closed = false;
  /** Pictures and packets of sound that found the pipe full. */
  dropped = 0;
  /** Texts that did. */
  droppedTexts = 0;

  constructor(settings: () => Promise<WebRtcSettings>, log: Logger, events: ProcessEvents) {
    this.#settings = settings;
    this.#log = log;
    this.#events = events;
  }

  /** Pictures and packets of sound on their way to it. */
  get waiting(): number {
    return this.#number - this.#taken;
  }

  /** Starts it if it does not run. Throws `unavailable`. */
  async start(): Promise<void> {
    if (this.#closed) throw new SluiceError('unavailable', 'the server is shutting down');
    this.#ready ??= this.#fork();
    try {
      await this.#ready;
    } catch (error) {
      this.#ready = null;
      throw error;
    }
  }

  /** Sends a message; `false` = it does not run. */
  send(message: ToProcess): boolean {
    if (!this.#child?.connected) return false;
    this.#child.send(message, (error) => error && this.#log.debug({ error: error.message }, 'the WebRTC process did not take a message'));
    return true;
  }

  /** Sends a text of the timeline, unless the pipe is full. */
  sendTimeline(message: Extract<ToProcess, { type: 'timeline' }>): void {
    if (this.waiting >= PIPE_LIMIT || !this.send(message)) this.droppedTexts++;
  }

  /** Sends a picture; `false` = left out because the pipe is full. */
  sendPicture(picture: Omit<Extract<ToProcess, { type: 'picture' }>, 'type' | 'number'>): boolean {
    if (this.waiting >= PIPE_LIMIT) {
      this.dropped++;
      return false;
    }
    return this.send({ type: 'picture', number: ++this.#number, ...picture });
  }

  /** Sends a packet of sound; `false` = left out because the pipe is full. */
  sendSound(sound: Omit<Extract<ToProcess, { type: 'sound' }>, 'type' | 'number'>): boolean {
    if (this.waiting >= PIPE_LIMIT) {
      this.dropped++;
      return false;
    }
    return this.send({ type: 'sound', number: ++this.#number, ...sound });
  }

  async #fork(): Promise<ChildProcess> {
    const settings = await this.#settings();
    // The extension is that of this file: .ts from a clone, .js from the built package.
    const extension = import.meta.url.slice(import.meta.url.lastIndexOf('.'));
    const child = fork(fileURLToPath(new URL(`./process-main${extension}`, import.meta.url)), {
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      execArgv: process.execArgv.filter((argument) => !argument.startsWith('--inspect')),
    });
    this.#child = child;
    this.#number = this.#taken = 0;
    child.stderr?.on('data', (text: Buffer) => this.#log.warn({ text: String(text).trim() }, 'the WebRTC process says'));
    child.on('error', (error) => this.#log.error({ error: error.message }, 'the WebRTC process failed'));
    child.on('exit', (code, signal) => {
      if (this.#child !== child) return;
      this.#child = null;
      this.#ready = null;
      if (this.#closed) return;
      this.#log.error({ code, signal }, 'the WebRTC process ended; its viewers connect again');
      this.#events.lost();
    });
    const ready = new Promise<ChildProcess>((resolve, reject) => {
      const fail = (reason: string) => reject(new SluiceError('unavailable', `WebRTC could not be started: ${reason}`));
      const timer = setTimeout(() => {
        // The next start begins with a process of its own: this one would run on unseen.
        child.kill('SIGKILL');
        fail('no answer from its process');
      }, READY_MS);
      child.once('exit', (code) => {
        clearTimeout(timer);
        fail(`its process ended with code ${code}`);
      });
      child.on('message', (message: FromProcess) => {
        if (message.type === 'ready') {
          clearTimeout(timer);
          resolve(child);
        } else if (message.type === 'taken') this.#taken = message.number;
        else this.#events.message(message);
      });
    });
    child.send({ type: 'settings', settings } satisfies ToProcess);
    // The server's life does not depend on it.
    child.unref();
    child.channel?.unref();
    return await ready;
  }

  /** Ends it. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#ready?.catch(() => {});
    const child = this.#child;
    if (!child || child.exitCode !== null) return;
    child.ref();
    const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    this.send({ type: 'stop' });
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    await exited;
    clearTimeout(timer);
    this.#child = null;
  }
}
