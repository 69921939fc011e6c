import { expect, test } from 'vitest';
import { StreamAddress } from './address.ts';
import { FrameTable } from './frame-table.ts';
import { Seeker } from './seeker.ts';
import type { Dvr } from './transport.ts';

/** A way back in time that knows one frame; `seek` says how going there ends. */
function way(seek: Dvr['seek']): Dvr {
  const table = new FrameTable();
  table.add([{ pts: 900, id: 10, timestamp: 10_000, duration: 3000, repeat: false, cc: 0 }]);
  return { table, range: () => ({ start: 0, end: 1e9 }), live: false, paused: true, pause() {}, play() {}, goLive() {}, seek };
}

function seekerOver(ways: Dvr[], reopens = true) {
  const said: string[] = [];
  const seeker = new Seeker({
    address: new StreamAddress('http://127.0.0.1:9/live/cam', 'http://127.0.0.1:9/', null),
    onBegin: () => said.push('begin'),
    onArrived: () => said.push('arrived'),
    onEnd: () => said.push('end'),
    dvr: async () => ways.shift()!,
    reopen: () => {
      said.push('reopen');
      return reopens;
    },
    keptText: () => '',
  });
  return { seeker, said };
}

const fails = (name: string) => way(() => Promise.reject(new DOMException('no', name)));
const arrives = () => way(() => Promise.resolve());

test.each(['TimeoutError', 'AbortError'])('a transport that is stuck (%s) is opened anew, once', async (name) => {
  const { seeker, said } = seekerOver([fails(name), arrives()]);
  await seeker.toFrame(10);
  expect(said).toEqual(['begin', 'reopen', 'arrived', 'end']);
  const twice = seekerOver([fails(name), fails('TimeoutError'), arrives()]);
  await expect(twice.seeker.toFrame(10)).rejects.toThrow('no');
  expect(twice.said).toEqual(['begin', 'reopen', 'end']);
});

test('not where the frame is gone, the page is hidden, or something newer was asked for', async () => {
  const gone = seekerOver([fails('NotFoundError'), arrives()]);
  await expect(gone.seeker.toFrame(10)).rejects.toMatchObject({ code: 'gone' });
  expect(gone.said).toEqual(['begin', 'end']);
  const hidden = seekerOver([fails('TimeoutError'), arrives()], false);
  await expect(hidden.seeker.toFrame(10)).rejects.toThrow('no');
  const waits = way((_target, signal) => new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))));
  const replaced = seekerOver([waits, arrives()]);
  const first = replaced.seeker.toFrame(10);
  await new Promise((resolve) => setTimeout(resolve, 10));
  await replaced.seeker.toFrame(10);
  await expect(first).rejects.toThrow('Something newer was asked for.');
  expect(replaced.said).not.toContain('reopen');
});
