// The params of viewers who say nothing themselves: built-in values, those of the server's configuration, of the protocol, of one detector.
import {
  DEFAULT_PARAMS,
  type EffectiveParams,
  type LiveViewsConfig,
  PARAMS_OF,
  type ParamOrigin,
  type StreamParam,
  type StreamParams,
  type ViewProtocol,
} from '../../api/live-views.ts';
import { parseInput } from '../../api/zod-problem.ts';
import { SluiceError } from '../../core/errors.ts';

type Values = Partial<StreamParams>;

export class ViewParams {
  readonly #config: LiveViewsConfig['params'];
  readonly #ofProtocol = new Map<ViewProtocol, Values>();
  /** By detector and protocol. */
  readonly #ofStream = new Map<string, Map<ViewProtocol, Values>>();

  constructor(config: LiveViewsConfig['params']) {
    this.#config = config;
  }

  /** Values as they hold for a detector, or for all that have none of their own. */
  effective(protocol: ViewProtocol, stream: string | null): EffectiveParams {
    const layers: [ParamOrigin, Values][] = [
      ['config', (this.#config as Partial<Record<ViewProtocol, Values>>)[protocol] ?? {}],
      ['protocol', this.#ofProtocol.get(protocol) ?? {}],
      ['stream', (stream !== null && this.#ofStream.get(stream)?.get(protocol)) || {}],
    ];
    const values: Record<string, unknown> = {};
    const from: Record<string, ParamOrigin> = {};
    for (const key of Object.keys(PARAMS_OF[protocol].shape) as StreamParam[]) {
      const [origin, layer] = layers.findLast(([, one]) => one[key] !== undefined) ?? ['default', DEFAULT_PARAMS];
      values[key] = layer[key];
      from[key] = origin as ParamOrigin;
    }
    return { protocol, stream, values: values as Values, from };
  }

  /**
   * Changes some of them; `null` takes a value back, so that the next source holds. Throws `unknown-key`, `bad-value` with what was received
   * and what is allowed; nothing has changed then.
   */
  patch(protocol: ViewProtocol, stream: string | null, patch: Readonly<Record<string, unknown>>): void {
    const known = Object.keys(PARAMS_OF[protocol].shape);
    const strange = Object.keys(patch).find((key) => !known.includes(key));
    if (strange !== undefined) {
      const allowed = known.length ? known.join(', ') : 'none: HLS shows what the stream encodes (`encode` of its configuration)';
      const received = patch[strange];
      throw new SluiceError('unknown-key', `${strange}: ${JSON.stringify(received)} received; ${protocol} takes ${allowed}`, {
        field: strange,
        received,
        allowed,
      });
    }
    const given = Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== null));
    const parsed: Values = parseInput(PARAMS_OF[protocol].partial(), given);
    const before: Values = this.#layer(protocol, stream);
    const next = Object.fromEntries(Object.entries({ ...before, ...parsed }).filter(([key]) => patch[key] !== null));
    if (stream === null) this.#ofProtocol.set(protocol, next);
    else this.#ofStream.set(stream, (this.#ofStream.get(stream) ?? new Map()).set(protocol, next));
  }

  #layer(protocol: ViewProtocol, stream: string | null): Values {
    return (stream === null ? this.#ofProtocol.get(protocol) : this.#ofStream.get(stream)?.get(protocol)) ?? {};
  }

  /** The stream is gone. */
  forget(stream: string): void {
    this.#ofStream.delete(stream);
  }
}
