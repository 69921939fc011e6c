// What the server's own routes are given.
import type { FastifyInstance } from 'fastify';
import type { SharedClock } from '../core/clock.ts';
import type { Logger } from '../core/log.ts';
import type { LifeSigns } from '../outputs/life-signs.ts';
import type { LiveViews } from '../outputs/live-views/live-views.ts';
import type { OutputMeter } from '../outputs/meter.ts';
import type { TrickleChannels } from '../trickle/channels.ts';
import type { ResolvedConfig } from './config.ts';
import type { Presets } from './params/presets.ts';
import type { ParamService } from './params/service.ts';
import type { StreamService } from './stream-service.ts';
import type { Timelines } from './timelines.ts';
import type { UpgradeDispatcher } from './upgrade.ts';

export interface RouteContext {
  readonly app: FastifyInstance;
  readonly upgrades: UpgradeDispatcher;
  readonly streams: StreamService;
  readonly params: ParamService;
  readonly presets: Presets;
  readonly timelines: Timelines;
  readonly config: ResolvedConfig;
  readonly clock: SharedClock;
  readonly log: Logger;
  readonly signal: AbortSignal;
  readonly liveViews: LiveViews;
  readonly lifeSigns: LifeSigns;
  readonly meter: (output: string, stream: string) => OutputMeter;
  readonly trickle: TrickleChannels;
  readonly version: string;
}
