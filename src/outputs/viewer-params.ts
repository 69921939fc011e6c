// What one viewer of a live view gets who says nothing itself, and when that changes.
import type { ViewProtocol, ViewValues } from '../api/live-views.ts';
import type { StreamConfig } from '../api/schema.ts';
import type { RenditionSettings } from '../encoders/encoder.ts';
import { mainSettings } from '../pipeline/renditions.ts';
import type { Stream } from '../pipeline/stream.ts';
import type { LiveViews } from './live-views/live-views.ts';

/** The params of one stream and protocol, as they hold at each moment. */
export interface ViewerParams {
  readonly values: ViewValues;
  /** Told of each change until the returned function is called. */
  onChange(listener: () => void): () => void;
}

export function viewerParams(views: LiveViews, stream: Stream, protocol: ViewProtocol): ViewerParams {
  return {
    get values() {
      return views.valuesOf(protocol, stream.name);
    },
    onChange: (listener) =>
      views.events.on('params', (change) => {
        if (change.stream === stream.name && change.protocol === protocol) listener();
      }),
  };
}

/** Settings of the H.264 rendition for them: the one that HLS and DVR share, where they ask for nothing else. */
export function videoSettings(
  config: StreamConfig,
  { fps, width, bitrate }: Pick<ViewValues, 'fps' | 'width' | 'bitrate'>,
): Extract<RenditionSettings, { codec: 'h264' }> {
  return {
    ...mainSettings(config),
    ...(bitrate ? { bitrate } : {}),
    ...(width ? { width, height: null } : {}),
    ...(fps ? { fps } : {}),
  };
}
