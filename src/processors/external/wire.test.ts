import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AudioFrame } from '../../core/audio.ts';
import { SluiceError } from '../../core/errors.ts';
import type { Micros } from '../../core/time.ts';
import { writeFrame, writeFrameHeader } from '../../formats/frame-header.ts';
import { ByteReader } from './byte-reader.ts';
import { IN_MEMORY, type Message, readMessage, soundBytes, textBytes } from './wire.ts';

/** A reader that has got these bytes, cut at these places, and will get no more. */
function reading(bytes: Uint8Array, cuts: readonly number[] = []): ByteReader {
  const reader = new ByteReader();
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  let from = 0;
  for (const to of [...places, bytes.length]) {
    if (to > from) reader.push(bytes.subarray(from, to));
    from = to;
  }
  reader.end(new SluiceError('processor-failed', 'the end'));
  return reader;
}

async function all(reader: ByteReader): Promise<{ messages: Message[]; payloads: Uint8Array[]; error: unknown }> {
  const messages: Message[] = [];
  const payloads: Uint8Array[] = [];
  for (;;) {
    try {
      const message = await readMessage(reader);
      messages.push(message);
      if (message.kind === 'picture' && message.offset === null) payloads.push(await reader.take(message.header.payloadBytes));
    } catch (error) {
      return { messages, payloads, error };
    }
  }
}

const sound = (format: 's16' | 'fltp', channels: number, samples: number): AudioFrame => ({
  id: 7,
  timestamp: 1_795_000_000_000_000 as Micros,
  received: 1_795_000_000_000_100 as Micros,
  rate: 48_000,
  layout: channels === 1 ? 'mono' : channels === 2 ? 'stereo' : `${channels} channels`,
  channels,
  samples,
  format,
  data:
    format === 's16'
      ? [Int16Array.from({ length: samples * channels }, (_, i) => i * 7 - 300)]
      : Array.from({ length: channels }, (_, channel) => Float32Array.from({ length: samples }, (_, i) => (i + channel) / 1024)),
});

describe('the wire of external processors', () => {
  it('reads what was written, however it is cut', async () => {
    const pixels = Uint8Array.from({ length: 4 * 3 * 3 }, (_, i) => i);
    const block = sound('fltp', 2, 11);
    const placed = writeFrameHeader({ format: 'gray', width: 4, height: 3, payloadBytes: 12, flags: IN_MEMORY, id: 9 });
    const bytes = Buffer.concat([
      textBytes({ type: 'done', job: 1, text: 'ä€' }),
      writeFrame({ format: 'rgb24', width: 4, height: 3, metadata: { a: 1 } }, pixels),
      placed,
      Buffer.from([0, 16, 0, 0, 0, 0, 0, 0]),
      soundBytes(block),
      soundBytes(sound('s16', 1, 5)),
    ]);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(), { maxLength: 40 }), async (cuts) => {
        const { messages, payloads, error } = await all(reading(bytes, cuts));
        expect(error).toMatchObject({ message: 'the end' });
        expect(messages.map(({ kind }) => kind)).toEqual(['text', 'picture', 'picture', 'sound', 'sound']);
        expect(messages[0]).toEqual({ kind: 'text', value: { type: 'done', job: 1, text: 'ä€' } });
        expect(messages[1]).toMatchObject({ offset: null, header: { format: 'rgb24', width: 4, height: 3, metadata: { a: 1 } } });
        expect(payloads).toEqual([pixels]);
        expect(messages[2]).toMatchObject({ offset: 4096, header: { id: 9 } });
        expect(messages[3]).toEqual({ kind: 'sound', block });
        expect(messages[4]).toEqual({ kind: 'sound', block: sound('s16', 1, 5) });
      }),
      { numRuns: 50 },
    );
  });

  it('ends foreign bytes as one kind of error, and never waits for what nobody announced', async () => {
    const magic = fc.constantFrom('SLT1', 'SLF1', 'SLA1', 'GET ').map((text) => Buffer.from(text));
    const foreign = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.tuple(magic, fc.uint8Array({ maxLength: 200 })).map(([start, rest]) => Buffer.concat([start, rest])),
      fc.tuple(fc.string(), fc.nat(40)).map(([text, cut]) => {
        const bytes = Buffer.concat([Buffer.from('SLT1\0\0\0\0'), Buffer.from(text)]);
        bytes.writeUInt32LE(cut, 4);
        return bytes;
      }),
    );
    await fc.assert(
      fc.asyncProperty(foreign, fc.array(fc.nat(), { maxLength: 5 }), async (bytes, cuts) => {
        const { error } = await all(reading(bytes, cuts));
        expect(error).toBeInstanceOf(SluiceError);
        expect(['bad-frame', 'processor-failed']).toContain((error as SluiceError).code);
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ['a text that is too long', Buffer.from('SLT1\xff\xff\xff\x7f', 'latin1'), 'text bytes: 2147483647 received; expected at most 1048576'],
    ['a list', textBytes([1]), 'text: [1] received; expected a JSON object'],
    ['something else', Buffer.from('GET / HTTP/1.1\r\n'), 'message: 47 45 54 20 received; expected one that begins with SLT1'],
    [
      'a JPEG',
      writeFrame({ format: 'rgb24', width: 4, height: 3, encoding: 'jpeg' }, new Uint8Array(9)),
      'frame header encoding: jpeg received',
    ],
    ['no channels', Buffer.from(soundBytes({ ...sound('s16', 1, 5), channels: 0 })), 'sound channels: 0 received; expected 1 to 8'],
  ])('refuses %s', async (_name, bytes, message) => {
    const { error } = await all(reading(bytes));
    expect((error as Error).message).toContain(message);
  });
});

describe('ByteReader', () => {
  it('lets the connection rest while more is there than is asked for', async () => {
    const rests: boolean[] = [];
    const reader = new ByteReader((rest) => rests.push(rest));
    for (let i = 0; i < 5; i++) reader.push(new Uint8Array(65_536).fill(i));
    expect(rests).toEqual([true]);
    expect((await reader.take(5 * 65_536 - 1)).at(-1)).toBe(4);
    const next = reader.take(3);
    expect(rests).toEqual([true, false]);
    reader.push(Uint8Array.of(5, 6, 7));
    expect([...(await next)]).toEqual([4, 5, 6]);
  });

  it('skips bytes', async () => {
    const reader = reading(Uint8Array.from({ length: 100 }, (_, i) => i));
    await reader.skip(97);
    expect([...(await reader.take(3))]).toEqual([97, 98, 99]);
  });
});
