// Which metric of a stream is in which chart, in what order, over what length of time. Pure. Saved per stream.
import '../../src/api/without-eval.ts';
import { z } from 'zod';

/** Lengths of time to choose from. */
export const WINDOWS = ['10s', '30s', '60s', '2m', '5m', '10m', '30m', '1h'] as const;

/** A metric as the plan needs to know it. */
export interface PlanMetric {
  readonly name: string;
  readonly unit: string;
  /** 1: numbers; more: vectors, which have a chart each. */
  readonly width: number;
}

const Names = z.array(z.string().max(64)).max(200);
const Chart = z.object({
  metrics: Names,
  /** Metrics of this unit that come later belong here; null: the viewer has put it together. */
  unit: z.string().nullable(),
  look: z.enum(['heat', 'traces']).default('heat'),
});
export const Plan = z.object({ version: z.literal(1), window: z.enum(WINDOWS), charts: z.array(Chart).max(200), hidden: Names });
export type Plan = z.infer<typeof Plan>;
export type PlanChart = z.infer<typeof Chart>;

export const EMPTY_PLAN: Plan = { version: 1, window: '60s', charts: [], hidden: [] };

/** What was stored; the empty plan where there is nothing, or nothing that can be read. */
export function parsePlan(text: string | null): Plan {
  try {
    return Plan.safeParse(JSON.parse(text ?? 'null')).data ?? EMPTY_PLAN;
  } catch {
    return EMPTY_PLAN;
  }
}

/** Gives each metric that is new its place: beside those of its unit, else a chart of its own. Metrics that are away keep theirs. */
export function fitPlan(plan: Plan, metrics: readonly PlanMetric[]): Plan {
  const placed = new Set([...plan.hidden, ...plan.charts.flatMap((chart) => chart.metrics)]);
  const charts = plan.charts.map((chart) => ({ ...chart, metrics: [...chart.metrics] }));
  let changed = false;
  for (const { name, unit, width } of metrics) {
    if (placed.has(name)) continue;
    changed = true;
    const mates = unit && width === 1 ? charts.find((chart) => chart.unit === unit) : undefined;
    if (mates) mates.metrics.push(name);
    // Numbers without a unit are seldom of one size.
    else charts.push({ metrics: [name], unit: unit && width === 1 ? unit : null, look: 'heat' });
  }
  return changed ? { ...plan, charts } : plan;
}

/** The charts with the metrics that there are, without those in which nothing is left; `at` is their place in the plan. */
export function visibleCharts(plan: Plan, metrics: readonly PlanMetric[]): { readonly at: number; readonly chart: PlanChart }[] {
  const there = new Set(metrics.map(({ name }) => name));
  return plan.charts
    .map((chart, at) => ({ at, chart: { ...chart, metrics: chart.metrics.filter((name) => there.has(name)) } }))
    .filter(({ chart }) => chart.metrics.length > 0);
}

/** Puts a metric into a chart of the plan, into a new one, or away. */
export function moveMetric(plan: Plan, name: string, to: number | 'new' | 'hidden'): Plan {
  const target = typeof to === 'number' ? plan.charts[to] : undefined;
  if (target?.metrics.includes(name)) return plan;
  const charts = plan.charts.map((chart) => {
    const metrics = chart.metrics.filter((other) => other !== name);
    if (chart === target) return { ...chart, metrics: [...metrics, name], unit: null };
    return metrics.length === chart.metrics.length ? chart : { ...chart, metrics, unit: null };
  });
  if (to === 'new') charts.push({ metrics: [name], unit: null, look: 'heat' });
  const hidden = plan.hidden.filter((other) => other !== name);
  if (to === 'hidden') hidden.push(name);
  return { ...plan, charts: charts.filter((chart) => chart.metrics.length > 0), hidden };
}

/** Swaps a chart with another one. */
export function swapCharts(plan: Plan, at: number, other: number): Plan {
  const charts = [...plan.charts];
  const [a, b] = [charts[at], charts[other]];
  if (!a || !b) return plan;
  charts[at] = b;
  charts[other] = a;
  return { ...plan, charts };
}

export function setLook(plan: Plan, at: number, look: PlanChart['look']): Plan {
  return { ...plan, charts: plan.charts.map((chart, index) => (index === at ? { ...chart, look } : chart)) };
}
