// Passwords inside addresses never leave the server. Who sends back what he was shown means the password that is there.

import { SOURCE_PART } from '../../api/params.ts';
import type { StreamConfig } from '../../api/schema.ts';
import type { ParamSet, ParamValues } from '../../pipeline/params/param-set.ts';

/** An address without its password. */
export function maskedUrl(url: string): string {
  return url.replace(/\/\/([^/@:]*):[^/@]*@/, '//$1:***@');
}

/** Passwords inside addresses never leave the server. */
export function withoutSecrets(config: StreamConfig): StreamConfig {
  if (config.source.type !== 'ffmpeg') return config;
  return { ...config, source: { ...config.source, url: maskedUrl(config.source.url) } };
}

/** Values of params as they are shown. */
export function masked(values: ParamValues): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).map(([address, value]) => [address, maskedValue(value)]));
}

export function maskedValue(value: unknown): unknown {
  return typeof value === 'string' && value.includes('://') ? maskedUrl(value) : value;
}

/** Values that were shown, as they are. */
export function unmasked(set: ParamSet, patch: ParamValues): Record<string, unknown> {
  const given = Object.entries(patch).map(([address, value]) => {
    const entry = typeof value === 'string' && value.includes(':***@') ? set.find(address) : undefined;
    const now = entry && entry.part.id === SOURCE_PART ? entry.part.values[entry.name] : undefined;
    return [address, typeof now === 'string' && maskedUrl(now) === value ? now : value] as const;
  });
  return Object.fromEntries(given);
}
