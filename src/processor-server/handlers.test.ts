import { describe, expect, it } from 'vitest';
import type { SluiceError } from '../core/errors.ts';
import type { LoadContext } from '../processors/define.ts';
import { audioHandler, findHandlers, modelLoader, onStreamStart, onStreamStop, paramUpdater, videoHandler } from './handlers.ts';
import type { Params } from './processor.ts';

const refusal = (found: object): string => {
  try {
    findHandlers(found);
  } catch (error) {
    return (error as SluiceError).message;
  }
  throw new Error('it was taken');
};

describe('handlers', () => {
  it('are found by name on an instance of a class, its own class and those before, and called with it', async () => {
    class Base {
      protected seen: unknown[] = [];
      onParams(params: Params) {
        this.seen.push(params);
      }
    }
    class Own extends Base {
      readonly threshold = 3;
      helper() {}
      _video2() {}
      video() {
        return this.seen;
      }
    }
    const found = findHandlers(new Own());
    expect(Object.keys(found).sort()).toEqual(['onParams', 'video']);
    await found.onParams!({ a: 1 }, {} as never);
    expect(await found.video!({} as never, {} as never)).toEqual([{ a: 1 }]);
  });

  it('are found by their marks, whatever their names; a mark comes before a name', () => {
    const marked = {
      blur: videoHandler(() => null),
      echo: audioHandler(() => null),
      weights: modelLoader((_context: LoadContext<Params>) => 5),
      change: paramUpdater(() => {}),
      begin: onStreamStart(() => {}),
      finish: onStreamStop(() => {}),
      video: () => {
        throw new Error('never called');
      },
    };
    const found = findHandlers(marked);
    expect(Object.keys(found).sort()).toEqual(['audio', 'load', 'onParams', 'onStart', 'onStop', 'video']);
    expect(found.video!({} as never, {} as never)).toBeNull();
    expect(found.load!({} as never)).toBe(5);
  });

  it('that are wrong are told', () => {
    expect(refusal({ video: 5 })).toBe('handlers.video: 5 received; expected a function');
    expect(refusal({ video: class Blur {} })).toBe('handlers.video: a class received; expected a function');
    expect(refusal({})).toContain('no handler of pictures or sound received');
    expect(refusal({ load: () => {} })).toContain('no handler of pictures or sound received');
    expect(refusal([])).toContain('an array received');
    expect(refusal({ a: videoHandler(() => null), b: videoHandler(() => null) })).toBe(
      'handlers: a and b are both marked as video; expected one',
    );
    expect(() => videoHandler('blur' as never)).toThrow('video: "blur" received; expected a function');
  });

  it.each([
    ['vidoe', 'video'],
    ['process_video_async', 'video'],
    ['updateParams', 'onParams'],
    ['onStreamStart', 'onStart'],
    ['on_stop', 'onStop'],
    ['load_model', 'load'],
    ['onParam', 'onParams'],
  ])('%s is told to be %s', (wrong, right) => {
    expect(refusal({ video: () => null, [wrong]: () => {} })).toContain(`handlers.${wrong} is no handler; did you mean ${right}?`);
  });

  it('may lie beside functions of other use', () => {
    expect(Object.keys(findHandlers({ video: () => null, helper: () => {}, threshold: 5, vide0: 'text', _videos: () => {} }))).toEqual([
      'video',
    ]);
  });
});
