import { createServer, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canWrite } from './channel.ts';
import { CHANNEL_NAME, TrickleChannels } from './channels.ts';
import { parseSeq, trickleHttp } from './http.ts';

describe('the number in a path', () => {
  it('is what Go reads as an integer', () => {
    const texts = ['0', '7', '-1', '-2', '+5', '007', '-0', '9223372036854775807'];
    expect(texts.map(parseSeq)).toEqual([0, 7, -1, -2, 5, 7, 0, 2 ** 63]);
    for (const text of ['', ' 1', '1 ', '1.0', '1e3', '0x1', '--1', '١', 'next', '1\n', '9'.repeat(20)]) expect(parseSeq(text)).toBeNull();
  });

  it('is an integer or nothing, whatever stands there, and never one that cannot be counted on', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.bigInt().map(String), fc.integer().map(String)), (text) => {
        const seq = parseSeq(text);
        if (seq === null) return;
        expect(Number.isInteger(seq)).toBe(true);
        if (canWrite(seq)) expect(Number.isSafeInteger(seq + 1)).toBe(true);
        if (canWrite(seq)) expect(BigInt(text)).toBe(BigInt(seq));
      }),
    );
  });
});

it('names of channels need no escapes in an address', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 12 }), (name) => {
      if (!CHANNEL_NAME.test(name)) return;
      expect(new URL(`http://h/trickle/${name}/0`).pathname).toBe(`/trickle/${name}/0`);
    }),
  );
});

it('cuts off a reader that takes everything but what its socket holds at last', async () => {
  const channels = new TrickleChannels();
  const http = trickleHttp({ channels, stall: 500 });
  const answered = Promise.withResolvers<ServerResponse>();
  const server = createServer((request, response) => {
    http.handle(request, response, 'cam/0');
    answered.resolve(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const channel = channels.open('cam');
  const input = channel.write(0);
  const stuck = connect(port, '127.0.0.1', () => stuck.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'));
  stuck.pause().on('error', () => {});
  const response = await answered.promise;
  // Until the kernel takes no more, and no further: one that waits for its turn is another case.
  const turn = () => new Promise((resolve) => setTimeout(resolve, 1));
  for (let waits = 0; waits < 3; waits = response.writableLength > 0 ? waits + 1 : 0) {
    if (waits === 0) input.write(Buffer.alloc(32_768));
    await turn();
  }
  expect(response.writableNeedDrain).toBe(false);
  input.end();
  await expect.poll(() => channel.stats.cut).toBe(1);
  await expect.poll(() => http.open).toBe(0);
  stuck.destroy();
  await new Promise((resolve) => server.close(resolve));
});
