// Which processors there are beside the finders: built-ins, the user's own files, and objects that the program has handed in.
import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { type InlineConfig, isFinder, PROCESSOR_PARAMS, processorIdOf, type StreamConfig } from '../api/schema.ts';
import { nearest } from '../api/zod-problem.ts';
import { SluiceError } from '../core/errors.ts';
import { parseDuration } from '../core/time.ts';
import { needOnnxRuntime } from '../native/onnx.ts';
import type { ResolvedProcessor } from '../pipeline/chain/chain.ts';
import type { StageGuide } from '../pipeline/chain/guide.ts';
import type { AnyProcessor } from '../processors/define.ts';
import { DefinitionSession } from '../processors/definition-session.ts';
import type { ProgramDoors } from '../processors/external/address.ts';
import { INLINE, INLINE_NAMES } from '../processors/inline/index.ts';

/** Whether a processor of the configuration is a file: a path, not a name. */
export function isFileUse(use: string): boolean {
  return /[/\\]/.test(use);
}

/** What a processor uses that runs in a process of its own. */
export const EXTERNAL = 'external';

export class ProcessorTable {
  readonly #guides = new Map<string, StageGuide>();
  readonly #objects = new Map<string, AnyProcessor>();
  readonly #doors: ProgramDoors;

  /** @param doors where programs find the processors that they run */
  constructor(doors: ProgramDoors) {
    this.#doors = doors;
  }

  /** Names of all processors, for people. */
  get names(): string[] {
    return [...Object.keys(PROCESSOR_PARAMS), ...INLINE_NAMES, EXTERNAL, ...this.#objects.keys()];
  }

  /** Lets `guide` decide which frames the processor `id` of a stream gets, until the returned function is called. Before the stream is opened. */
  guide(stream: string, id: string, guide: StageGuide): () => void {
    const key = `${stream}/${id}`;
    this.#guides.set(key, guide);
    return () => void this.#guides.delete(key);
  }

  /** Takes an object of this program under a name, which stream configurations then use. The same name again replaces it. */
  register(name: string, processor: AnyProcessor): void {
    if (!/^[A-Za-z0-9._-]{1,64}$/.test(name)) {
      throw new SluiceError(
        'bad-name',
        `${JSON.stringify(name)} received as the name of a processor; expected 1 to 64 characters of A-Z a-z 0-9 . _ -`,
      );
    }
    if (Object.hasOwn(PROCESSOR_PARAMS, name) || Object.hasOwn(INLINE, name) || name === EXTERNAL) {
      throw new SluiceError('conflict', `there is a processor ${name} already; give yours another name`);
    }
    this.#objects.set(name, processor);
  }

  object(name: string): AnyProcessor | undefined {
    return this.#objects.get(name);
  }

  /** Throws `bad-value` if the configuration of a stream uses a processor that there is not. `files`: files are allowed. */
  check({ processors }: Pick<StreamConfig, 'processors'>, files: boolean): void {
    for (const [index, config] of processors.entries()) {
      if (isFinder(config)) continue;
      const { use } = config;
      const field = `processors[${index}].use`;
      if (isFileUse(use)) {
        if (files) continue;
        throw new SluiceError(
          'bad-value',
          `${field}: ${JSON.stringify(use)} received; code comes only by the configuration file; expected one of ${this.names.join(', ')}`,
          {
            field,
            received: use,
            allowed: this.names,
          },
        );
      }
      if (use === 'onnx') checkModel(config.params.model, `processors[${index}]`, files);
      if (Object.hasOwn(INLINE, use) || use === EXTERNAL || this.#objects.has(use)) continue;
      const meant = nearest(use, this.names);
      throw new SluiceError(
        'bad-value',
        `${field}: ${JSON.stringify(use)} received; ${meant ? `did you mean ${meant}?` : `expected one of ${this.names.join(', ')}`}`,
        {
          field,
          received: use,
          allowed: this.names,
          ...(meant ? { suggestion: meant } : {}),
        },
      );
    }
  }

  /** How a processor of a stream is run. */
  resolve(stream: string, config: InlineConfig): ResolvedProcessor {
    const guide = this.#guides.get(`${stream}/${processorIdOf(config)}`);
    return { ...this.#resolve(stream, config), ...(guide && { guide }) };
  }

  #resolve(stream: string, config: InlineConfig): ResolvedProcessor {
    const { use, memory } = config;
    if (use === EXTERNAL) {
      const deadline = parseDuration(config.deadline, 'deadline') / 1000;
      const options = this.#doors.options(stream, processorIdOf(config), { deadline, memory });
      return { spec: { kind: 'external', use, options: { ...options } }, open: null };
    }
    if (isFileUse(use)) return { spec: { kind: 'file', use }, open: null };
    const object = this.#objects.get(use);
    if (object) return { spec: { kind: 'object', use }, open: (spec, host) => new DefinitionSession(object, spec, host) };
    return { spec: { kind: 'builtin', use }, open: null };
  }
}

/** A model is a file of this machine, and needs an engine that is not always there: both are told before anything is started. */
function checkModel(model: unknown, field: string, files: boolean): void {
  if (typeof model !== 'string' || model === '') {
    throw new SluiceError('bad-value', `${field}.params.model: nothing received; expected the path of an ONNX file`, {
      field: `${field}.params.model`,
    });
  }
  if (!files) {
    throw new SluiceError('bad-value', `${field}.use: "onnx" received; models come only by the configuration file`, {
      field: `${field}.use`,
      received: 'onnx',
    });
  }
  if (!existsSync(model)) {
    throw new SluiceError('bad-value', `${field}.params.model: there is no file ${model}; expected the path of an ONNX file`, {
      field: `${field}.params.model`,
      received: model,
    });
  }
  needOnnxRuntime([dirname(resolve(model))]);
}
