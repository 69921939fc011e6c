// What waits for a decode job: encoded units that come as commands, taken one after the other.
import type { MessagePort } from 'node:worker_threads';
import type { JobCommand } from './messages.ts';

export type Unit = Extract<JobCommand, { type: 'unit' }>;

export class UnitQueue {
  readonly #units: Unit[] = [];
  #stopped = false;
  #wake: (() => void) | null = null;

  /**
   * @param limit units that may wait
   * @param onFull makes room before another one is put in
   */
  constructor(port: MessagePort, limit: number, onFull: (units: Unit[]) => void) {
    port.on('message', (command: JobCommand) => {
      if (command.type === 'stop') this.#stopped = true;
      else if (command.type === 'unit') {
        if (this.#units.length >= limit) onFull(this.#units);
        this.#units.push(command);
      }
      this.#wake?.();
    });
  }

  /** The next unit; `null`: the job was told to stop. */
  async next(): Promise<Unit | null> {
    while (!this.#stopped) {
      const unit = this.#units.shift();
      if (unit) return unit;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = null;
    }
    return null;
  }
}
