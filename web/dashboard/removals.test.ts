import { expect, test } from 'vitest';
import { Removals, UNDO_MS } from './removals.ts';

function setUp(fail: unknown = null) {
  const timers = new Map<() => void, number>();
  const sent: { name: string; keepalive: boolean }[] = [];
  const errors: unknown[] = [];
  let names: string[] = [];
  const removals = new Removals({
    send: async (name, keepalive) => {
      sent.push({ name, keepalive });
      if (fail) throw fail;
    },
    onChange: (next) => {
      names = [...next];
    },
    onError: (_name, error) => errors.push(error),
    after: (ms, run) => {
      timers.set(run, ms);
      return () => void timers.delete(run);
    },
  });
  const runOut = async () => {
    for (const [run] of [...timers]) {
      timers.delete(run);
      run();
    }
    await Promise.resolve();
    await Promise.resolve();
  };
  return { removals, timers, sent, errors, names: () => names, runOut };
}

test('sends nothing before the 10 s are over', async () => {
  const { removals, timers, sent, names, runOut } = setUp();
  removals.schedule('cam');
  removals.schedule('cam');
  expect([...timers.values()]).toEqual([UNDO_MS]);
  expect(sent).toEqual([]);
  expect(names()).toEqual(['cam']);
  await runOut();
  expect(sent).toEqual([{ name: 'cam', keepalive: false }]);
  expect(names()).toEqual([]);
});

test('an undone removal is never sent', async () => {
  const { removals, sent, names, runOut } = setUp();
  removals.schedule('cam');
  expect(removals.undo('cam')).toBe(true);
  expect(names()).toEqual([]);
  await runOut();
  removals.flush();
  expect(sent).toEqual([]);
  expect(removals.undo('cam')).toBe(false);
});

test('a page that hides sends all at once, each once, with keepalive', async () => {
  const { removals, sent, runOut } = setUp();
  removals.schedule('a');
  removals.schedule('b');
  removals.flush();
  removals.flush();
  expect(removals.undo('a')).toBe(false);
  await runOut();
  expect(sent).toEqual([
    { name: 'a', keepalive: true },
    { name: 'b', keepalive: true },
  ]);
});

test('a refusal brings the stream back and is told', async () => {
  const refusal = new Error('read-only');
  const { removals, errors, names, runOut } = setUp(refusal);
  removals.schedule('cam');
  await runOut();
  expect(errors).toEqual([refusal]);
  expect(names()).toEqual([]);
});
