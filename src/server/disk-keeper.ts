// Keeps all recordings together below their limit: the oldest go first.
import type { Logger } from '../core/log.ts';
import type { Scope } from '../core/scope.ts';
import type { Recorder } from '../outputs/hls/recorder.ts';
import type { Registry } from '../pipeline/registry.ts';

const EVERY_MS = 5000;

export interface DiskKeeperOptions {
  readonly registry: Registry;
  readonly recorder: (stream: string) => Recorder | undefined;
  /** Bytes. */
  readonly maxBytes: number;
  readonly log: Logger;
}

export function diskKeeper(scope: Scope, { registry, recorder, maxBytes, log }: DiskKeeperOptions): void {
  scope.interval(EVERY_MS, () => {
    const recorders = registry.all().flatMap((stream) => recorder(stream.name) ?? []);
    let excess = recorders.reduce((sum, entry) => sum + entry.bytes, 0) - maxBytes;
    if (excess <= 0) return;
    log.warn({ excess, maxBytes }, 'recordings are over their limit: the oldest are removed');
    while (excess > 0) {
      // What is protected goes when nothing else is left.
      const age = (entry: Recorder) => entry.oldestUnprotected ?? Number.POSITIVE_INFINITY;
      const oldest = recorders
        .filter((entry) => (entry.window?.segments ?? 0) > 1)
        .sort((a, b) => {
          const [first, second] = [age(a), age(b)];
          return first === second ? a.oldest - b.oldest : first - second;
        })[0];
      const freed = oldest?.trim(1) ?? 0;
      if (freed === 0) break;
      excess -= freed;
    }
  });
}
