import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { SluiceError } from '../core/errors.ts';
import { EncoderLife, type EncoderRun } from './encoder-life.ts';
import type { Job } from './media-pool.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function setUp() {
  let readers = 0;
  const ends: ((error: SluiceError | null) => void)[] = [];
  const told: string[] = [];
  const start = (): EncoderRun => {
    told.push('start');
    const { promise, resolve } = Promise.withResolvers<SluiceError | null>();
    ends.push(resolve);
    const stop = async () => {
      resolve(null);
      await promise;
    };
    return { job: { ended: promise, stop, send: () => {} } as unknown as Job, release: () => told.push('release') };
  };
  const life = new EncoderLife({
    lingerMs: 5000,
    readers: () => readers,
    start,
    onFailed: (error, news) => told.push(`${error.message}${news ? '' : ' again'}`),
    onIdle: () => told.push('idle'),
  });
  const read = (count: number) => {
    readers = count;
    life.onReaders(count);
  };
  return { life, told, ends, read };
}

test('the first reader starts it, it stops a while after the last, and not if another one comes meanwhile', async () => {
  const { life, told, read } = setUp();
  read(1);
  read(2);
  read(0);
  await vi.advanceTimersByTimeAsync(4000);
  read(1);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(told).toEqual(['start']);
  read(0);
  await vi.advanceTimersByTimeAsync(5000);
  expect(told).toEqual(['start', 'release', 'idle']);
  expect(life.run).toBeNull();
});

test('what fails begins anew, later each time, until it works again; nobody starts what nobody reads', async () => {
  const { life, told, ends, read } = setUp();
  const fail = async () => {
    ends.at(-1)!(new SluiceError('encoder-failed', 'no'));
    await vi.advanceTimersByTimeAsync(0);
  };
  read(1);
  await fail();
  expect([told, life.error?.message]).toEqual([['start', 'release', 'no'], 'no']);
  await vi.advanceTimersByTimeAsync(499);
  expect(told.at(-1)).toBe('no');
  await vi.advanceTimersByTimeAsync(1);
  await fail();
  expect(told.slice(3)).toEqual(['start', 'release', 'no again']);
  await vi.advanceTimersByTimeAsync(999);
  expect(told.length).toBe(6);
  await vi.advanceTimersByTimeAsync(1);
  life.worked();
  expect(life.error).toBeNull();
  read(0);
  await fail();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(told.slice(6)).toEqual(['start', 'release', 'no', 'idle']);
});

test('closed it stops and starts no more', async () => {
  const { life, told, read } = setUp();
  read(1);
  await life.close();
  read(2);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(told).toEqual(['start', 'release']);
});
