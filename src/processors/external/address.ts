// Where a program finds the processor that it runs: a socket in a folder that only this user can open. Where there are no such sockets
// (Windows) it is a port of the loopback address, whose number lies in a file. A token is asked for in both cases.
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SluiceError } from '../../core/errors.ts';

/** Longest path of a socket that every system takes (`sun_path` of macOS, less some). */
const LONGEST_PATH = 100;
const PORT_FILE = '.port';

/** What the session of an external processor is opened with. */
export interface ExternalOptions {
  /** Of the socket, or of the file with the number of the port. */
  readonly path: string;
  readonly token: string;
  /** Unique on this machine. */
  readonly key: string;
  /** Longest time for a frame, s: a program that hangs longer may end itself. */
  readonly deadline: number;
  /** Most memory of the program, MB: its own host holds it to that. */
  readonly memory: number;
}

/** How a program connects. */
export type ProgramAddress = { readonly path: string } | { readonly host: string; readonly port: number };

export function isPortFile(path: string): boolean {
  return path.endsWith(PORT_FILE);
}

/** The sockets of a server's external processors. */
export class ProgramDoors implements Disposable {
  readonly #folder: string;
  readonly #token = randomBytes(24).toString('base64url');
  readonly #ports: boolean;

  /** @param ports loopback ports instead of sockets in the file system */
  constructor(dataDir: string, ports = process.platform === 'win32') {
    const folder = join(dataDir, 'programs');
    this.#ports = ports;
    // 16 characters of the name, the slash.
    if (!ports && folder.length + 17 > LONGEST_PATH) {
      this.#folder = mkdtempSync(join(tmpdir(), 'sluice-'));
      return;
    }
    this.#folder = folder;
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }

  get token(): string {
    return this.#token;
  }

  #key(stream: string, processor: string): string {
    return createHash('sha256').update(`${this.#folder}\0${stream}\0${processor}`).digest('hex').slice(0, 16);
  }

  #path(stream: string, processor: string): string {
    return join(this.#folder, `${this.#key(stream, processor)}${this.#ports ? PORT_FILE : ''}`);
  }

  /** For the session of a processor. */
  options(stream: string, processor: string, limits: Pick<ExternalOptions, 'deadline' | 'memory'>): ExternalOptions {
    return { path: this.#path(stream, processor), token: this.#token, key: `sluice-${this.#key(stream, processor)}`, ...limits };
  }

  /** For its program. Throws `unavailable` while the port is not known: nobody wants pictures of the stream. */
  address(stream: string, processor: string): ProgramAddress {
    const path = this.#path(stream, processor);
    if (!this.#ports) return { path };
    try {
      return { host: '127.0.0.1', port: Number(readFileSync(path, 'utf8')) };
    } catch {
      throw new SluiceError('unavailable', `${processor} of ${stream} is not running: nobody watches the stream`);
    }
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
