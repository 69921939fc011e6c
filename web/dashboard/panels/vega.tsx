// A chart of the viewer's own: a Vega-Lite spec, kept per stream, fed live with the metrics of the stream.
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { StreamAddress } from '../../../src/player/address.ts';
import { feedOf, leaveFeed } from '../../../src/player/chart/metric-feed.ts';
import { readStored, writeStored } from '../stored.ts';
import { theme } from '../theme.ts';
import { liveAddress, useMetrics } from '../use-metrics.ts';
import { exampleSpec, rowsOf } from '../vega-rows.ts';
import type { ShownSpec } from '../vega-view.ts';
import { player } from '../watching.ts';
import type { PanelProps } from './panel-props.ts';

/** Vega needs tens of milliseconds for a drawing. */
const DRAW_MS = 100;
const WINDOW_US = 60_000_000;

export function VegaPanel({ info }: PanelProps) {
  const { name } = info.value;
  return <Vega key={name} stream={name} />;
}

function Vega(props: { stream: string }) {
  const { stream } = props;
  const key = `sluice.vega.${stream}`;
  const list = useMetrics(stream);
  const names = list.value.metrics.filter(({ width }) => width === 1).map(({ name }) => name);
  const spec = useSignal(readStored(key));
  const draft = useSignal<string | null>(null);
  const problem = useSignal<string | null>(null);
  const box = useRef<HTMLDivElement>(null);
  const ready = spec.value !== null || names.length > 0;
  const text = spec.value ?? (ready ? exampleSpec(names) : null);

  useEffect(() => {
    if (text === null || !box.current) return;
    return follow(stream, text, box.current, (said) => {
      problem.value = said;
    });
    // The example is not made anew with every new metric.
  }, [stream, spec.value, ready, theme.value]);

  const onShow = () => {
    const next = draft.value;
    if (next === null) return;
    spec.value = next;
    draft.value = null;
    writeStored(key, next);
  };
  const onExample = () => {
    spec.value = null;
    draft.value = null;
    writeStored(key, null);
  };
  return (
    <div class="vega-panel">
      {!ready && <p class="note">{list.value.problem ?? (list.value.loaded ? 'No metrics have come yet.' : 'Loading…')}</p>}
      <div class="vega-view" ref={box} hidden={!ready} role="img" aria-label="Chart by the spec below" />
      {problem.value && (
        <p class="vega-problem" role="alert">
          {problem.value}
        </p>
      )}
      <details>
        <summary>Spec</summary>
        <p class="note">
          Data: <code>{'{"name": "metrics"}'}</code>, the last minute as rows{' '}
          <code>name, timestamp (µs), time (ms), value, index (of vectors)</code>. It is kept in this browser.
        </p>
        <textarea
          aria-label="Vega-Lite spec"
          spellcheck={false}
          rows={16}
          value={draft.value ?? text ?? ''}
          onInput={(event) => {
            draft.value = event.currentTarget.value;
          }}
          onKeyDown={(event) => {
            if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) onShow();
          }}
        />
        <p class="actions">
          <button type="button" class="button primary small" disabled={draft.value === null} onClick={onShow}>
            Show
          </button>
          <button type="button" class="button small" onClick={onExample}>
            Example
          </button>
        </p>
      </details>
    </div>
  );
}

/** Shows a spec and feeds it until the returned function is called. */
function follow(stream: string, text: string, box: HTMLElement, tell: (problem: string | null) => void): () => void {
  const feed = feedOf(new StreamAddress(liveAddress(stream), document.baseURI));
  const abort = new AbortController();
  const { signal } = abort;
  let shown: ShownSpec | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let inView = true;
  const seen = new IntersectionObserver((entries) => {
    inView = entries.at(-1)?.isIntersecting ?? true;
  });
  feed.need(box, null, WINDOW_US);
  seen.observe(box);

  let version = -1;
  const draw = async (view: ShownSpec) => {
    const stands = player.peek()?.paused ?? false;
    const due = !document.hidden && inView && version !== feed.version && !(stands && version >= 0);
    const start = performance.now();
    if (due) {
      version = feed.version;
      await view.show(rowsOf(feed.series.values(), feed.edge() - WINDOW_US));
    }
    // Never more than a quarter of the time.
    if (!signal.aborted) timer = setTimeout(() => void run(view), Math.max(DRAW_MS, (performance.now() - start) * 3));
  };
  const run = async (view: ShownSpec) => {
    try {
      await draw(view);
    } catch (error) {
      if (!signal.aborted) tell(sentence(error));
    }
  };
  const start = async () => {
    try {
      const { showSpec } = await import('../vega-view.ts');
      if (signal.aborted) return;
      const style = getComputedStyle(box);
      const grid = style.getPropertyValue('--line').trim();
      const made = await showSpec(text, box, { text: style.color, grid, font: style.fontFamily });
      if (signal.aborted) return made.close();
      shown = made;
      tell(null);
      await run(made);
    } catch (error) {
      if (signal.aborted) return;
      box.replaceChildren();
      tell(sentence(error));
    }
  };
  void start();
  return () => {
    abort.abort();
    clearTimeout(timer);
    seen.disconnect();
    shown?.close();
    leaveFeed(feed, box);
  };
}

function sentence(error: unknown): string {
  // Vega stumbles over what it does not expect; its words then are about its own insides.
  if (error instanceof TypeError) return `The spec cannot be shown: Vega-Lite does not understand a part of it (${error.message}).`;
  return `The spec cannot be shown. ${error instanceof Error ? error.message : String(error)}`;
}
