import type { ReadonlySignal } from '@preact/signals';
import type { StreamInfo } from '../../../src/api/schema.ts';

/** What a panel is given. The player of the page, its shown frame and the way to a frame are in `watching.ts`. */
export interface PanelProps {
  readonly info: ReadonlySignal<StreamInfo>;
}
