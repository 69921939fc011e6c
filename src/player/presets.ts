// Named settings of how pictures are shown and of the source's params, kept in this browser and exchanged as JSON files. What is read is
// checked: the message names the key.
import { SluiceError } from '../core/errors.ts';
import { COLOR_MAPS, type ColorMap } from '../core/view.ts';
import type { LookSettings } from './deep-canvas.ts';
import { MAX_SCALE, type Placement } from './zoom.ts';

export interface Preset {
  readonly name: string;
  readonly look: LookSettings;
  /** How the picture lies, in parts of its box. */
  readonly place: Placement;
  /** Whose params these are: on another stream only the view is used. */
  readonly stream: string;
  /** Params of the source, by name. */
  readonly params: Readonly<Record<string, unknown>>;
}

/** Of files and of the store. Another number: another layout of the presets. */
const VERSION = 1;
const KEY = 'sluice-presets';
const MAX_PRESETS = 200;

type Fields = Readonly<Record<string, unknown>>;

function refuse(field: string, value: unknown, expected: string): never {
  const received = value === undefined ? 'nothing' : (JSON.stringify(value) ?? String(value)).slice(0, 80);
  throw new SluiceError('bad-value', `${field}: ${received} received; expected ${expected}`, { field });
}

function fields(value: unknown, field: string, known: readonly string[]): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) refuse(field, value, `an object with ${known.join(', ')}`);
  for (const key of Object.keys(value)) if (!known.includes(key)) refuse(`${field}.${key}`, (value as Fields)[key], known.join(', '));
  return value as Fields;
}

function number(value: unknown, field: string, least: number, most: number): number {
  if (typeof value !== 'number' || !(value >= least && value <= most)) refuse(field, value, `a number from ${least} to ${most}`);
  return value;
}

const LARGEST = Number.MAX_VALUE;

function parseLook(value: unknown, field: string): LookSettings {
  const { window, gamma, map, saturated } = fields(value, field, ['window', 'gamma', 'map', 'saturated']);
  let levels: LookSettings['window'] = null;
  if (window !== null) {
    const ends = fields(window, `${field}.window`, ['low', 'high']);
    const low = number(ends.low, `${field}.window.low`, -LARGEST, LARGEST);
    const high = number(ends.high, `${field}.window.high`, -LARGEST, LARGEST);
    if (low >= high) refuse(`${field}.window.high`, high, `more than low, which is ${low}`);
    levels = { low, high };
  }
  if (!COLOR_MAPS.includes(map as ColorMap)) refuse(`${field}.map`, map, COLOR_MAPS.join(', '));
  if (typeof saturated !== 'boolean') refuse(`${field}.saturated`, saturated, 'true or false');
  return { window: levels, gamma: number(gamma, `${field}.gamma`, 0.1, 10), map: map as ColorMap, saturated };
}

function parsePreset(value: unknown, field: string): Preset {
  const found = fields(value, field, ['name', 'stream', 'look', 'place', 'params']);
  const { name, stream } = found;
  if (typeof name !== 'string' || !name.trim() || name.length > 80) refuse(`${field}.name`, name, 'a text of 1 to 80 characters');
  if (typeof stream !== 'string') refuse(`${field}.stream`, stream, 'the name of a stream');
  const { scale, x, y } = fields(found.place, `${field}.place`, ['scale', 'x', 'y']);
  const params = found.params ?? {};
  if (typeof params !== 'object' || Array.isArray(params)) refuse(`${field}.params`, params, 'an object of params by name');
  return {
    name: name.trim(),
    stream,
    look: parseLook(found.look, `${field}.look`),
    place: {
      scale: number(scale, `${field}.place.scale`, 1, MAX_SCALE),
      x: number(x, `${field}.place.x`, -MAX_SCALE, 0),
      y: number(y, `${field}.place.y`, -MAX_SCALE, 0),
    },
    params: params as Fields,
  };
}

/** Reads a file of presets. Throws `bad-value` that names the key. */
export function parsePresets(text: string): Preset[] {
  let found: unknown;
  try {
    found = JSON.parse(text);
  } catch {
    throw new SluiceError('bad-value', 'the file is not JSON; expected one that was exported here');
  }
  const { sluicePresets, presets } = fields(found, 'file', ['sluicePresets', 'presets']);
  if (sluicePresets !== VERSION) refuse('sluicePresets', sluicePresets, `the version ${VERSION}`);
  if (!Array.isArray(presets) || presets.length > MAX_PRESETS) {
    refuse('presets', Array.isArray(presets) ? presets.length : presets, `a list of at most ${MAX_PRESETS}`);
  }
  return presets.map((each, i) => parsePreset(each, `presets[${i}]`));
}

/** The file that `parsePresets` reads. */
export function writePresets(presets: readonly Preset[]): string {
  return `${JSON.stringify({ sluicePresets: VERSION, presets }, null, 2)}\n`;
}

/** With these, by name: those of the same name are replaced; in order of their names. */
export function withPresets(presets: readonly Preset[], more: readonly Preset[]): Preset[] {
  const all = new Map([...presets, ...more].map((each) => [each.name, each]));
  return [...all.values()].sort((a, b) => a.name.localeCompare(b.name)).slice(0, MAX_PRESETS);
}

/** Those of this browser; none where the store holds something else. */
export function keptPresets(): Preset[] {
  try {
    return parsePresets(localStorage.getItem(KEY) ?? '');
  } catch {
    return [];
  }
}

/** Tells whether the browser has kept them. */
export function keepPresets(presets: readonly Preset[]): boolean {
  try {
    localStorage.setItem(KEY, writePresets(presets));
    return true;
  } catch {
    return false;
  }
}
