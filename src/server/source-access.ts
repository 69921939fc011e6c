// Which sources may be made over REST, and which addresses processors may ask (CONTRACT "Access"): anything by a client that needs no token,
// else what `allowSources` and `allowProcessors` list.
import { isAbsolute, relative, resolve } from 'node:path';
import type { ProcessorConfig, SourceConfig } from '../api/schema.ts';
import { SluiceError } from '../core/errors.ts';
import { redactUrl } from '../core/redact-url.ts';
import type { Admission } from './admission.ts';

/**
 * Throws `source-not-allowed`, with the configuration line to add, if this client may not make this source. An entry of `allowSources`
 * is a source type (`ffmpeg`: any input, `trickle`: any channel), the beginning of an address (`rtsp://cam.lab/`, host and port must be
 * equal), a folder, or an input word for word (`camera:0`; `camera` = any camera).
 */
export function checkSource(source: SourceConfig, admission: Admission, allowSources: readonly string[]): void {
  if (admission.via === 'loopback' || allowSources.includes(source.type)) return;
  if (source.type === 'recording') {
    // Who may make streams may read the recordings of this server anyway; other files are limited as those of FFmpeg are.
    if (source.file === undefined || allowSources.some((entry) => covers(entry, source.file!))) return;
    throw refusal(entryFor(source.file), source.file, 'this file');
  }
  // Who may make streams may watch those that there are.
  if (source.type === 'stream' || source.type === 'generate') return;
  // A channel of this server is as free as its streams are.
  if (source.type === 'trickle' && !source.url.includes('://')) return;
  if (source.type !== 'ffmpeg' && source.type !== 'trickle') throw refusal(source.type, source.type, `a source of type ${source.type}`);
  if (!allowSources.some((entry) => covers(entry, source.url))) {
    throw refusal(entryFor(source.url), redactUrl(source.url), source.type === 'trickle' ? 'this channel' : 'this input');
  }
  // FFmpeg options can send the same address elsewhere (proxies, protocol lists), so they need more than an address.
  if (source.type === 'ffmpeg' && Object.keys(source.options).length > 0)
    throw refusal('ffmpeg', Object.keys(source.options).join(', '), 'FFmpeg options');
}

/**
 * Throws `processor-not-allowed`, with the configuration line to add, if this client may not let the server ask these addresses. An entry of
 * `allowProcessors` is a processor (`http`: any address) or the beginning of an address (`http://127.0.0.1:9000/`, host and port must be equal).
 */
export function checkProcessors(
  processors: readonly Pick<ProcessorConfig, 'use' | 'params'>[],
  admission: Admission,
  allowProcessors: readonly string[],
): void {
  if (admission.via === 'loopback' || allowProcessors.includes('http')) return;
  for (const { use, params } of processors) {
    const url = use === 'http' ? String((params as { url?: unknown }).url ?? '') : null;
    if (url === null || allowProcessors.some((entry) => hasScheme(entry) && covers(entry, url))) continue;
    const line = `allowProcessors: [${JSON.stringify(entryFor(url))}]`;
    const received = url.replace(/\/\/[^/@]*@/, '//***@');
    throw new SluiceError(
      'processor-not-allowed',
      `${received}: this address may not be asked over REST. If it should be, add to the configuration: ${line}`,
      { field: 'processors', received, configLine: line },
    );
  }
}

/**
 * Throws `source-not-allowed`, with the configuration line to add, if this client may not let the server read or write these trickle channels.
 * An entry of `allowSources` is `trickle` (any), or the beginning of an address.
 */
export function checkChannels(urls: readonly string[], admission: Admission, allowSources: readonly string[]): void {
  if (admission.via === 'loopback' || allowSources.includes('trickle')) return;
  for (const url of urls) {
    if (allowSources.some((entry) => hasScheme(entry) && covers(entry, url))) continue;
    throw refusal(entryFor(url), redactUrl(url), 'this channel');
  }
}

function refusal(entry: string, received: string, what: string): SluiceError {
  const line = `allowSources: [${JSON.stringify(entry)}]`;
  return new SluiceError(
    'source-not-allowed',
    `${received}: ${what} is not allowed over REST. If it should be, add to the configuration: ${line}`,
    {
      field: 'source',
      received,
      configLine: line,
    },
  );
}

function covers(entry: string, url: string): boolean {
  if (entry === url) return true;
  if (entry === 'camera') return /^camera:/.test(url);
  if (hasScheme(entry) !== hasScheme(url)) return false;
  if (!hasScheme(entry)) return isInside(entry, url);
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(entry) || !URL.canParse(entry) || !URL.canParse(url)) return false;
  const [allowed, asked] = [new URL(entry), new URL(url)];
  if (allowed.protocol !== asked.protocol || allowed.host !== asked.host) return false;
  // The parser has resolved "..", so the path is what will be asked for; an encoded dot or slash might not be.
  if (/%2e|%2f|%5c/i.test(asked.pathname)) return false;
  return allowed.pathname.endsWith('/') || allowed.pathname === ''
    ? asked.pathname.startsWith(allowed.pathname) || allowed.pathname === `${asked.pathname}/`
    : asked.pathname === allowed.pathname || asked.pathname.startsWith(`${allowed.pathname}/`);
}

function hasScheme(text: string): boolean {
  // Two letters at least: one is a drive of Windows.
  return /^[a-z][a-z0-9+.-]+:/i.test(text);
}

function isInside(folder: string, file: string): boolean {
  if (!isAbsolute(folder)) return false;
  const way = relative(resolve(folder), resolve(file));
  return way === '' || (!way.startsWith('..') && !isAbsolute(way));
}

function entryFor(url: string): string {
  if (!hasScheme(url)) return url.startsWith('camera') ? url : resolve(url);
  if (!URL.canParse(url) || !url.includes('://')) return url;
  const { protocol, host } = new URL(url);
  return `${protocol}//${host}/`;
}
