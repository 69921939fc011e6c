import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { channelHeaders, segmentNumber } from './headers.ts';

describe('headers of channels', () => {
  it('read what servers say', () => {
    const told = channelHeaders({ 'lp-trickle-seq': '7', 'lp-trickle-latest': ' 9 ', 'content-type': 'video/MP2T' });
    expect(told).toEqual({ seq: 7, latest: 9, closed: false, contentType: 'video/MP2T' });
    expect(channelHeaders({ 'lp-trickle-closed': 'terminated' })).toEqual({ seq: null, latest: null, closed: true, contentType: '' });
  });

  it('take every number of a segment and nothing else', () => {
    fc.assert(fc.property(fc.nat({ max: Number.MAX_SAFE_INTEGER }), (seq) => segmentNumber(String(seq)) === seq));
    for (const wrong of ['', '-1', '1.5', '1e3', '0x10', '٣', '1, 2', '9007199254740992', '99999999999999999999', 'Infinity', ' 1']) {
      expect(segmentNumber(wrong), wrong).toBeNull();
    }
  });

  it('give a number of a segment or null for any bytes, also where a header came twice', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.array(fc.string(), { maxLength: 3 })), (value) => {
        const { seq } = channelHeaders({ 'lp-trickle-seq': value });
        return seq === null || (Number.isSafeInteger(seq) && seq >= 0 && !Array.isArray(value) && Number(value.trim()) === seq);
      }),
    );
  });
});
