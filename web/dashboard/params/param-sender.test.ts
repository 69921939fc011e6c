import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { SluiceError } from '../../../src/core/errors.ts';
import { fieldErrorsOf, GAP_MS, ParamSender } from './param-sender.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function bench(answer: (values: Record<string, unknown>) => Promise<string>) {
  const sent: Record<string, unknown>[] = [];
  const done: (readonly string[])[] = [];
  const refused: Readonly<Record<string, string>>[] = [];
  const sender = new ParamSender<string>({
    send: (values) => {
      sent.push(values);
      return answer(values);
    },
    onSent: (_, addresses) => done.push(addresses),
    onRefused: (errors) => refused.push(errors),
  });
  return { sent, done, refused, sender };
}

it('a drag of 2 s with 60 values a second: at most ten requests a second, the last value wins', async () => {
  const { sent, sender } = bench(async () => 'ok');
  for (let step = 0; step < 120; step++) {
    sender.set({ gain: step });
    await vi.advanceTimersByTimeAsync(1000 / 60);
  }
  await vi.advanceTimersByTimeAsync(GAP_MS * 2);
  expect(sent[0]).toEqual({ gain: 0 });
  expect(sent.at(-1)).toEqual({ gain: 119 });
  expect(sent.length).toBeLessThanOrEqual(22);
});

it('never has two requests under way, and keeps what comes meanwhile together', async () => {
  const answers: (() => void)[] = [];
  const { sent, done, sender } = bench(() => new Promise((resolve) => answers.push(() => resolve('ok'))));
  sender.set({ a: 1 });
  sender.set({ a: 2 });
  sender.set({ b: 1 });
  await vi.advanceTimersByTimeAsync(1000);
  expect(sent).toEqual([{ a: 1 }]);
  expect([sender.pending('a'), sender.pending('b'), sender.pending('c')]).toEqual([true, true, false]);
  answers[0]!();
  await vi.advanceTimersByTimeAsync(GAP_MS);
  expect(sent[1]).toEqual({ a: 2, b: 1 });
  answers[1]!();
  await vi.advanceTimersByTimeAsync(0);
  expect(done).toEqual([['a'], ['a', 'b']]);
});

it('what was not wrong in a refused change is sent once more', async () => {
  const { sent, refused, sender } = bench(async (values) => {
    if ('bad' in values) {
      throw new SluiceError('bad-value', 'no', { problems: [{ field: 'bad', message: 'bad: 9 received; expected less' }] });
    }
    return 'ok';
  });
  sender.set({ first: 1 });
  sender.set({ bad: 9, good: 1 });
  await vi.advanceTimersByTimeAsync(GAP_MS * 4);
  expect(sent).toEqual([{ first: 1 }, { bad: 9, good: 1 }, { good: 1 }]);
  expect(refused).toEqual([{ bad: '9 received; expected less' }]);
});

it('what waits goes out when the panel closes', () => {
  const { sent, sender } = bench(() => new Promise(() => {}));
  sender.set({ a: 1 });
  sender.set({ a: 2 });
  sender.close();
  expect(sent).toEqual([{ a: 1 }, { a: 2 }]);
});

it('errors find the longest address that fits', () => {
  const problem = (field: string) => new SluiceError('bad-value', 'x', { problems: [{ field, message: `${field}: no` }] });
  expect(fieldErrorsOf(problem('left.region.x'), ['left.region', 'left'])).toEqual({ 'left.region': 'left.region.x: no' });
  expect(fieldErrorsOf(problem('high'), ['low'])).toEqual({ low: 'high: no' });
  expect(fieldErrorsOf(problem('high'), ['low', 'bins'])).toEqual({ '': 'high: no' });
});
