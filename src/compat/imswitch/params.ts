// ImSwitch's params: one datatype for all protocols, a set for each protocol and, once it was started, one for each detector. With ranges, which
// it lacks.
import { z } from 'zod';
import { SluiceError } from '../../core/errors.ts';
import { type ImswitchProtocol, PROTOCOLS } from './names.ts';

const servers = z.array(z.union([z.string().max(500), z.record(z.string(), z.unknown())])).max(10);

/** Names, defaults and order as there. */
export const StreamParams = z.object({
  detector_name: z.string().max(64).nullable().default(null),
  protocol: z.enum(PROTOCOLS).default('jpeg'),
  compression_algorithm: z.enum(['lz4', 'zstd', 'zstandard', 'none']).default('lz4'),
  compression_level: z.number().int().min(0).max(22).default(0),
  subsampling_factor: z.number().int().min(1).max(32).default(4),
  throttle_ms: z.number().min(0).max(60_000).default(50),
  crop_size: z.number().int().min(0).max(16_384).default(0),
  jpeg_quality: z.number().int().min(1).max(100).default(80),
  stun_servers: servers.default([]),
  turn_servers: servers.default([]),
  max_width: z.number().int().min(0).max(16_384).default(1280),
  broadcast_frames: z.boolean().default(true),
});
export type StreamParams = z.infer<typeof StreamParams>;

const Patch = StreamParams.partial();
/** What its own pages send or its documents name, and what has no meaning there either. */
const IGNORED = new Set(['ice_servers', 'media_constraints']);
/** Carried over from a detector's params of another protocol. */
const COMMON = ['subsampling_factor', 'throttle_ms', 'crop_size'] as const;

type Change = Partial<StreamParams>;

/**
 * Reads params from outside. Throws `unknown-key` and `bad-value` with what was received and what is allowed.
 */
export function readParams(input: unknown): Change {
  if (input === null || input === undefined) return {};
  if (typeof input !== 'object' || Array.isArray(input)) {
    throw new SluiceError('bad-value', `params: ${JSON.stringify(input)?.slice(0, 80)} received; expected an object`, { field: 'params' });
  }
  const known = Object.keys(StreamParams.shape);
  const given: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(input)) {
    if (IGNORED.has(key)) continue;
    if (!known.includes(key)) {
      throw new SluiceError('unknown-key', `${key.slice(0, 80)}: not known; known are ${known.join(', ')}`, { field: key, allowed: known });
    }
    given[key] = value;
  }
  const parsed = Patch.safeParse(given);
  if (parsed.success) {
    // Defaults are for what was never set; a change holds only what was sent.
    return Object.fromEntries(Object.entries(parsed.data).filter(([key]) => key in given)) as Change;
  }
  const issue = parsed.error.issues[0]!;
  const field = issue.path.join('.');
  const received = given[String(issue.path[0])];
  throw new SluiceError('bad-value', `${field}: ${JSON.stringify(received)?.slice(0, 80)} received; ${issue.message}`, { field, received });
}

/** Params as they hold, with ImSwitch's rules for which of them wins. */
export class ImswitchParams {
  readonly #protocols = new Map<ImswitchProtocol, StreamParams>();
  readonly #detectors = new Map<string, StreamParams>();
  readonly #listeners = new Set<() => void>();

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Of a protocol, for detectors without any of their own. */
  ofProtocol(protocol: ImswitchProtocol): StreamParams {
    return this.#protocols.get(protocol) ?? StreamParams.parse({ protocol });
  }

  /** What a detector was given; `null` = nothing yet. */
  ofDetector(detector: string): StreamParams | null {
    return this.#detectors.get(detector) ?? null;
  }

  get detectors(): ReadonlyMap<string, StreamParams> {
    return this.#detectors;
  }

  /** What holds for a detector in a protocol: its own, what its own of another protocol has in common, else the protocol's. */
  effective(protocol: ImswitchProtocol, detector: string): StreamParams {
    const own = this.#detectors.get(detector);
    if (own?.protocol === protocol) return own;
    const base = { ...this.ofProtocol(protocol), detector_name: detector, protocol };
    return own ? { ...base, ...Object.fromEntries(COMMON.map((key) => [key, own[key]])) } : base;
  }

  /** A live view begins: what is given, else what held, is kept for this detector. */
  start(protocol: ImswitchProtocol, detector: string, change: Change | null): StreamParams {
    const base = change && Object.keys(change).length ? { ...this.ofProtocol(protocol), ...change } : this.effective(protocol, detector);
    return this.#keep(detector, { ...base, detector_name: detector, protocol });
  }

  /** Changes a protocol's, and with them those of the detectors that are viewed by it. */
  setProtocol(protocol: ImswitchProtocol, change: Change, viewed: readonly string[]): StreamParams {
    const next = { ...this.ofProtocol(protocol), ...change, protocol };
    this.#protocols.set(protocol, next);
    for (const detector of viewed)
      this.#keep(detector, { ...this.effective(protocol, detector), ...change, detector_name: detector, protocol });
    this.#tell();
    return next;
  }

  /** Changes a detector's. While it is viewed, its protocol stays. */
  setDetector(detector: string, change: Change, viewed: ImswitchProtocol | null): StreamParams {
    const protocol = viewed ?? change.protocol ?? this.#detectors.get(detector)?.protocol ?? 'jpeg';
    const base = this.effective(protocol, detector);
    return this.#keep(detector, { ...base, ...change, detector_name: detector, protocol });
  }

  forget(detector: string): void {
    this.#detectors.delete(detector);
  }

  #keep(detector: string, params: StreamParams): StreamParams {
    this.#detectors.set(detector, params);
    this.#tell();
    return params;
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
