// The panels of the stream page. A new panel is one file and one row here; it docks, moves and hides like the others.
import type { VNode } from 'preact';
import type { StreamInfo } from '../../../src/api/schema.ts';
import type { PanelRow } from '../layout.ts';
import type { TabId } from '../tabs.ts';
import { ChartsPanel } from './charts.tsx';
import { DataPanel } from './data.tsx';
import { EmbedPanel } from './embed.tsx';
import { LiveViewPanel } from './live-view.tsx';
import { MarkersPanel } from './markers.tsx';
import type { PanelProps } from './panel-props.ts';
import { ParamsPanel } from './params.tsx';
import { PushPanel } from './push.tsx';
import { RecordingsPanel } from './recordings.tsx';
import { StatisticsPanel } from './statistics.tsx';
import { TricklePanel } from './trickle.tsx';
import { VegaPanel } from './vega.tsx';

export interface PanelEntry extends PanelRow {
  readonly label: string;
  /** It fills the height that it is given and scrolls inside; others are as tall as what they show. In CSS pixels until resized. */
  readonly height?: number;
  readonly Panel: (props: PanelProps) => VNode;
  /** Whether a stream has something for it; left out: every stream. */
  readonly offered?: (info: StreamInfo) => boolean;
}

/** Panels of the tab Watch, in the order in which they are shown at first. */
export const PANELS: readonly PanelEntry[] = [
  { id: 'trickle', label: 'Trickle', place: 'right', shown: true, Panel: TricklePanel, offered: ({ trickle }) => trickle !== undefined },
  { id: 'markers', label: 'Markers', place: 'right', shown: true, height: 440, Panel: MarkersPanel },
  { id: 'params', label: 'Params', place: 'right', shown: true, Panel: ParamsPanel },
  { id: 'data', label: 'Data', place: 'right', shown: false, height: 320, Panel: DataPanel },
  { id: 'statistics', label: 'Statistics', place: 'right', shown: true, Panel: StatisticsPanel },
  { id: 'recordings', label: 'Recordings', place: 'right', shown: false, Panel: RecordingsPanel },
  { id: 'liveview', label: 'Live view', place: 'right', shown: true, Panel: LiveViewPanel },
  { id: 'charts', label: 'Charts', place: 'under', shown: true, Panel: ChartsPanel },
  { id: 'vega', label: 'Vega-Lite', place: 'under', shown: false, Panel: VegaPanel },
];

/** Whether this panel is for this stream. */
export function isOffered(id: string, info: StreamInfo): boolean {
  return PANELS.find((panel) => panel.id === id)?.offered?.(info) ?? true;
}

/** What the other tabs show beside the picture. */
export const PAGES: Record<Exclude<TabId, 'watch'>, (props: PanelProps) => VNode> = { push: PushPanel, embed: EmbedPanel };
