// Passwords inside addresses and headers never leave the server. Who sends back what he was shown means the password that is there.

import type { PublishConfig, StreamConfig } from '../../api/schema.ts';
import { redactUrl } from '../../core/redact-url.ts';
import type { ParamSet, ParamValues } from '../../pipeline/params/param-set.ts';

const MASK = '***';

/** An address without its password and token. */
export function maskedUrl(url: string): string {
  return url.replace(/([?&]token=)[^&#]*/gi, `$1${MASK}`).replace(/\/\/([^/@:]*):[^/@]*@/, '//$1:***@');
}

/** Passwords inside addresses never leave the server. */
export function withoutSecrets(config: StreamConfig): StreamConfig {
  const { source, processors, publish } = config;
  return {
    ...config,
    publish: publish.map(withoutToken),
    source: source.type === 'ffmpeg' || source.type === 'trickle' ? { ...source, url: maskedUrl(source.url) } : source,
    processors: processors.map((one) => (one.use === 'http' ? { ...one, params: masked(one.params) } : one)) as StreamConfig['processors'],
  };
}

function withoutToken(one: PublishConfig): PublishConfig {
  return { ...one, url: redactUrl(one.url), ...(one.token === undefined ? {} : { token: MASK }) };
}

/** Where streams go, with the tokens and passwords of addresses that were shown and have come back as they were shown. */
export function publishWithSecrets(given: readonly PublishConfig[], now: readonly PublishConfig[]): PublishConfig[] {
  return given.map((one) => {
    const shown = now.filter((other) => redactUrl(other.url) === one.url || other.url === one.url);
    const known = shown.find((other) => JSON.stringify(withoutToken(other)) === JSON.stringify(one)) ?? shown[0];
    if (!known) return one;
    const token = one.token === MASK && known.token !== undefined ? { token: known.token } : {};
    return { ...one, url: known.url, ...token };
  });
}

/** Values of params as they are shown. */
export function masked(values: ParamValues): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).map(([address, value]) => [address, maskedValue(address, value)]));
}

/** Headers that are sent to other programs hold keys. */
export function maskedValue(address: string, value: unknown): unknown {
  if (typeof value === 'string') return value.includes('://') ? maskedUrl(value) : value;
  if (!/(^|\.)headers$/.test(address) || !isHeaders(value)) return value;
  return Object.fromEntries(Object.keys(value).map((name) => [name, MASK]));
}

function isHeaders(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Values that were shown, as they are. */
export function unmasked(set: ParamSet, patch: ParamValues): Record<string, unknown> {
  const given = Object.entries(patch).map(([address, value]) => {
    const entry = set.find(address);
    const now = entry?.part.values[entry.name];
    if (entry?.name === 'headers' && isHeaders(value) && isHeaders(now)) {
      return [
        address,
        Object.fromEntries(Object.entries(value).map(([name, text]) => [name, text === MASK ? (now[name] ?? text) : text])),
      ] as const;
    }
    return [address, typeof now === 'string' && now !== value && maskedUrl(now) === value ? now : value] as const;
  });
  return Object.fromEntries(given);
}
