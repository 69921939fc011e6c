// Params of streams: what they are, and changes of them, which are checked as a whole, then kept, then applied between two frames.
import { type ParamOrigin, type ParamSetInfo, type ParamsChanged, SOURCE_PART } from '../../api/params.ts';
import type { StreamConfig } from '../../api/schema.ts';
import { Emitter } from '../../core/emitter.ts';
import { SluiceError } from '../../core/errors.ts';
import type { Logger } from '../../core/log.ts';
import { type ParamPlan, ParamSet, type ParamValues, same } from '../../pipeline/params/param-set.ts';
import { withParams } from '../../pipeline/params/parts.ts';
import type { Registry } from '../../pipeline/registry.ts';
import type { Stream } from '../../pipeline/stream.ts';
import type { Admission } from '../admission.ts';
import { checkProcessors, checkSource } from '../source-access.ts';
import type { StreamService } from '../stream-service.ts';
import type { Timelines } from '../timelines.ts';
import { ParamNotes } from './notes.ts';
import { masked, unmasked } from './secrets.ts';

/** How long a part may take to check its params, ms: a processor in another process may hang. */
const CHECK_MS = 8000;
/** How long an answer waits for a processor that is being loaded and whose params are not known yet, ms. */
const LEARN_MS = 3000;
/** How long a trigger stays pressed where no frame comes, ms. */
const TRIGGER_MS = 2000;

export interface ParamServiceOptions {
  readonly registry: Registry;
  readonly streams: StreamService;
  readonly timelines: Timelines;
  readonly allowSources: readonly string[];
  readonly allowProcessors: readonly string[];
  readonly log: Logger;
}

export interface ParamEvents {
  changed: {
    readonly stream: string;
    readonly values: Record<string, unknown>;
    readonly changed: readonly string[];
    readonly frame: number;
    readonly revision: number;
  };
}

/** What is remembered of a stream while it is open. */
interface Known {
  revision: number;
  /** By address, to tell what a new configuration has changed. */
  values: Record<string, unknown>;
  /** A change of params is under way: it tells of itself. */
  changing: boolean;
  readonly notes: ParamNotes;
}

export class ParamService implements Disposable {
  readonly events: Emitter<ParamEvents>;
  readonly #options: ParamServiceOptions;
  readonly #known = new Map<Stream, Known>();
  readonly #triggers = new Set<NodeJS.Timeout>();

  constructor(options: ParamServiceOptions) {
    this.#options = options;
    this.events = new Emitter((error) => options.log.error({ error: String(error) }, 'a listener failed'));
    options.registry.events.on('added', ({ stream }) => this.#follow(stream));
    options.registry.events.on('removed', ({ stream }) => this.#forget(stream));
  }

  [Symbol.dispose](): void {
    for (const timer of this.#triggers) clearTimeout(timer);
    for (const { notes } of this.#known.values()) notes.flush();
  }

  #follow(stream: Stream): void {
    const timeline = this.#options.timelines.of(stream.name);
    const notes = new ParamNotes((marker) => {
      timeline.mark([marker]).catch((error) => this.#options.log.error({ error: String(error) }, 'a change of params could not be noted'));
    });
    const known: Known = { revision: 0, values: this.#set(stream).values(), changing: false, notes };
    this.#known.set(stream, known);
    stream.events.on('config', () => {
      if (!known.changing) this.#tellOfConfig(stream, known);
    });
  }

  #forget(stream: Stream): void {
    this.#known.get(stream)?.notes.flush();
    this.#known.delete(stream);
  }

  #set(stream: Stream): ParamSet {
    return new ParamSet(stream.paramParts());
  }

  /** A new configuration has come in the place of the old one. */
  #tellOfConfig(stream: Stream, known: Known): void {
    const values = this.#set(stream).values();
    const changed = [...new Set([...Object.keys(values), ...Object.keys(known.values)])].filter(
      (address) => !same(values[address], known.values[address]),
    );
    known.values = values;
    if (changed.length) this.#tell(stream, known, changed, (stream.lastFrame?.id ?? 0) + 1);
  }

  #tell(stream: Stream, known: Known, changed: readonly string[], frame: number): void {
    const revision = ++known.revision;
    this.events.emit('changed', { stream: stream.name, values: masked(known.values), changed, frame, revision });
  }

  /** Values, schema, and where each comes from. */
  async describe(stream: Stream): Promise<ParamSetInfo> {
    await soon(stream.learnParams());
    return this.#describe(stream);
  }

  #describe(stream: Stream): ParamSetInfo {
    const set = this.#set(stream);
    const { streams } = this.#options;
    const given = streams.givenParams(stream);
    const from: [string, ParamOrigin][] = set.entries.map(({ address, part, name, schema }) => {
      const value = part.values[name];
      const before = given.get(part.id);
      const isDefault = same(value, schema.default);
      const asGiven = before === undefined || (before[name] === undefined ? isDefault : same(before[name], value));
      const origin = asGiven ? (isDefault ? ('default' as const) : ('config' as const)) : ('live' as const);
      const readOnly = schema.readOnly === true || (part.id === SOURCE_PART && streams.isReadOnly(stream.name));
      return [address, { part: part.id, use: part.use, name, set: origin, live: part.live, readOnly }];
    });
    return {
      values: masked(set.values()),
      schema: set.schema,
      from: Object.fromEntries(from),
      waiting: set.parts.filter((part) => part.schema === null).map((part) => part.id),
      revision: this.#known.get(stream)?.revision ?? 0,
    };
  }

