import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EMPTY_PLAN, fitPlan, moveMetric, type Plan, type PlanMetric, parsePlan, swapCharts, visibleCharts } from './chart-plan.ts';

const METRICS: PlanMetric[] = [
  { name: 'bright', unit: '%', width: 1 },
  { name: 'focus', unit: '', width: 1 },
  { name: 'motion', unit: '%', width: 1 },
  { name: 'spikes', unit: '', width: 1 },
  { name: 'spectrum', unit: '%', width: 64 },
];

const names = (plan: Plan) => plan.charts.map((chart) => chart.metrics);

test('metrics of a unit share a chart, others and vectors have their own', () => {
  expect(names(fitPlan(EMPTY_PLAN, METRICS))).toEqual([['bright', 'motion'], ['focus'], ['spikes'], ['spectrum']]);
});

test('a chart that the viewer has put together takes no newcomers', () => {
  const plan = moveMetric(fitPlan(EMPTY_PLAN, METRICS), 'focus', 0);
  expect(names(plan)).toEqual([['bright', 'motion', 'focus'], ['spikes'], ['spectrum']]);
  expect(names(fitPlan(plan, [...METRICS, { name: 'contrast', unit: '%', width: 1 }])).at(-1)).toEqual(['contrast']);
});

test('metrics that are away keep their place', () => {
  const plan = swapCharts(fitPlan(EMPTY_PLAN, METRICS), 0, 1);
  expect(visibleCharts(plan, METRICS.slice(1, 2)).map(({ at, chart }) => [at, chart.metrics])).toEqual([[0, ['focus']]]);
  expect(names(fitPlan(plan, METRICS))).toEqual([['focus'], ['bright', 'motion'], ['spikes'], ['spectrum']]);
});

test('whatever is moved, each metric is in exactly one place, and the plan survives being stored', () => {
  const move = fc.record({
    name: fc.constantFrom(...METRICS.map(({ name }) => name)),
    to: fc.oneof(fc.nat(6), fc.constant('new' as const), fc.constant('hidden' as const)),
  });
  fc.assert(
    fc.property(fc.array(move, { maxLength: 20 }), (moves) => {
      let plan = fitPlan(EMPTY_PLAN, METRICS);
      for (const { name, to } of moves) {
        if (typeof to === 'number' && to >= plan.charts.length) continue;
        plan = moveMetric(plan, name, to);
      }
      expect([...plan.hidden, ...names(plan).flat()].sort()).toEqual(METRICS.map(({ name }) => name).sort());
      expect(parsePlan(JSON.stringify(plan))).toEqual(plan);
      expect(fitPlan(plan, METRICS)).toBe(plan);
    }),
  );
});

test('what cannot be read is no plan', () => {
  for (const text of [null, '', '{', '{"version":2}', '[]']) expect(parsePlan(text)).toEqual(EMPTY_PLAN);
});
