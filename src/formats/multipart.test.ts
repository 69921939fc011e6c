import { describe, expect, it } from 'vitest';
import { concatBytes } from './bytes.ts';
import { MULTIPART_BOUNDARY, MULTIPART_CONTENT_TYPE, multipartHead, multipartMarks } from './multipart.ts';

describe('multipart', () => {
  it('writes parts that a reader of RFC 2046 finds, each closed at once', () => {
    const parts = [Uint8Array.of(1, 2, 13, 10), Uint8Array.of(0xff, 0xd8)];
    const marks = multipartMarks(MULTIPART_BOUNDARY);
    const body = concatBytes([
      marks.start,
      ...parts.flatMap((content, i) => [
        multipartHead({ contentType: 'image/jpeg', length: content.length, id: i + 1, timestamp: 1_763_640_000_120_000 + i }),
        content,
        marks.next,
      ]),
      marks.end,
    ]);
    const boundary = /boundary=(.*)$/.exec(MULTIPART_CONTENT_TYPE)![1]!;
    const text = `\r\n${Buffer.from(body).toString('latin1')}`;
    const sections = text.split(`\r\n--${boundary}`);
    // Before the first, two pictures, the empty part, the end.
    expect(sections.length).toBe(5);
    expect(sections[0]).toBe('');
    expect(sections[3]).toBe('\r\n\r\n');
    expect(sections[4]).toBe('--\r\n');
    parts.forEach((content, i) => {
      const [head, ...rest] = sections[i + 1]!.split('\r\n\r\n');
      expect(head!.split('\r\n')).toEqual([
        '',
        'Content-Type: image/jpeg',
        `Content-Length: ${content.length}`,
        `X-Sluice-Frame: ${i + 1}`,
        `X-Sluice-Timestamp: ${1_763_640_000_120_000 + i}`,
      ]);
      expect(Buffer.from(rest.join('\r\n\r\n'), 'latin1')).toEqual(Buffer.from(content));
    });
  });
});
