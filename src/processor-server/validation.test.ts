import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SluiceError } from '../core/errors.ts';
import { readJson, readParams, readStart } from './validation.ts';

const message = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    expect(error).toBeInstanceOf(SluiceError);
    return (error as SluiceError).message;
  }
  throw new Error('nothing was thrown');
};

describe('params of a stream', () => {
  it('pass as they are, whatever their keys', () => {
    const params = { intensity: 0.8, enabled: true, list: [1, 2], nested: { a: null }, '': 0, constructor: 1 };
    expect(readParams(params)).toEqual(params);
    expect(Object.keys(readParams(JSON.parse('{"__proto__": {"polluted": 1}}')))).toEqual(['__proto__']);
  });

  it.each([
    [
      { width: '1920', height: '1080' },
      { width: 1920, height: 1080 },
    ],
    [
      { width: 1920.0, height: ' 1080 ' },
      { width: 1920, height: 1080 },
    ],
    [{ max_framerate: '25' }, { max_framerate: 25 }],
    [{ max_framerate: 60 }, { max_framerate: 60 }],
    [{ max_framerate: 1 }, { max_framerate: 1 }],
    [{ detect_out_resolution: 'Yes' }, { detect_out_resolution: true }],
    [{ detect_out_resolution: '0' }, { detect_out_resolution: false }],
    [{ detect_out_resolution: 2 }, { detect_out_resolution: true }],
    [{ detect_out_resolution: false }, { detect_out_resolution: false }],
  ])('%j become %j', (given, expected) => expect(readParams(given)).toEqual(expected));

  it.each([
    [{ width: 1920 }, "Both 'width' and 'height' must be provided together"],
    [{ height: 1080 }, "Both 'width' and 'height' must be provided together"],
    [{ width: 0, height: 1080 }, 'Width and height must be valid integers or integer strings, from 1 to 16384; width: 0 received'],
    [{ width: 1920, height: -1 }, 'Width and height must be valid integers or integer strings, from 1 to 16384; height: -1 received'],
    [{ width: 'wide', height: 1 }, 'width: "wide" received'],
    [{ width: null, height: '1080' }, 'width: null received'],
    [{ width: true, height: 1 }, 'width: true received'],
    [{ width: 640.5, height: 1 }, 'width: 640.5 received'],
    [{ width: 1e6, height: 1 }, 'width: 1000000 received'],
    [{ max_framerate: 'fast' }, 'max_framerate must be a valid integer; "fast" received'],
    [{ max_framerate: null }, 'max_framerate must be a valid integer; null received'],
    [{ max_framerate: 0 }, 'max_framerate must be a positive integer; 0 received'],
    [{ max_framerate: -5 }, 'max_framerate must be a positive integer; -5 received'],
    [{ max_framerate: 61 }, 'max_framerate cannot exceed 60 FPS; 61 received'],
    [{ detect_out_resolution: 'maybe' }, 'detect_out_resolution must be a boolean value; "maybe" received'],
    [{ detect_out_resolution: [] }, 'detect_out_resolution must be a boolean value; [] received'],
    [[], 'The body: [] received; expected an object'],
    [null, 'The body: null received; expected an object'],
    ['text', 'The body: "text" received; expected an object'],
  ])('%j are refused', (given, words) => expect(message(() => readParams(given))).toContain(words));
});

describe('body of a start', () => {
  it('is filled up with what it leaves out', () => {
    expect(readStart({ gateway_request_id: 'a', subscribe_url: 'http://h/in', events_url: '', other: 1 })).toEqual({
      gateway_request_id: 'a',
      subscribe_url: 'http://h/in',
      publish_url: null,
      control_url: null,
      events_url: null,
      data_url: null,
      params: {},
    });
    expect(readStart({ gateway_request_id: 'a', params: { width: '2', height: 4, x: 1 } }).params).toEqual({ width: 2, height: 4, x: 1 });
  });

  it.each([
    [{}, 'gateway_request_id: is missing; expected a text'],
    [{ gateway_request_id: '' }, 'gateway_request_id: "" received; expected a text of 1 to 256 characters'],
    [{ gateway_request_id: 5 }, 'gateway_request_id: 5 received'],
    [{ gateway_request_id: 'a\nb' }, 'gateway_request_id: "a\\nb" received'],
    [{ gateway_request_id: 'a', publish_url: 7 }, 'publish_url: 7 received; expected an address with http:// or https://'],
    [{ gateway_request_id: 'a', data_url: 'file:///etc/passwd' }, 'data_url: "file:///etc/passwd" received'],
    [{ gateway_request_id: 'a', subscribe_url: 'input' }, 'subscribe_url: "input" received'],
    [{ gateway_request_id: 'a', control_url: 'http://h:3389/' }, 'control_url: "http://h:3389/" received; expected an address with'],
    [{ gateway_request_id: 'a', events_url: 'http://%ff:x@h/c' }, 'events_url: "http://%ff:x@h/c" received'],
    [{ gateway_request_id: 'a', params: 3 }, 'params: 3 received; expected an object'],
    [{ gateway_request_id: 'a', params: { width: 1 } }, "Both 'width' and 'height' must be provided together"],
  ])('%j is refused', (body, words) => expect(message(() => readStart(body))).toContain(words));
});

describe('JSON', () => {
  it('is read with any charset, and nothing else is', () => {
    expect(readJson('application/json; charset=utf-8', '{"a":1}')).toEqual({ a: 1 });
    expect(readJson('Application/JSON', '[]')).toEqual([]);
    expect(message(() => readJson('text/plain', '{}'))).toBe('Unknown content type: text/plain; expected application/json');
    expect(message(() => readJson(null, '{}'))).toBe('Unknown content type: application/octet-stream; expected application/json');
    expect(message(() => readJson('application/json', '{'))).toBe('The body is no JSON: "{"');
    expect(message(() => readJson('application/json', ''))).toBe('The body is empty; expected a JSON object');
  });
});

it('whatever comes is taken or refused in words', () => {
  const keys = ['width', 'height', 'max_framerate', 'detect_out_resolution', 'x'];
  const params = fc.oneof(
    fc.json().map((text) => JSON.parse(text) as unknown),
    fc.dictionary(fc.constantFrom(...keys), fc.jsonValue()),
  );
  fc.assert(
    fc.property(params, fc.jsonValue(), (given, id) => {
      for (const read of [() => readParams(given), () => readStart({ gateway_request_id: id, params: given }), () => readStart(given)]) {
        try {
          read();
        } catch (error) {
          expect(error).toBeInstanceOf(SluiceError);
          expect((error as SluiceError).message.length).toBeLessThan(400);
        }
      }
    }),
  );
});
