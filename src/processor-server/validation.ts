// Bodies of the routes of a stream processor, and messages of its control channel. The words are those that pytrickle's clients know, with
// what was received behind them.
import { SluiceError } from '../core/errors.ts';
import { MAX_SIDE } from '../core/frame.ts';
import { channelAddress } from '../trickle/endpoint.ts';
import type { Params } from './processor.ts';
import type { StartRequest } from './session.ts';

/** Longest id of a stream, characters. */
const MAX_ID = 256;
const MAX_URL = 8192;
const MAX_FPS = 60;
const URLS = ['subscribe_url', 'publish_url', 'control_url', 'events_url', 'data_url'] as const;

/** A JSON body. Throws `unsupported-media-type`, `bad-request`. */
export function readJson(contentType: string | null, text: string): unknown {
  const type = (contentType ?? '').split(';', 1)[0]!.trim().toLowerCase() || 'application/octet-stream';
  if (type !== 'application/json') {
    throw new SluiceError('unsupported-media-type', `Unknown content type: ${type.slice(0, 100)}; expected application/json`);
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new SluiceError('bad-request', text === '' ? 'The body is empty; expected a JSON object' : `The body is no JSON: ${shown(text)}`);
  }
}

/** Body of `POST /stream/start`. Keys that are not known are ignored. Throws `bad-value`. */
export function readStart(body: unknown): StartRequest {
  const given = objectOf(body, 'The body');
  const urls = Object.fromEntries(URLS.map((key) => [key, readUrl(given[key], key)])) as Pick<StartRequest, (typeof URLS)[number]>;
  const id = given.gateway_request_id;
  if (id === undefined) throw bad('gateway_request_id', 'is missing; expected a text', undefined);
  if (typeof id !== 'string' || id === '' || id.length > MAX_ID || hasControl(id)) {
    throw bad('gateway_request_id', `${shown(id)} received; expected a text of 1 to ${MAX_ID} characters`, id);
  }
  const { params } = given;
  return { ...urls, gateway_request_id: id, params: params === undefined || params === null ? {} : readParams(params, 'params') };
}

function readUrl(value: unknown, key: string): string | null {
  if (value === undefined || value === null || value === '') return null;
  const expected = 'expected an address with http:// or https:// and a channel, as http://host/NAME';
  if (typeof value !== 'string') throw bad(key, `${shown(value)} received; ${expected}`, value);
  if (value.length > MAX_URL) throw bad(key, `${value.length} characters received; expected at most ${MAX_URL}`, undefined);
  try {
    channelAddress(value);
    return value;
  } catch {
    throw bad(key, `${shown(value)} received; ${expected}`, value);
  }
}

/**
 * Params of a stream: any object. `width`, `height`, `max_framerate` and `detect_out_resolution` are checked and turned into numbers and
 * booleans; everything else passes as it is. Throws `bad-value`.
 */
export function readParams(value: unknown, where = 'The body'): Params {
  const given = objectOf(value, where);
  // A null prototype, so that a key called __proto__ is one like any other.
  const params: Record<string, unknown> = Object.assign(Object.create(null), given);
  if ('width' in params !== 'height' in params) {
    throw bad('params', "Both 'width' and 'height' must be provided together", given, '');
  }
  for (const key of ['width', 'height']) if (key in params) params[key] = side(params[key], key);
  if ('max_framerate' in params) params.max_framerate = framerate(params.max_framerate);
  if ('detect_out_resolution' in params) params.detect_out_resolution = flag(params.detect_out_resolution);
  return { ...params };
}

/** An integer, or a text that is one. */
function integer(value: unknown): number | null {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? value : null;
  if (typeof value !== 'string' || !/^\s*[+-]?\d{1,15}\s*$/.test(value)) return null;
  return Number(value);
}

function side(value: unknown, key: string): number {
  const pixels = integer(value);
  if (pixels !== null && pixels > 0 && pixels <= MAX_SIDE) return pixels;
  const why = `Width and height must be valid integers or integer strings, from 1 to ${MAX_SIDE}; ${key}: ${shown(value)} received`;
  throw bad(key, why, value, '');
}

function framerate(value: unknown): number {
  const fps = integer(value);
  const received = `${shown(value)} received`;
  if (fps === null) throw bad('max_framerate', `must be a valid integer; ${received}`, value, ' ');
  if (fps <= 0) throw bad('max_framerate', `must be a positive integer; ${received}`, value, ' ');
  if (fps > MAX_FPS) throw bad('max_framerate', `cannot exceed ${MAX_FPS} FPS; ${received}`, value, ' ');
  return fps;
}

function flag(value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  if (typeof value === 'number' && Number.isInteger(value)) return value !== 0;
  const text = typeof value === 'string' ? value.toLowerCase() : null;
  if (text === 'true' || text === '1' || text === 'yes') return true;
  if (text === 'false' || text === '0' || text === 'no') return false;
  throw bad('detect_out_resolution', `must be a boolean value; ${shown(value)} received`, value, ' ');
}

function objectOf(value: unknown, where: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new SluiceError('bad-value', `${where}: ${shown(value)} received; expected an object`);
}

function bad(field: string, text: string, received: unknown, join = ': '): SluiceError {
  const message = join === '' ? text : `${field}${join}${text}`;
  return new SluiceError('bad-value', message, { field, ...(received === undefined ? {} : { received }) });
}

/** A value in few characters. */
function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}

function hasControl(text: string): boolean {
  return /\p{Cc}/u.test(text);
}
