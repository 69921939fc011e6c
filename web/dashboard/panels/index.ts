// The panels of the stream page. A new panel is one file and one row here (and its name in `tabs.ts`).
import type { ReadonlySignal } from '@preact/signals';
import type { VNode } from 'preact';
import type { StreamInfo } from '../../../src/api/schema.ts';
import type { TabId } from '../tabs.ts';
import { EmbedPanel } from './embed.tsx';
import { PushPanel } from './push.tsx';
import { WatchPanel } from './watch.tsx';

export interface PanelProps {
  readonly info: ReadonlySignal<StreamInfo>;
}

export interface PanelEntry {
  readonly id: TabId;
  readonly label: string;
  readonly Panel: (props: PanelProps) => VNode;
}

export const PANELS: readonly PanelEntry[] = [
  { id: 'watch', label: 'Watch', Panel: WatchPanel },
  { id: 'push', label: 'Push', Panel: PushPanel },
  { id: 'embed', label: 'Embed', Panel: EmbedPanel },
];
