import { afterEach, expect, test, vi } from 'vitest';
import type { StreamInfo } from '../api/schema.ts';
import { StreamAddress } from './address.ts';
import { StreamWatch } from './stream-watch.ts';

afterEach(() => vi.unstubAllGlobals());

const turn = () => new Promise((resolve) => setTimeout(resolve));
const infoOf = (state: StreamInfo['state']) => ({ name: 'cam', state, reason: null }) as StreamInfo;

/** A watch whose requests are answered, and whose events come, when the test says so. */
async function world(host: string) {
  const answers: ((answer: Response) => void)[] = [];
  let socket: { onopen?: () => void; onmessage?: (message: { data: string }) => void } | undefined;
  vi.stubGlobal('fetch', () => new Promise<Response>((resolve) => answers.push(resolve)));
  class Socket {
    static readonly OPEN = 1;
    readonly readyState = 1;
    onopen?: () => void;
    onmessage?: (message: { data: string }) => void;
    constructor() {
      socket = this;
    }
    send(): void {}
    close(): void {}
  }
  vi.stubGlobal('WebSocket', Socket);
  const watch = new StreamWatch(new StreamAddress('live/cam', `http://${host}/`), () => {});
  watch.open();
  await turn();
  socket!.onopen?.();
  const tell = (info: StreamInfo | null) => socket!.onmessage?.({ data: JSON.stringify({ type: 'state', stream: 'cam', info }) });
  const answer = async (status: number, body: unknown) => {
    answers.shift()!(Response.json(body, { status }));
    await turn();
  };
  return { watch, tell, answer };
}

test('an answer that was on its way while an event came is the older of the two', async () => {
  const { watch, tell, answer } = await world('one.test');
  tell(infoOf('live'));
  await answer(200, infoOf('starting'));
  expect([watch.info?.state, watch.trouble]).toEqual(['live', null]);
  // Asked for after it: the newer one.
  void watch.check();
  await answer(200, infoOf('lost'));
  expect(watch.info?.state).toBe('lost');
  void watch.check();
  tell(infoOf('live'));
  await answer(404, { detail: 'There is no stream “cam”.' });
  expect([watch.info?.state, watch.trouble]).toEqual(['live', null]);
  watch.close();
});

test('no such stream by both: with the words of the answer', async () => {
  const { watch, tell, answer } = await world('two.test');
  tell(null);
  await answer(404, { detail: 'There is no stream “cam”.' });
  expect([watch.trouble, watch.reason]).toEqual(['unknown-stream', 'There is no stream “cam”.']);
  watch.close();
});
