// Pictures between the server and a program on the same machine, in a file that both have in memory: a picture is written once and read
// once, where a socket copies it four times. Measured at 1080p rgb24: two and a half times the frames for half the CPU (docs/processors.md).
import { closeSync, constants, ftruncateSync, openSync, readSync, rmSync, statSync, writeSync } from 'node:fs';

/** Where Linux keeps files that are memory. */
const MEMORY_FOLDER = '/dev/shm';
/** Pages of memory, so that every picture lies at the start of one. */
const PAGE = 4096;
/** Pictures that may be with the program at a time. Those that were never used take no memory. */
const PLACES = 17;

/** Whether this machine has such files. */
export function hasSharedMemory(): boolean {
  try {
    return statSync(MEMORY_FOLDER).isDirectory();
  } catch {
    return false;
  }
}

export class SharedFrames implements Disposable {
  readonly path: string;
  /** Bytes of one place. */
  readonly placeBytes: number;
  readonly #fd: number;
  #free = Array.from({ length: PLACES }, (_, place) => place);
  #named = true;

  /** Throws if the file cannot be made. `name` is unique on this machine; what lies there from an earlier run is replaced. */
  constructor(name: string, pictureBytes: number) {
    this.path = `${MEMORY_FOLDER}/${name}`;
    this.placeBytes = Math.ceil(pictureBytes / PAGE) * PAGE;
    rmSync(this.path, { force: true });
    // Only for this user, and only if nobody else was faster.
    this.#fd = openSync(this.path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600);
    ftruncateSync(this.#fd, this.bytes);
  }

  /** Bytes of the file. */
  get bytes(): number {
    return this.placeBytes * PLACES;
  }

  /** Writes a picture into a free place: its offset, or -1 if there is none, or no memory. */
  write(picture: Uint8Array): number {
    const place = picture.length <= this.placeBytes ? this.#free.shift() : undefined;
    if (place === undefined) return -1;
    const offset = place * this.placeBytes;
    try {
      for (let done = 0; done < picture.length; ) done += writeSync(this.#fd, picture, done, picture.length - done, offset + done);
      return offset;
    } catch {
      // The file system is full: the picture goes through the socket.
      this.release(offset);
      return -1;
    }
  }

  /** Reads a picture that the program has left in a place that it was lent. False: it lies elsewhere. */
  read(target: Uint8Array, offset: number, lent: number): boolean {
    if (lent < 0 || offset < lent || offset + target.length > lent + this.placeBytes) return false;
    for (let done = 0; done < target.length; ) {
      const read = readSync(this.#fd, target, done, target.length - done, offset + done);
      if (read === 0) return false;
      done += read;
    }
    return true;
  }

  /** The place at this offset is free again; the lowest are used first, because their memory is there already. */
  release(offset: number): void {
    const place = offset / this.placeBytes;
    const at = this.#free.findIndex((other) => other > place);
    this.#free.splice(at < 0 ? this.#free.length : at, 0, place);
  }

  /** The program has it in memory: nobody else needs its name, and nothing is left behind whatever happens. */
  unname(): void {
    if (!this.#named) return;
    this.#named = false;
    rmSync(this.path, { force: true });
  }

  [Symbol.dispose](): void {
    this.unname();
    closeSync(this.#fd);
  }
}