  /**
   * Changes params by address: all or none. `why` stands in front of the note on the timeline. Throws `unknown-key`, `bad-value` (with
   * everything that is wrong in `problems`), `read-only`, `source-not-allowed`.
   */
  async change(stream: Stream, patch: ParamValues, admission: Admission, why = ''): Promise<ParamsChanged> {
    const { streams, allowSources, allowProcessors } = this.#options;
    await soon(stream.learnParams());
    return await streams.inOrder(stream.name, async () => {
      const set = this.#set(stream);
      const plan = await timely(set.plan(unmasked(set, patch)));
      const source = [...plan.parts].find(([part]) => part.id === SOURCE_PART);
      if (source) {
        streams.assertWritable(stream.name, 'changed');
        checkSource(sourceOf(stream.config, source[1]), admission, allowSources);
      }
      const processors = [...plan.parts].filter(([part]) => part.id !== SOURCE_PART);
      checkProcessors(
        processors.map(([{ use }, params]) => ({ use, params })),
        admission,
        allowProcessors,
      );
      return await this.#apply(stream, plan, why);
    });
  }

  async #apply(stream: Stream, plan: ParamPlan, why: string): Promise<ParamsChanged> {
    const known = this.#known.get(stream);
    if (!known) throw new SluiceError('unknown-stream', `there is no stream ${stream.name} any more`, { received: stream.name });
    const byId = new Map([...plan.parts].map(([part, values]) => [part.id, values]));
    let frames = new Map<string, number>();
    if (byId.size) {
      // What is pressed is let go again: it is kept as not pressed.
      const pressed = pressedOf(plan);
      const kept = new Map([...byId].map(([id, values]) => [id, released(values, pressed.get(id))]));
      await this.#options.streams.keepParams(stream, withParams(stream.config, kept));
      known.changing = true;
      try {
        frames = await stream.setParams(byId);
      } finally {
        known.changing = false;
      }
      if (pressed.size) this.#release(stream, known, pressed, Math.max(...frames.values()));
    }
    // What holds already has held before the next frame.
    const frame = frames.size ? Math.max(...frames.values()) : (stream.lastFrame?.id ?? 0) + 1;
    const changed = plan.changed.map(({ entry }) => entry.address);
    known.values = this.#set(stream).values();
    if (changed.length) {
      this.#tell(stream, known, changed, frame);
      known.notes.add(
        plan.changed.map(({ entry, from, to }) => ({ address: entry.address, from, to })),
        frame,
        why,
      );
    }
    return { ...this.#describe(stream), frame, frames: Object.fromEntries(frames), changed };
  }

  /** Lets triggers go when a frame has seen them, or none comes. */
  #release(stream: Stream, known: Known, pressed: ReadonlyMap<string, readonly string[]>, frame: number): void {
    const began = performance.now();
    const look = () => {
      this.#triggers.delete(timer);
      if (this.#known.get(stream) !== known) return;
      if ((stream.lastFrame?.id ?? 0) < frame && performance.now() - began < TRIGGER_MS) {
        timer = setTimeout(look, 20).unref();
        this.#triggers.add(timer);
        return;
      }
      const work = this.#options.streams.inOrder(stream.name, async () => {
        const next = stream
          .paramParts()
          .filter(({ id }) => pressed.has(id))
          .map((part) => [part.id, released(part.values, pressed.get(part.id))] as const);
        known.changing = true;
        await stream.setParams(new Map(next)).finally(() => {
          known.changing = false;
        });
        known.values = this.#set(stream).values();
      });
      work.catch((error) => this.#options.log.error({ stream: stream.name, error: String(error) }, 'a trigger could not be let go'));
    };
    let timer = setTimeout(look, 20).unref();
    this.#triggers.add(timer);
  }
}

/** Triggers that a change presses, by part. */
function pressedOf({ changed }: ParamPlan): Map<string, string[]> {
  const pressed = new Map<string, string[]>();
  for (const { entry, to } of changed) {
    if (entry.schema.control !== 'trigger' || to !== true) continue;
    pressed.set(entry.part.id, [...(pressed.get(entry.part.id) ?? []), entry.name]);
  }
  return pressed;
}

function released(values: ParamValues = {}, names: readonly string[] = []): ParamValues {
  return { ...values, ...Object.fromEntries(names.map((name) => [name, false])) };
}

function sourceOf(config: StreamConfig, values: ParamValues): StreamConfig['source'] {
  return { ...values, type: config.source.type } as StreamConfig['source'];
}

/** Waits for a processor that is being loaded, but not for long. */
async function soon(work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([
    work,
    new Promise<void>((resolve) => {
      timer = setTimeout(resolve, LEARN_MS);
    }),
  ]);
  clearTimeout(timer);
}

/** What a part says of its params in time. Throws `unavailable`. */
export async function timely<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () =>
        reject(new SluiceError('unavailable', `a processor has not checked its params within ${CHECK_MS / 1000} s; nothing was changed`)),
      CHECK_MS,
    );
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
