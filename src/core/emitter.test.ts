import { describe, expect, it, vi } from 'vitest';
import { Emitter } from './emitter.ts';

interface Events {
  change: { to: number };
  end: object;
}

describe('Emitter', () => {
  it('tells listeners of the event, each as often as it asked to be told', () => {
    const emitter = new Emitter<Events>();
    const listener = vi.fn();
    const off = emitter.on('change', listener);
    emitter.on('change', listener);
    emitter.emit('change', { to: 1 });
    emitter.emit('end', {});
    off();
    off();
    emitter.emit('change', { to: 2 });
    expect(listener.mock.calls.map(([event]) => event)).toEqual([{ to: 1 }, { to: 1 }, { to: 2 }]);
  });

  it('goes on after a listener that throws and reports the error', () => {
    const errors: unknown[] = [];
    const emitter = new Emitter<Events>((error) => errors.push(error));
    const after = vi.fn();
    emitter.on('change', () => {
      throw new Error('broken');
    });
    emitter.on('change', after);
    emitter.emit('change', { to: 1 });
    expect(after).toHaveBeenCalledOnce();
    expect(errors).toHaveLength(1);
  });

  it('is not confused by listeners that come and go during an event', () => {
    const emitter = new Emitter<Events>();
    const late = vi.fn();
    const off = emitter.on('change', () => {
      off();
      emitter.on('change', late);
    });
    emitter.emit('change', { to: 1 });
    expect(late).not.toHaveBeenCalled();
    emitter.emit('change', { to: 2 });
    expect(late).toHaveBeenCalledOnce();
  });
});
