// Time as this process has it, for limits that only a wait would break, on a machine that may stand still for a second.

const TICK_MS = 10;

/**
 * Counts the ticks of this process from now on; `ms()` is how long they took, ms. A machine that stands still, or gives its time to others,
 * adds one tick at most. What blocks this process itself is not seen.
 */
export function ownTime(): Disposable & { ms(): number } {
  let ticks = 0;
  const timer = setInterval(() => ticks++, TICK_MS);
  return { ms: () => ticks * TICK_MS, [Symbol.dispose]: () => clearInterval(timer) };
}
