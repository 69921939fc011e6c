// Glass to glass, as the player measures it for each picture. Its frame events write, the Watch panel reads at 4 Hz; nothing of it passes
// through framework state.

/** About the last second. */
const SAMPLES = 31;
const FRESH_MS = 2000;

class Latency {
  #samples: { ms: number; at: number }[] = [];

  /** A picture was `ms` old when it was shown at the page's time `at` (ms). */
  add(ms: number, at: number): void {
    this.#samples.push({ ms, at });
    if (this.#samples.length > SAMPLES) this.#samples.shift();
  }

  /** The median in ms, or `null` if no live picture was shown lately. */
  read(now: number): number | null {
    const fresh = this.#samples.filter((each) => now - each.at < FRESH_MS).map((each) => each.ms);
    fresh.sort((a, b) => a - b);
    const median = fresh[fresh.length >> 1];
    return median === undefined ? null : Math.max(0, median);
  }

  clear(): void {
    this.#samples = [];
  }
}

export const latency = new Latency();
