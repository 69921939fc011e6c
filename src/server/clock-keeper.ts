// Keeps the server's clock near the system's, and says so on every timeline when somebody set the system's clock.
import type { SharedClock } from '../core/clock.ts';
import type { Logger } from '../core/log.ts';
import { lengthOf } from '../pipeline/capture-watch.ts';
import type { Registry } from '../pipeline/registry.ts';

/** Call it once a second. `wall`: the system's UTC, µs. */
export function clockKeeper(clock: SharedClock, wall: number, registry: Registry, log: Logger): void {
  const step = clock.slew(wall);
  if (step === 0) return;
  const label = `system clock of the server set ${step > 0 ? 'forward' : 'back'} by ${lengthOf(step)}`;
  log.warn({ step: Math.round(step) }, `${label}; capture times go on without a step and follow slowly`);
  const timestamp = clock.now();
  for (const stream of registry.all()) stream.note({ id: `clock-server-${timestamp}`, kind: 'clock', label, timestamp });
}
