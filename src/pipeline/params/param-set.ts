// The params of a stream's source and processors as one set: how each is addressed, what describes them all, and a change checked as a
// whole before any of it holds.
import { allowsNull, type JsonSchema } from '../../api/json-schema.ts';
import { type FieldProblem, nearest, problemError, problemsOf } from '../../api/zod-problem.ts';
import { SluiceError } from '../../core/errors.ts';

export type ParamValues = Readonly<Record<string, unknown>>;

/** The source or a processor: something that has params. */
export interface ParamPart {
  /** `source`, or the id of the processor. Unique in the stream. */
  readonly id: string;
  /** Type of the source, or what the processor is. */
  readonly use: string;
  /** Of the object that its params are; `null` = not known yet. */
  readonly schema: JsonSchema | null;
  /** As they hold now, defaults filled in. */
  readonly values: ParamValues;
  /** They change between two frames; otherwise it begins anew. */
  readonly live: boolean;
  /** Checks a whole set and changes nothing. Gives it with defaults filled in. Throws a `SluiceError` with what is wrong in `details`. */
  check(values: ParamValues): ParamValues | Promise<ParamValues>;
}

/** One param of one part. */
export interface ParamEntry {
  /** The name, or `id.name` where two parts share it. */
  readonly address: string;
  readonly part: ParamPart;
  readonly name: string;
  readonly schema: JsonSchema;
}

/** A change that may be made: by part, the whole of its params. */
export interface ParamPlan {
  readonly parts: ReadonlyMap<ParamPart, ParamValues>;
  /** What differs from before. */
  readonly changed: readonly { readonly entry: ParamEntry; readonly from: unknown; readonly to: unknown }[];
}

export class ParamSet {
  readonly parts: readonly ParamPart[];
  readonly entries: readonly ParamEntry[];
  readonly #byAddress = new Map<string, ParamEntry>();
  /** `id.name` of every param, also where the name alone would do. */
  readonly #byFullName = new Map<string, ParamEntry>();

