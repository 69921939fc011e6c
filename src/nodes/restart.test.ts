import { expect, it } from 'vitest';
import { RestartDecision, type RestartPolicy } from './restart.ts';

const decide = (policy: RestartPolicy, random = 0.5) => new RestartDecision(policy, { first: 500, longest: 10_000 }, () => random);

it('starts again by policy', () => {
  expect(decide('never').after('failed', 0)).toBe(null);
  expect(decide('never').after('ended', 0)).toBe(null);
  expect(decide('on-failure').after('failed', 0)).toBe(500);
  expect(decide('on-failure').after('ended', 0)).toBe(null);
  expect(decide('always').after('failed', 0)).toBe(500);
  expect(decide('always').after('ended', 0)).toBe(500);
});

it('waits longer after each failure, and no longer than the longest', () => {
  const decision = decide('on-failure');
  const delays = Array.from({ length: 8 }, () => decision.after('failed', 10));
  expect(delays).toEqual([500, 1000, 2000, 4000, 8000, 10_000, 10_000, 10_000]);
});

it('a long run was sound: waiting begins anew', () => {
  const decision = decide('on-failure');
  for (let n = 0; n < 5; n++) decision.after('failed', 10);
  expect(decision.after('failed', 10_001)).toBe(500);
  expect(decision.after('failed', 10)).toBe(1000);
});

it('nodes that fail together come back apart', () => {
  expect(decide('on-failure', 0).after('failed', 0)).toBe(375);
  expect(decide('on-failure', 1).after('failed', 0)).toBe(625);
});
