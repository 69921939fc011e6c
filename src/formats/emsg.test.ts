import fc from 'fast-check';
import { createFile, MP4BoxBuffer } from 'mp4box';
import { describe, expect, it } from 'vitest';
import type { Ticks } from '../core/time.ts';
import { concatBytes } from './bytes.ts';
import { ID3_SCHEME, readEmsgs, readMarkerEmsgs, UNKNOWN_DURATION, writeEmsg, writeMarkerEmsg } from './emsg.ts';
import { fragment } from './fmp4.ts';
import { readSamples } from './fmp4-read.ts';
import { readId3Text, writeId3Text } from './id3.ts';

const START = 158_727_600_000_000;
const text = fc.string({ unit: 'binary', maxLength: 60 }).map((value) => value.replaceAll('\0', ''));
const uint32 = fc.integer({ min: 0, max: 0xffffffff });

describe('emsg', () => {
  it('is read by mp4box, which shares nothing with our writer', () => {
    const json = JSON.stringify({ id: 'm1', label: 'Spike: "größer" 🐟' });
    const bytes = concatBytes([
      writeMarkerEmsg({ kind: 'spike', pts: START + 1, duration: 2700, sequence: 2 ** 32 + 7, json }),
      fragment(1, (START + 1) as Ticks, 2700, true, Uint8Array.of(1, 2, 3)),
    ]);
    const file = createFile();
    file.appendBuffer(MP4BoxBuffer.fromArrayBuffer(bytes.slice().buffer as ArrayBuffer, 0));
    file.flush();
    expect(file.boxes.map((box) => box.type)).toEqual(['emsg', 'moof', 'mdat']);
    const box = file.boxes[0] as unknown as Record<string, unknown> & { message_data: Uint8Array };
    expect({ ...box, presentation_time: Number(box.presentation_time) }).toMatchObject({
      version: 1,
      scheme_id_uri: ID3_SCHEME,
      value: 'spike',
      timescale: 90_000,
      presentation_time: START + 1,
      event_duration: 2700,
      id: 7,
    });
    expect(readId3Text(box.message_data, 'urn:sluice:marker:1')).toBe(json);
    // The samples behind it are found as before.
    expect(readSamples(bytes)).toMatchObject([{ pts: START + 1, duration: 2700, size: 3 }]);
  });

  it('comes back as it was written, whatever it says', () => {
    const message = fc.record({
      scheme: text,
      value: text,
      timescale: uint32,
      presentationTime: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
      duration: uint32,
      id: uint32,
      data: fc.uint8Array({ maxLength: 400 }),
    });
    fc.assert(
      fc.property(fc.array(message, { maxLength: 4 }), (messages) => {
        const media = concatBytes([...messages.map(writeEmsg), fragment(1, 0 as Ticks, 1, true, Uint8Array.of(9))]);
        expect(readEmsgs(media).map((each) => ({ ...each, data: [...each.data] }))).toEqual(
          messages.map((each) => ({ ...each, data: [...each.data] })),
        );
      }),
    );
  });

  it('of a marker comes back; an open span has no duration', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
        fc.option(fc.integer({ min: 0, max: UNKNOWN_DURATION - 1 })),
        uint32,
        fc.json(),
        (pts, duration, sequence, json) => {
          const event = { kind: 'a.b/c', pts, duration, sequence, json };
          expect(readMarkerEmsgs(writeMarkerEmsg(event))).toEqual([event]);
        },
      ),
    );
    const [open] = readEmsgs(writeMarkerEmsg({ kind: 'x', pts: 1, duration: null, sequence: 1, json: '{}' }));
    expect(open!.duration).toBe(0xffffffff);
  });

  it('answers for any bytes and never throws', () => {
    const whole = writeMarkerEmsg({ kind: 'x', pts: START, duration: 1, sequence: 1, json: '{"id":"m"}' });
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        fc.nat(whole.length),
        fc.nat(whole.length - 1),
        fc.nat(255),
        (noise, cut, at, value) => {
          readMarkerEmsgs(noise);
          readMarkerEmsgs(whole.subarray(0, cut));
          readMarkerEmsgs(concatBytes([whole.subarray(0, cut), noise]));
          const bent = whole.slice();
          bent[at] = value;
          readMarkerEmsgs(bent);
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('ID3 text', () => {
  it('comes back by its description, and only by that', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 30 }), fc.string({ unit: 'grapheme', maxLength: 400 }), (name, value) => {
        fc.pre(!name.includes('\0'));
        const tag = writeId3Text(name, value);
        expect(readId3Text(tag, name)).toBe(value);
        expect(readId3Text(tag, `${name}x`)).toBeNull();
      }),
    );
  });

  it('answers null for foreign bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (noise) => {
        expect(readId3Text(noise, 'x')).toBeNull();
      }),
    );
  });
});
