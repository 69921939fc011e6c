// Functions of a stream processor as users hand them in: by name, on an object or an instance of a class, or marked with what they are.

import { nearest } from '../api/zod-problem.ts';
import type { AudioFrame } from '../core/audio.ts';
import { SluiceError } from '../core/errors.ts';
import type { AudioResult, LoadContext, ProcessorContext, VideoFrame, VideoResult } from '../processors/define.ts';
import type { Params } from './processor.ts';

/** What the functions of a stream get beside their arguments. Metrics, markers and data belong to the moment. */
export interface StreamContext<State = unknown> extends ProcessorContext<Params, State> {
  /** `gateway_request_id`. */
  readonly requestId: string;
}

/** The functions of a stream processor. `video` or `audio` is needed; all may be async. */
export interface StreamHandlers<State = unknown> {
  /** Answers as in docs/processors.md: the frame, a picture, pixels, nothing (the original passes) or WITHHOLD. */
  video?(frame: VideoFrame, context: ProcessorContext<Params, State>): VideoResult | Promise<VideoResult>;
  audio?(block: AudioFrame, context: ProcessorContext<Params, State>): AudioResult | Promise<AudioResult>;
  /** Once, at the start of the server; what it returns is `context.state`. */
  load?(context: LoadContext<Params>): State | Promise<State>;
  unload?(state: State): void | Promise<void>;
  /** Params as they were sent, whatever their keys. A throw refuses them. */
  onParams?(params: Params, context: StreamContext<State>): void | Promise<void>;
  /** A stream begins, with the params of its request. A throw is logged. */
  onStart?(params: Params, context: StreamContext<State>): void | Promise<void>;
  onStop?(context: StreamContext<State>): void | Promise<void>;
}

type Kind = keyof StreamHandlers;
export const HANDLER_KINDS = ['video', 'audio', 'load', 'unload', 'onParams', 'onStart', 'onStop'] as const satisfies readonly Kind[];
/** What the same functions are called elsewhere. */
const OTHER_NAMES: Readonly<Record<string, Kind>> = {
  process: 'video',
  processVideo: 'video',
  processVideoAsync: 'video',
  videoProcessor: 'video',
  processAudio: 'audio',
  processAudioAsync: 'audio',
  audioProcessor: 'audio',
  loadModel: 'load',
  modelLoader: 'load',
  updateParams: 'onParams',
  paramUpdater: 'onParams',
  onStreamStart: 'onStart',
  onStreamStop: 'onStop',
};

// biome-ignore lint/suspicious/noExplicitAny: functions take arguments of their own kind, which nobody else knows
type AnyFunction = (...args: any[]) => unknown;

/** What functions are marked with. A symbol of the whole program: a copy of this package in a user's folder marks alike. */
const MARK = Symbol.for('sluice.stream-handler');

const marker =
  <K extends Kind>(kind: K) =>
  <F extends NonNullable<StreamHandlers[K]>>(handler: F): F => {
    if (typeof handler !== 'function') throw new SluiceError('bad-value', `${kind}: ${describe(handler)} received; expected a function`);
    return Object.assign(handler, { [MARK]: kind });
  };

/** Marks a function as what `video` is, whatever its name: `blur = videoHandler((frame) => …)` in a class. */
export const videoHandler = marker('video');
export const audioHandler = marker('audio');
export const modelLoader = marker('load');
export const paramUpdater = marker('onParams');
export const onStreamStart = marker('onStart');
export const onStreamStop = marker('onStop');

/**
 * The handlers of an object or an instance of a class: those that are marked, else those with the names of `StreamHandlers`. Each is called
 * with the object as `this`. Throws `bad-value` where there is none, where two are marked alike, or where a name was probably misspelled.
 */
export function findHandlers(found: object, where = 'handlers'): StreamHandlers {
  if (typeof found !== 'object' || found === null || Array.isArray(found)) {
    throw new SluiceError('bad-value', `${where}: ${describe(found)} received; expected an object or an instance of a class`, {
      field: where,
    });
  }
  const handlers: Partial<Record<Kind, AnyFunction>> = {};
  const from = new Map<Kind, string>();
  for (const marked of [true, false]) {
    for (const name of namesOf(found)) {
      const value = (found as Record<string, unknown>)[name];
      const mark = typeof value === 'function' ? (value as { [MARK]?: Kind })[MARK] : undefined;
      if (marked !== (mark !== undefined)) continue;
      const kind = mark ?? (isKind(name) ? name : undefined);
      if (kind === undefined) checkName(name, value, where);
      // A marked function comes before one that only has the name.
      if (kind === undefined || (!marked && handlers[kind])) continue;
      if (value === undefined || value === null) continue;
      if (typeof value !== 'function') {
        throw new SluiceError('bad-value', `${where}.${name}: ${describe(value)} received; expected a function`, {
          field: `${where}.${name}`,
        });
      }
      if (/^class\b/.test(Function.prototype.toString.call(value))) {
        throw new SluiceError('bad-value', `${where}.${name}: a class received; expected a function`, { field: `${where}.${name}` });
      }
      const other = from.get(kind);
      if (other !== undefined) {
        throw new SluiceError('bad-value', `${where}: ${other} and ${name} are both marked as ${kind}; expected one`, {
          field: `${where}.${name}`,
        });
      }
      from.set(kind, name);
      handlers[kind] = (...args) => (value as AnyFunction).apply(found, args);
    }
  }
  if (!handlers.video && !handlers.audio) {
    throw new SluiceError(
      'bad-value',
      `${where}: no handler of pictures or sound received; expected a function called video or audio, or one marked with videoHandler or audioHandler`,
      {
        field: where,
      },
    );
  }
  return handlers as StreamHandlers;
}

function isKind(name: string): name is Kind {
  return (HANDLER_KINDS as readonly string[]).includes(name);
}

/** A function that has nearly the name of a handler, or the one of another system, would silently never be called. */
function checkName(name: string, value: unknown, where: string): void {
  if (typeof value !== 'function') return;
  const plain = name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
  const meant = OTHER_NAMES[plain] ?? (isKind(plain) ? plain : name.length > 3 ? nearest(name, HANDLER_KINDS) : undefined);
  if (!meant) return;
  throw new SluiceError('bad-value', `${where}.${name} is no handler; did you mean ${meant}? Functions of other use may begin with _`, {
    field: `${where}.${name}`,
    received: name,
    suggestion: meant,
  });
}

/** Names of its own and of its classes, in the order in which they were written; those that begin with `_` or `#` are private. */
function namesOf(found: object): string[] {
  const names = new Set<string>();
  for (let at: object | null = found; at && at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    for (const name of Object.getOwnPropertyNames(at)) if (name !== 'constructor' && !name.startsWith('_')) names.add(name);
  }
  return [...names];
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? 'an object' : typeof value === 'function' ? 'a function' : JSON.stringify(value);
}
