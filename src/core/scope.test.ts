import { describe, expect, it, vi } from 'vitest';
import { Scope } from './scope.ts';

describe('Scope', () => {
  it('aborts first, then cleans up in reverse order, waiting for each', async () => {
    const scope = new Scope();
    const log: string[] = [];
    scope.signal.addEventListener('abort', () => log.push('abort'));
    scope.defer(() => void log.push('first'));
    scope.defer(async () => {
      await new Promise((resolve) => setImmediate(resolve));
      log.push('second');
    });
    scope.use({ [Symbol.dispose]: () => void log.push('disposable') });
    scope.use({ [Symbol.asyncDispose]: async () => void log.push('async disposable') });
    await scope.close();
    expect(log).toEqual(['abort', 'async disposable', 'disposable', 'second', 'first']);
    expect(scope.closed).toBe(true);
  });

  it('closes once, whoever asks and how often', async () => {
    const scope = new Scope();
    const cleanup = vi.fn();
    scope.defer(cleanup);
    await Promise.all([scope.close(), scope.close()]);
    await scope[Symbol.asyncDispose]();
    expect(cleanup).toHaveBeenCalledOnce();
  });

  it('closes once even if a listener of its signal closes it again', async () => {
    const scope = new Scope();
    const log: string[] = [];
    scope.defer(() => void log.push('a'));
    scope.defer(() => void log.push('b'));
    scope.signal.addEventListener('abort', () => void scope.close());
    await scope.close();
    expect(log).toEqual(['b', 'a']);
  });

  it('runs every clean-up although one throws, and then throws itself', async () => {
    const scope = new Scope();
    const last = vi.fn();
    scope.defer(last);
    scope.defer(() => {
      throw new Error('one');
    });
    await expect(scope.close()).rejects.toThrow('one');
    expect(last).toHaveBeenCalledOnce();

    const other = new Scope();
    for (const name of ['x', 'y']) other.defer(() => Promise.reject(new Error(name)));
    const error = await other.close().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(AggregateError);
    expect((error as AggregateError).errors.map((each: Error) => each.message)).toEqual(['y', 'x']);
  });

  it('runs what is deferred after the close at once, and lets no error of it out', async () => {
    const scope = new Scope();
    await scope.close();
    const cleanup = vi.fn();
    scope.defer(cleanup);
    expect(cleanup).toHaveBeenCalledOnce();
    expect(() =>
      scope.defer(() => {
        throw new Error('late');
      }),
    ).not.toThrow();
  });

  it('does not run what was taken out, also while it closes', async () => {
    const scope = new Scope();
    const never = vi.fn();
    const remove = scope.defer(never);
    const alsoNever = vi.fn();
    const removeLater = scope.defer(alsoNever);
    scope.defer(() => void removeLater());
    remove();
    await scope.close();
    expect(never).not.toHaveBeenCalled();
    expect(alsoNever).not.toHaveBeenCalled();
  });

  it('closes with its parent and lets go of it when it closes before', async () => {
    const parent = new AbortController();
    const child = new Scope(parent.signal);
    const cleanup = vi.fn();
    child.defer(cleanup);
    parent.abort(new Error('over'));
    await child.close();
    expect(cleanup).toHaveBeenCalledOnce();
    expect((child.signal.reason as Error).message).toBe('over');
    expect(new Scope(parent.signal).closed).toBe(true);

    const long = new AbortController();
    const remove = vi.spyOn(long.signal, 'removeEventListener');
    await new Scope(long.signal).close();
    expect(remove).toHaveBeenCalledOnce();
  });

  it('ends its timers', async () => {
    vi.useFakeTimers();
    try {
      const scope = new Scope();
      const work = vi.fn();
      scope.interval(100, work);
      vi.advanceTimersByTime(350);
      expect(work).toHaveBeenCalledTimes(3);
      await scope.close();
      vi.advanceTimersByTime(1000);
      expect(work).toHaveBeenCalledTimes(3);
    } finally {
      vi.useRealTimers();
    }
  });
});
