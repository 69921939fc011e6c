// The contract of compatibility routes: each file gives the clients of one older system what they expect, from the streams that there are.

import type { FastifyRequest } from 'fastify';
import type { CompatConfig } from '../api/compat.ts';
import { SluiceError } from '../core/errors.ts';
import type { HlsOutput } from '../outputs/hls/routes.ts';
import type { OutputContext } from '../outputs/output.ts';
import type { WebRtcOutput } from '../outputs/webrtc/routes.ts';
import type { Registry } from '../pipeline/registry.ts';
import type { Stream } from '../pipeline/stream.ts';

/** What compatibility routes are given. */
export interface CompatContext extends Pick<OutputContext, 'app' | 'upgrades' | 'registry' | 'timeline' | 'tokenQuery' | 'signal' | 'log'> {
  readonly hls: HlsOutput;
  readonly meter: OutputContext['meter'];
  readonly liveViews: OutputContext['liveViews'];
  readonly webrtc: WebRtcOutput;
  /** Which streams the clients see. */
  readonly settings: CompatConfig;
  /** Whether a client may change something, not only watch. */
  readonly mayChange: (request: FastifyRequest) => boolean;
}

/** A row of the table. */
export interface CompatRow {
  readonly name: string;
  readonly open: (context: CompatContext) => void;
}

/**
 * The stream that a client without an idea of streams sees: the one asked for, the one of the configuration, else the first that fits, else
 * the first. Throws `unknown-stream`.
 */
export async function chooseStream(
  registry: Registry,
  wanted: string | null | undefined,
  fits: (stream: Stream) => boolean | Promise<boolean>,
): Promise<Stream> {
  if (wanted) return registry.get(wanted);
  const streams = registry.listed();
  for (const stream of streams) if (await fits(stream)) return stream;
  if (streams[0]) return streams[0];
  throw new SluiceError('unknown-stream', 'there is no stream yet', {});
}