  constructor(parts: readonly ParamPart[]) {
    this.parts = parts;
    const owners = new Map<string, number>();
    const own = parts.flatMap((part) => Object.entries(part.schema?.properties ?? {}).map(([name, schema]) => ({ part, name, schema })));
    for (const { name } of own) owners.set(name, (owners.get(name) ?? 0) + 1);
    const full = new Set(own.map(({ part, name }) => `${part.id}.${name}`));
    this.entries = own.map(({ part, name, schema }) => {
      const alone = owners.get(name) === 1 && !full.has(name);
      return { address: alone ? name : `${part.id}.${name}`, part, name, schema };
    });
    for (const entry of this.entries) {
      if (!this.#byAddress.has(entry.address)) this.#byAddress.set(entry.address, entry);
      const name = fullName(entry);
      if (!this.#byFullName.has(name)) this.#byFullName.set(name, entry);
    }
  }

  /** The param of an address, or of `id.name` where the name alone would do. */
  find(address: string): ParamEntry | undefined {
    return this.#byAddress.get(address) ?? this.#byFullName.get(address);
  }

  /** Values by address, those of `of` or the present ones. What is not set has none. */
  values(of?: ReadonlyMap<ParamPart, ParamValues>): Record<string, unknown> {
    const values: [string, unknown][] = [];
    for (const { address, part, name } of this.entries) {
      const value = ownValue(of?.get(part) ?? part.values, name);
      if (value !== undefined) values.push([address, value]);
    }
    return Object.fromEntries(values);
  }

  /** JSON Schema of an object with the values of all. */
  get schema(): JsonSchema {
    const properties: [string, JsonSchema][] = [];
    const required: string[] = [];
    const definitions: [string, JsonSchema][] = [];
    for (const part of this.parts) {
      // Definitions of two parts may have the same name and mean different things.
      for (const [name, schema] of Object.entries(part.schema?.$defs ?? {})) {
        definitions.push([`${part.id}.${name}`, withRefsOf(part.id, schema) as JsonSchema]);
      }
    }
    for (const { address, part, name, schema } of this.entries) {
      properties.push([address, withRefsOf(part.id, schema) as JsonSchema]);
      if (part.schema?.required?.includes(name) && schema.default === undefined) required.push(address);
    }
    return {
      type: 'object',
      properties: Object.fromEntries(properties),
      ...(required.length ? { required } : {}),
      additionalProperties: false,
      ...(definitions.length ? { $defs: Object.fromEntries(definitions) } : {}),
    };
  }

  /**
   * What a change by address comes to, checked as a whole: nothing is applied. `null` gives a value back to its default where `null` is no
   * value itself. Throws `unknown-key` or `bad-value` with everything that is wrong in `problems`.
   */
  async plan(patch: ParamValues): Promise<ParamPlan> {
    const problems: FieldProblem[] = [];
    const next = new Map<ParamPart, Record<string, unknown>>();
    let wrong = false;
    for (const [address, value] of Object.entries(patch)) {
      const entry = this.find(address);
      if (!entry) {
        problems.push(this.#unknown(address));
        continue;
      }
      const present = ownValue(entry.part.values, entry.name);
      if (entry.schema.readOnly === true && !same(value, present)) {
        const message = `${address} is part of the configuration and is not changed while it runs`;
        wrong = true;
        problems.push({ field: address, message, received: value, allowed: JSON.stringify(present) ?? 'nothing' });
        continue;
      }
      const values = next.get(entry.part) ?? { ...entry.part.values };
      if (value === null && !allowsNull(entry.schema)) delete values[entry.name];
      else values[entry.name] = value;
      next.set(entry.part, values);
    }
    const unknownOnly = problems.length > 0;
    const parts = new Map<ParamPart, ParamValues>();
    const checked = await Promise.allSettled([...next].map(async ([part, values]) => [part, await part.check(values)] as const));
    for (const [index, result] of checked.entries()) {
      if (result.status === 'fulfilled') {
        parts.set(...result.value);
        continue;
      }
      // Anything else than a word on the values is told as it is.
      if (!(result.reason instanceof SluiceError) || !/^(bad-value|unknown-key)$/.test(result.reason.code)) throw result.reason;
      wrong = true;
      problems.push(...this.#inAddresses([...next.keys()][index]!, result.reason));
    }
    if (problems.length) throw problemError(problems, '', unknownOnly && !wrong ? 'unknown-key' : 'bad-value', true);
    const changed = this.entries.flatMap((entry) => {
      const values = parts.get(entry.part);
      if (!values) return [];
      const [from, to] = [ownValue(entry.part.values, entry.name), ownValue(values, entry.name)];
      return same(from, to) ? [] : [{ entry, from, to }];
    });
    for (const part of [...parts.keys()]) if (!changed.some(({ entry }) => entry.part === part)) parts.delete(part);
    return { parts, changed };
  }

  #unknown(address: string): FieldProblem {
    const shared = this.entries.filter((entry) => entry.name === address).map((entry) => entry.address);
    if (shared.length) {
      const allowed = shared.join(', ');
      return { field: address, message: `${address} is a name of several; expected ${allowed}`, received: address, allowed };
    }
    const known = this.entries.map((entry) => entry.address);
    const suggestion = nearest(address, known);
    const allowed = known.join(', ') || 'nothing: there are no params';
    const hint = suggestion ? `did you mean ${suggestion}?` : known.length ? `known are ${allowed}` : 'there are no params';
    return {
      field: address,
      message: `${address} is not a known param; ${hint}`,
      received: address,
      allowed,
      ...(suggestion ? { suggestion } : {}),
    };
  }

  /** What a part says of its own names, in addresses of the set. */
  #inAddresses(part: ParamPart, error: SluiceError): FieldProblem[] {
    return problemsOf(error).map((problem) => {
      const [name = '', ...rest] = problem.field.split('.');
      const entry = this.entries.find((one) => one.part === part && one.name === name);
      const field = entry ? [entry.address, ...rest].join('.') : problem.field ? `${part.id}.${problem.field}` : part.id;
      const message =
        problem.field && problem.message.startsWith(problem.field) ? field + problem.message.slice(problem.field.length) : problem.message;
      return { ...problem, field, message };
    });
  }
}

/** `id.name`: stays the same when other parts come and go. */
export function fullName({ part, name }: Pick<ParamEntry, 'part' | 'name'>): string {
  return `${part.id}.${name}`;
}

/** Whether two JSON values are the same. */
export function same(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object' || Array.isArray(a) !== Array.isArray(b)) return false;
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>];
  const keys = new Set([...Object.keys(left), ...Object.keys(right)]);
  return [...keys].every((key) => same(ownValue(left, key), ownValue(right, key)));
}

function ownValue(values: ParamValues, name: string): unknown {
  return Object.hasOwn(values, name) ? values[name] : undefined;
}

function withRefsOf(id: string, schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map((each) => withRefsOf(id, each));
  if (schema === null || typeof schema !== 'object') return schema;
  return Object.fromEntries(
    Object.entries(schema).map(([key, value]) =>
      key === '$ref' && typeof value === 'string' ? [key, value.replace(/^#\/\$defs\//, `#/$defs/${id}.`)] : [key, withRefsOf(id, value)],
    ),
  );
}
