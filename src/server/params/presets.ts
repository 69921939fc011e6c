// Presets: values of params under a name, kept in the store.
import type { Preset } from '../../api/params.ts';
import { type ParamsChanged, SOURCE_PART } from '../../api/params.ts';
import { SluiceError } from '../../core/errors.ts';
import { fullName, ParamSet, type ParamValues } from '../../pipeline/params/param-set.ts';
import type { Stream } from '../../pipeline/stream.ts';
import type { Store } from '../../timeline/store.ts';
import type { Admission } from '../admission.ts';
import type { StreamService } from '../stream-service.ts';
import { masked, unmasked } from './secrets.ts';
import { type ParamService, timely } from './service.ts';

/** Of one stream. */
const MAX_PRESETS = 200;

export class Presets {
  readonly #store: Store;
  readonly #streams: StreamService;
  readonly #params: ParamService;

  constructor(store: Store, streams: StreamService, params: ParamService) {
    this.#store = store;
    this.#streams = streams;
    this.#params = params;
  }

  async list(stream: Stream): Promise<Preset[]> {
    const rows = await this.#store.call('presets', stream.name);
    const set = setOf(stream);
    return rows.map(({ name, data }) => this.#read(set, name, data));
  }

  /** Throws `unknown-preset` with the names that there are. */
  async get(stream: Stream, name: string): Promise<Preset> {
    const presets = await this.list(stream);
    const found = presets.find((one) => one.name === name);
    if (found) return found;
    throw this.#unknown(stream, name, presets);
  }

  #unknown(stream: Stream, name: string, presets: readonly Preset[]): SluiceError {
    const names = presets.map((one) => one.name);
    const rest = names.length ? `there are: ${names.join(', ')}` : 'there are none yet';
    return new SluiceError('unknown-preset', `${stream.name} has no preset ${JSON.stringify(name)}; ${rest}`, {
      received: name,
      allowed: names,
    });
  }

  /** Full names outlive other parts that come and go; a page is told addresses. */
  #read(set: ParamSet, name: string, data: string): Preset {
    const { values, saved } = JSON.parse(data) as { values: Record<string, unknown>; saved: number };
    const byAddress = Object.entries(values).map(([full, value]) => [set.find(full)?.address ?? full, value] as const);
    return { name, values: masked(Object.fromEntries(byAddress)), saved };
  }

  /** Saves some values, or all as they are now, which must be allowed. Resolves when it is on disk, with whether it is a new one. */
  async save(stream: Stream, name: string, values: ParamValues | undefined): Promise<{ preset: Preset; created: boolean }> {
    return await this.#streams.inOrder(stream.name, async () => {
      const set = setOf(stream);
      const given = values ? unmasked(set, values) : this.#present(stream, set);
      await timely(set.plan(given));
      const known = await this.#store.call('presets', stream.name);
      const created = !known.some((row) => row.name === name);
      if (created && known.length >= MAX_PRESETS) {
        throw new SluiceError('unprocessable', `${stream.name} has ${known.length} presets; at most ${MAX_PRESETS} are kept`, {
          allowed: MAX_PRESETS,
        });
      }
      const full = Object.fromEntries(Object.entries(given).map(([address, value]) => [fullName(set.find(address)!), value]));
      const data = JSON.stringify({ values: full, saved: stream.clock.now() });
      await this.#store.call('savePreset', stream.name, { name, data });
      return { preset: this.#read(set, name, data), created };
    });
  }

  /** All that a preset can bring back; what is not set as `null`. */
  #present(stream: Stream, set: ParamSet): Record<string, unknown> {
    const readOnly = this.#streams.isReadOnly(stream.name);
    const entries = set.entries.filter(
      ({ part, schema }) => schema.control !== 'trigger' && schema.readOnly !== true && !(readOnly && part.id === SOURCE_PART),
    );
    return Object.fromEntries(entries.map(({ address, part, name }) => [address, part.values[name] ?? null]));
  }

  async remove(stream: Stream, name: string): Promise<void> {
    if (await this.#store.call('removePreset', stream.name, name)) return;
    throw this.#unknown(stream, name, await this.list(stream));
  }

  /** Applies one, all or nothing. */
  async apply(stream: Stream, name: string, admission: Admission): Promise<ParamsChanged> {
    await this.get(stream, name);
    const row = (await this.#store.call('presets', stream.name)).find((one) => one.name === name)!;
    const { values } = JSON.parse(row.data) as { values: Record<string, unknown> };
    return await this.#params.change(stream, values, admission, `preset ${name}`);
  }
}

function setOf(stream: Stream): ParamSet {
  return new ParamSet(stream.paramParts());
}
