// The layout of the stream that is shown: from the address if it says one, else as it was left here, else the usual one.
import { computed, signal } from '@preact/signals';
import { defaultLayout, fitLayout, type Layout, parseLayout, readLayout, writeLayout } from './layout.ts';
import { PANELS } from './panels/index.ts';
import { go, route } from './route.ts';
import { announce } from './store.ts';
import { readStored, writeStored } from './stored.ts';

const keyOf = (stream: string) => `sluice.layout.${stream}`;

const state = signal<{ readonly stream: string; readonly layout: Layout }>({ stream: '', layout: defaultLayout(PANELS) });

export const layout = computed(() => state.value.layout);

/** The layout in a form for links; null where it is the usual one. */
export function layoutText(): string | null {
  const text = writeLayout(layout.value);
  return text === writeLayout(defaultLayout(PANELS)) ? null : text;
}

/** Takes up the layout of a stream. `asked`: of a link; it is kept only when the viewer changes something. */
export function openLayout(stream: string, asked: string | null): void {
  if (asked === null && state.peek().stream === stream) return;
  const found = (asked === null ? null : readLayout(asked)) ?? parseLayout(readStored(keyOf(stream)));
  state.value = { stream, layout: found ? fitLayout(found, PANELS) : defaultLayout(PANELS) };
}

/** Changes the layout; `keep: false` while a handle is being dragged. */
export function setLayout(next: Layout, keep = true): void {
  const { stream } = state.value;
  state.value = { stream, layout: next };
  if (!keep) return;
  writeStored(keyOf(stream), JSON.stringify(next));
  forgetAsked();
}

export function resetLayout(): void {
  const { stream } = state.value;
  state.value = { stream, layout: defaultLayout(PANELS) };
  writeStored(keyOf(stream), null);
  forgetAsked();
  announce('The panels are where they were at first.');
}

/** What the viewer has changed counts more than the link by which the page was opened, also after a reload. */
function forgetAsked(): void {
  if (route.peek().layout !== null) go({ ...route.peek(), layout: null }, { replace: true });
}
