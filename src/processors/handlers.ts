// What a user's module exports, as one definition: an object, a class, a function, or handlers that stand by themselves in the module.
import { SluiceError } from '../core/errors.ts';
import type { AnyProcessor } from './define.ts';

const HANDLERS = ['video', 'audio', 'generate'] as const;
const CALLS = [...HANDLERS, 'load', 'unload', 'onStart', 'onStop', 'onParams'] as const;

function isObject(value: unknown): value is Record<string, unknown> {
  return (typeof value === 'object' || typeof value === 'function') && value !== null;
}

function hasHandler(value: unknown): value is AnyProcessor {
  return isObject(value) && HANDLERS.some((name) => typeof value[name] === 'function');
}

function isClass(value: unknown): value is new () => unknown {
  return typeof value === 'function' && /^class\b/.test(Function.prototype.toString.call(value));
}

/** The definition that a value stands for; `null` if it stands for none. */
export function asProcessor(value: unknown, name: string): AnyProcessor | null {
  if (isClass(value)) {
    const made = new value();
    // Params and the like may be static.
    const fixed = value as unknown as Record<string, unknown>;
    return hasHandler(made)
      ? bound(made, { params: fixed.params, ids: fixed.ids, native: fixed.native, concurrent: fixed.concurrent }, name)
      : null;
  }
  if (hasHandler(value)) return bound(value, {}, name);
  if (typeof value === 'function') return { name, video: value as NonNullable<AnyProcessor['video']> };
  return null;
}

/** Handlers are called with the object that they were found on. */
function bound(found: AnyProcessor, fallback: Record<string, unknown>, name: string): AnyProcessor {
  const source = found as unknown as Record<string, unknown>;
  const value: Record<string, unknown> = { name: typeof found.name === 'string' && found.name ? found.name : name };
  for (const key of ['params', 'ids', 'native', 'concurrent'])
    if ((source[key] ?? fallback[key]) !== undefined) value[key] = source[key] ?? fallback[key];
  for (const key of CALLS) {
    const handler = source[key];
    if (typeof handler === 'function') value[key] = (...args: unknown[]) => handler.apply(found, args);
  }
  return value as unknown as AnyProcessor;
}

/** The processor of a module: its default export, else the handlers that it exports by name. Throws `processor-failed`. */
export function processorOf(module: Readonly<Record<string, unknown>>, name: string): AnyProcessor {
  const found = asProcessor(module.default, name) ?? asProcessor({ ...module }, name);
  if (found) return found;
  throw new SluiceError(
    'processor-failed',
    `${name} exports no processor; expected export default defineProcessor({ video }), a class, a function, or functions called ${HANDLERS.join(', ')}`,
  );
}
