import { PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import { silentLogger } from '../core/log.ts';
import type { StreamProcessorServer } from './processor-server.ts';
import { ProgramLines } from './program-lines.ts';

function open() {
  const input = new PassThrough();
  const said: { type: string; call?: number }[] = [];
  const lines = new ProgramLines(input, (line) => said.push(JSON.parse(line)), silentLogger);
  return { input, said, lines, write: (line: object) => void input.write(`${JSON.stringify(line)}\n`) };
}

it('calls have numbers and are answered in any order; a failure has the words of the program', async () => {
  const { said, lines, write } = open();
  write({ type: 'configure', name: 'py', port: 0 });
  expect(await lines.configured).toMatchObject({ name: 'py', port: 0 });
  const calls = lines.calls(true);
  const progress: unknown[] = [];
  const loading = calls.load!((message, share) => progress.push([message, share]), new AbortController().signal);
  const params = calls.params!({ stream: 'a', params: { x: 1 } });
  expect(said).toEqual([
    { type: 'load', call: 1 },
    { type: 'params', call: 2, stream: 'a', params: { x: 1 } },
  ]);
  write({ type: 'progress', message: 'half', share: 0.5 });
  write({ type: 'failed', call: 2, error: 'no such style' });
  write({ type: 'something of a newer program' });
  write({ type: 'done', call: 99 });
  write({ type: 'done', call: 1 });
  await expect(params).rejects.toThrow('no such style');
  await loading;
  expect(progress).toEqual([['half', 0.5]]);
});

it('a program that loads nothing is not asked', async () => {
  const { said, lines } = open();
  await lines.calls(false).load!(() => {}, new AbortController().signal);
  expect(said).toEqual([]);
});

it('its wishes go to the stream that it names, or to all', async () => {
  const { lines, input, write } = open();
  const told: unknown[] = [];
  const note =
    (name: string) =>
    (...values: unknown[]) =>
      told.push([name, ...values]);
  lines.serve({
    sessions: new Map([
      ['a', null],
      ['b', null],
    ]),
    sendData: note('data'),
    sendMonitoringEvent: note('event'),
    setLoadingOverlay: note('loading'),
    setTargetFps: note('fps'),
  } as unknown as StreamProcessorServer);
  write({ type: 'data', text: 'all' });
  write({ type: 'data', stream: 'b', text: 'one' });
  write({ type: 'event', stream: 'a', event: { x: 1 }, eventType: 'own' });
  write({ type: 'loading', active: true });
  write({ type: 'fps', fps: null, stream: 'a' });
  // What cannot be read is left out.
  write({ type: 'fps', fps: -1 });
  input.write('{"type": "data"\n[]\n"text"\nnull\n\n');
  input.end();
  await lines.ended;
  expect(told).toEqual([
    ['data', 'all', 'a'],
    ['data', 'all', 'b'],
    ['data', 'one', 'b'],
    ['event', { x: 1 }, 'own', 'a'],
    ['loading', true, undefined],
    ['fps', null, 'a'],
  ]);
});

it('the end of its input ends what waits, and what would', async () => {
  const { lines, input } = open();
  const calls = lines.calls(true);
  const waiting = calls.params!({ stream: 'a', params: {} });
  input.end();
  await expect(waiting).rejects.toThrow('its program has ended');
  await expect(calls.params!({ stream: 'a', params: {} })).rejects.toThrow('its program has ended');
  await expect(lines.configured).rejects.toThrow('standard input has ended before a line { "type": "configure" } came');
  await lines.ended;
});

it('a first line that is no JSON is told', async () => {
  const { lines, input } = open();
  input.write('hello\n');
  await expect(lines.configured).rejects.toThrow('the first line of the program: "hello" received; expected a JSON object');
});
