// The player of the stream page, for the panels beside it: which one it is, what it shows, and the way to exactly one frame.
import { signal } from '@preact/signals';
import type { SluicePlayer } from '../../src/player/element.ts';
import { announce } from './store.ts';

/** The player of the page; null while there is none. */
export const player = signal<SluicePlayer | null>(null);

/** The frame that the player is on its way to by order of a panel. */
export const seeking = signal<number | null>(null);

/** Shows exactly this frame, paused. Null when it is shown or something newer was asked for, else why it cannot be, in a sentence. */
export async function seekTo(frame: number): Promise<string | null> {
  const target = player.peek();
  if (!target) return 'There is no picture on this page.';
  seeking.value = frame;
  try {
    await target.seekFrame(frame);
    announce(`Frame ${frame} is shown.`);
    return null;
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') return null;
    return error instanceof Error ? error.message : String(error);
  } finally {
    if (seeking.peek() === frame) seeking.value = null;
  }
}
