import { expect, it } from 'vitest';
import { RembWay } from './remb-way.ts';

const RATE = 2_400_000;

it('an estimate that rises from a low beginning means nothing bad', () => {
  const way = new RembWay();
  for (let second = 0; second < 10; second++) {
    way.estimated(300_000 * 1.3 ** second, second * 1000);
    expect(way.state(RATE, second * 1000).verdict).toBe('fine');
  }
});

it('one that falls below what is sent does, until it is stale or another rate is sent', () => {
  const way = new RembWay();
  way.estimated(RATE * 1.2, 0);
  expect(way.state(RATE, 0).verdict).toBe('fine');
  way.estimated(500_000, 1000);
  expect(way.state(RATE, 1000)).toMatchObject({ verdict: 'bad', arriving: 500_000 });
  expect(way.state(RATE, 4500).verdict).toBe('fine');
  way.estimated(400_000, 5000);
  expect(way.state(500_000, 5000).verdict).toBe('bad');
  way.renew();
  expect(way.state(500_000, 5000).verdict).toBe('fine');
});

it('loss counts with and without an estimate', () => {
  const way = new RembWay();
  way.reported(0.05);
  expect(way.state(RATE, 0)).toMatchObject({ verdict: 'fine', lost: 0.05 });
  way.reported(0.3);
  expect(way.state(RATE, 0)).toMatchObject({ verdict: 'bad', arriving: RATE * 0.7 });
});
