// Charts of all metrics of the stream, locked to the picture. The page only says which metric is in which chart; the elements draw.
import { useComputed, useSignal } from '@preact/signals';
import type { HTMLAttributes } from 'preact';
import { useEffect } from 'preact/hooks';
import {
  EMPTY_PLAN,
  fitPlan,
  moveMetric,
  type Plan,
  type PlanChart,
  parsePlan,
  setLook,
  swapCharts,
  visibleCharts,
  WINDOWS,
} from '../chart-plan.ts';
import { CodeBlock } from '../code-block.tsx';
import { Menu } from '../menu.tsx';
import { base, needsToken } from '../store.ts';
import { readStored, writeStored } from '../stored.ts';
import { metricSnippets } from '../timeline-snippets.ts';
import { liveAddress, type MetricList, useMetrics } from '../use-metrics.ts';
import type { PanelProps } from './panel-props.ts';

declare module 'preact' {
  namespace JSX {
    interface IntrinsicElements {
      'sluice-chart': HTMLAttributes<HTMLElement> & { src: string; metrics: string; window: string; look?: 'heat' | 'traces' };
    }
  }
}

const WINDOW_WORDS: Record<Plan['window'], string> = {
  '10s': '10 seconds',
  '30s': '30 seconds',
  '60s': '1 minute',
  '2m': '2 minutes',
  '5m': '5 minutes',
  '10m': '10 minutes',
  '30m': '30 minutes',
  '1h': '1 hour',
};

export function ChartsPanel({ info }: PanelProps) {
  const { name } = info.value;
  return <Charts key={name} stream={name} />;
}

function Charts(props: { stream: string }) {
  const { stream } = props;
  const key = `sluice.charts.${stream}`;
  const list = useMetrics(stream);
  const stored = useSignal(parsePlan(readStored(key)));
  const plan = useComputed(() => fitPlan(stored.value, list.value.metrics)).value;
  const { loaded, problem, metrics } = list.value;
  useEffect(() => {
    // uPlot comes with the first chart, not with the page.
    void import('../../../src/player/chart/element.ts');
  }, []);
  const change = (next: Plan) => {
    stored.value = next;
    writeStored(key, JSON.stringify(next));
  };
  const reset = () => {
    stored.value = { ...EMPTY_PLAN, window: plan.window };
    writeStored(key, null);
  };
  if (!metrics.length) {
    return (
      <Nothing
        stream={stream}
        text={problem ?? (loaded ? 'No metrics have come yet. Numbers that belong to a picture appear here.' : '')}
      />
    );
  }
  const charts = visibleCharts(plan, metrics);
  return (
    <div class="charts-panel">
      <div class="charts-tools">
        <label>
          Show{' '}
          <select value={plan.window} onChange={(event) => change({ ...plan, window: event.currentTarget.value as Plan['window'] })}>
            {WINDOWS.map((window) => (
              <option key={window} value={window}>
                {WINDOW_WORDS[window]}
              </option>
            ))}
          </select>
        </label>
        <Menu label="Arrange the charts" button="Arrange">
          <Arrange plan={plan} list={list.value} onChange={change} onReset={reset} />
        </Menu>
      </div>
      {charts.map(({ chart }) => (
        <sluice-chart
          key={chart.metrics.join()}
          src={liveAddress(stream)}
          metrics={chart.metrics.join(',')}
          window={plan.window}
          look={chart.look}
        />
      ))}
      {charts.length === 0 && <p class="note">All metrics are hidden: “Arrange” shows them again.</p>}
    </div>
  );
}

function Nothing(props: { stream: string; text: string }) {
  return (
    <div class="charts-panel is-empty">
      <p class="note">{props.text}</p>
      <details>
        <summary>How to send some</summary>
        {metricSnippets({ stream: props.stream, base: base.href, token: needsToken.value }).map((snippet) => (
          <CodeBlock key={snippet.id} snippet={snippet} />
        ))}
      </details>
    </div>
  );
}

function Arrange(props: { plan: Plan; list: MetricList; onChange: (plan: Plan) => void; onReset: () => void }) {
  const { plan, list, onChange } = props;
  const charts = visibleCharts(plan, list.metrics);
  const placeOf = (name: string) => plan.charts.findIndex((chart) => chart.metrics.includes(name));
  const onPlace = (name: string, value: string) => {
    onChange(moveMetric(plan, name, value === 'new' || value === 'hidden' ? value : Number(value)));
  };
  return (
    <div class="charts-arrange">
      <table>
        <tbody>
          {list.metrics.map((metric) => (
            <tr key={metric.name}>
              <th scope="row">
                <label for={`place-${metric.name}`}>{metric.label}</label> <small>{metric.unit}</small>
              </th>
              <td>
                <select
                  id={`place-${metric.name}`}
                  value={placeOf(metric.name) < 0 ? 'hidden' : String(placeOf(metric.name))}
                  onChange={(event) => onPlace(metric.name, event.currentTarget.value)}
                >
                  {charts.map(({ at }, number) => (
                    <option key={at} value={String(at)}>{`Chart ${number + 1}`}</option>
                  ))}
                  <option value="new">A chart of its own</option>
                  <option value="hidden">Hidden</option>
                </select>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {charts.length > 1 && <h3>Order</h3>}
      <ol>
        {charts.map(({ at, chart }, number) => (
          <li key={at}>
            <span>{labels(chart, list)}</span>
            {list.metrics.some((metric) => metric.width > 1 && chart.metrics.includes(metric.name)) && (
              <button
                type="button"
                class="button small"
                onClick={() => onChange(setLook(plan, at, chart.look === 'heat' ? 'traces' : 'heat'))}
              >
                {chart.look === 'heat' ? 'As traces' : 'As heat map'}
              </button>
            )}
            {charts.length > 1 && (
              <>
                <button
                  type="button"
                  class="button small"
                  aria-label={`Chart ${number + 1} up`}
                  disabled={number === 0}
                  onClick={() => onChange(swapCharts(plan, at, charts[number - 1]!.at))}
                >
                  ↑
                </button>
                <button
                  type="button"
                  class="button small"
                  aria-label={`Chart ${number + 1} down`}
                  disabled={number === charts.length - 1}
                  onClick={() => onChange(swapCharts(plan, at, charts[number + 1]!.at))}
                >
                  ↓
                </button>
              </>
            )}
          </li>
        ))}
      </ol>
      <button type="button" class="button small" onClick={props.onReset}>
        Usual arrangement
      </button>
    </div>
  );
}

function labels(chart: PlanChart, list: MetricList): string {
  return chart.metrics.map((name) => list.metrics.find((metric) => metric.name === name)?.label ?? name).join(', ');
}
