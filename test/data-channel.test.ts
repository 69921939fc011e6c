// The data channel of WebRTC viewers: which frame each RTP timestamp is and, for those that ask for it in the channel's protocol, metrics,
// markers and data of the same frames from the one store.
import { expect, it } from 'vitest';
import { testServer } from './server.ts';
import { type WhepClient, whepClient } from './whep-client.ts';

const cam = { source: { type: 'pattern', width: 160, height: 96, fps: 20 } } as const;
type Message = { readonly type?: string; readonly [key: string]: unknown };

it('metrics, markers and data come with the RTP timestamp of their frame, to those that want them', async () => {
  await using server = await testServer({ streams: { cam } });
  const address = `${server.url}live/cam/whep`;
  const [all, few, plain]: Message[][] = [[], [], []];
  const clients: WhepClient[] = [];
  for (const [messages, protocol] of [
    [all, 'metric,marker,data'],
    [few, 'marker'],
    [plain, ''],
  ] as const) {
    clients.push(await whepClient(address, { protocol, onMessage: (message) => messages!.push(message) }));
  }
  const frames = (messages: Message[]) =>
    messages.filter(({ type }) => type === 'frame') as unknown as { rtp: number; id: number; timestamp: number }[];
  for (const messages of [all!, few!, plain!]) await expect.poll(() => frames(messages).length, { timeout: 30_000 }).toBeGreaterThan(5);
  const { id: frame, rtp } = frames(all!).at(-1)!;
  const post = async (path: string, body: object) => {
    const response = await server.fetch(`api/streams/cam/${path}`, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json' },
    });
    expect(response.ok, await response.text()).toBe(true);
  };
  await post('metrics', { frame, values: { mean: 3.5 } });
  await post('markers', { id: 'here', frame, label: 'spike' });
  await post('data', { frame, boxes: [{ x: 1, y: 2, w: 3, h: 4 }] });
  const find = (messages: Message[], type: string) => messages.filter((message) => message.type === type);
  for (const type of ['metric', 'marker', 'data']) await expect.poll(() => find(all!, type).length, { timeout: 20_000 }).toBe(1);
  expect(find(all!, 'metric')[0]).toMatchObject({ samples: [{ rtp, frame, values: { mean: 3.5 } }] });
  expect(find(all!, 'marker')[0]).toMatchObject({ rtp, action: 'set', marker: { id: 'here', frame, label: 'spike' } });
  expect(find(all!, 'data')[0]).toMatchObject({ items: [{ rtp, frame, record: { boxes: [{ x: 1, y: 2, w: 3, h: 4 }] } }] });
  await expect.poll(() => find(few!, 'marker').length, { timeout: 20_000 }).toBe(1);
  for (const [messages, unwanted] of [
    [few!, ['metric', 'data']],
    [plain!, ['metric', 'marker', 'data']],
  ] as const) {
    for (const type of unwanted) expect(find(messages, type)).toEqual([]);
  }
  // More than a text holds comes in several.
  await post(
    'metrics',
    Array.from({ length: 500 }, (_, i) => ({ frame, values: { [`m${i}`]: i } })),
  );
  const samples = () => find(all!, 'metric').flatMap((message) => message.samples as { rtp: number; values: object }[]);
  await expect.poll(() => Object.keys(Object.assign({}, ...samples().map(({ values }) => values))).length, { timeout: 20_000 }).toBe(501);
  expect(new Set(samples().map((sample) => sample.rtp))).toEqual(new Set([rtp]));
  for (const client of clients) await client[Symbol.asyncDispose]();
}, 90_000);
