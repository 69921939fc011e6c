// Janus with one RTP mountpoint, with its own defaults, for comparison. Its configuration is a folder that goes with it.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** Number of the mountpoint. */
export const MOUNTPOINT = 1;
/** Payload type of what is sent to it. */
export const FEED_PAYLOAD_TYPE = 102;
const READY_MS = 10_000;
const STOP_MS = 4000;

/** Its version, or `null` where it is not installed. */
export function janusVersion(): string | null {
  const { stdout, stderr, error } = spawnSync('janus', ['--version'], { encoding: 'utf8' });
  return error ? null : (/\(([\d.]+)\)/.exec(`${stdout}${stderr}`)?.[1] ?? 'unknown');
}

export class Janus implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #folder: string;
  readonly #exited: Promise<void>;
  /** Its HTTP interface. */
  readonly url: string;
  /** UDP port of the mountpoint. */
  readonly rtpPort: number;

  private constructor(folder: string, httpPort: number, rtpPort: number) {
    this.#folder = folder;
    this.url = `http://127.0.0.1:${httpPort}/janus`;
    this.rtpPort = rtpPort;
    this.#process = spawn('janus', ['--configs-folder', folder], { stdio: 'ignore' });
    this.#exited = new Promise((resolve) => {
      this.#process.once('exit', () => resolve());
      this.#process.once('error', () => resolve());
    });
  }

  /** @param eventLoops threads that all viewers share; `null` = one for each viewer, as Janus does unless told otherwise */
  static async start(eventLoops: number | null, signal: AbortSignal): Promise<Janus> {
    const folder = await mkdtemp(join(tmpdir(), 'sluice-janus-'));
    try {
      const [httpPort, rtpPort] = await Promise.all([freeTcpPort(), freeUdpPort()]);
      const files = configuration(folder, httpPort, rtpPort, eventLoops);
      await Promise.all(Object.entries(files).map(([name, text]) => writeFile(join(folder, name), text)));
      const janus = new Janus(folder, httpPort, rtpPort);
      try {
        await janus.#untilReady(signal);
      } catch (error) {
        await janus[Symbol.asyncDispose]();
        throw error;
      }
      return janus;
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  get pid(): number {
    return this.#process.pid!;
  }

  async #untilReady(signal: AbortSignal): Promise<void> {
    for (let waited = 0; ; waited += 100) {
      if (this.#process.exitCode !== null) throw new Error(`Janus ended with code ${this.#process.exitCode}`);
      const ready = await fetch(`${this.url}/info`, { signal }).then(
        (response) => response.ok,
        () => false,
      );
      if (ready) return;
      if (waited > READY_MS) throw new Error('Janus did not answer in time');
      await delay(100, undefined, { signal });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode === null) this.#process.kill('SIGTERM');
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), STOP_MS);
    await this.#exited;
    clearTimeout(timer);
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** Folders are those that it was built with; whatever is not said here is its default. */
function configuration(folder: string, httpPort: number, rtpPort: number, eventLoops: number | null): Record<string, string> {
  return {
    'janus.jcfg': `general: {
  configs_folder = "${folder}"
  debug_level = 1
  log_to_stdout = false
  log_to_file = "/dev/null"
${eventLoops === null ? '' : `  event_loops = ${eventLoops}\n`}}
plugins: {
  disable = "${[
    'audiobridge',
    'duktape',
    'echotest',
    'lua',
    'nosip',
    'recordplay',
    'sip',
    'textroom',
    'videocall',
    'videoroom',
    'voicemail',
  ]
    .map((name) => `libjanus_${name}.so`)
    .join(',')}"
}
transports: {
  disable = "${['mqtt', 'nanomsg', 'pfunix', 'rabbitmq', 'websockets'].map((name) => `libjanus_${name}.so`).join(',')}"
}
`,
    'janus.transport.http.jcfg': `general: {
  json = "compact"
  base_path = "/janus"
  http = true
  port = ${httpPort}
  ip = "127.0.0.1"
  https = false
}
`,
    'janus.plugin.streaming.jcfg': `feed: {
  type = "rtp"
  id = ${MOUNTPOINT}
  media = (
    {
      type = "video"
      mid = "video"
      port = ${rtpPort}
      pt = ${FEED_PAYLOAD_TYPE}
      codec = "h264"
      fmtp = "profile-level-id=42e01f;packetization-mode=1"
    }
  )
}
`,
  };
}

function freeTcpPort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

function freeUdpPort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = createSocket('udp4');
    socket.once('error', reject);
    socket.bind(0, '127.0.0.1', () => {
      const { port } = socket.address();
      socket.close(() => resolve(port));
    });
  });
}
