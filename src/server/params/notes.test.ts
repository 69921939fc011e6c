import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { MarkerInput } from '../../api/timeline.ts';
import { ParamNotes } from './notes.ts';

describe('ParamNotes', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('one change is one note at once; a drag is one that grows; a pause begins another', () => {
    const written: MarkerInput[] = [];
    const notes = new ParamNotes((marker) => written.push(marker));
    notes.add([{ address: 'gain', from: 1, to: 2 }], 10, '');
    expect(written).toEqual([{ id: 'params-10', kind: 'params', label: 'gain 1 → 2', frame: 10, data: { params: { gain: 2 } } }]);
    for (let step = 1; step <= 40; step++) {
      vi.advanceTimersByTime(50);
      notes.add([{ address: 'gain', from: step + 1, to: step + 2 }], 10 + step, '');
    }
    vi.advanceTimersByTime(1000);
    expect(written.at(-1)).toMatchObject({ id: 'params-10', label: 'gain 1 → 42', frame: 10, endFrame: 50 });
    expect(written.length).toBeLessThan(8);
    vi.advanceTimersByTime(3000);
    notes.add([{ address: 'gain', from: 42, to: 1 }], 99, 'preset rest');
    expect(written.at(-1)).toMatchObject({ id: 'params-99', label: 'preset rest: gain 42 → 1' });
  });

  it('tells no password and no novel', () => {
    const written: MarkerInput[] = [];
    const notes = new ParamNotes((marker) => written.push(marker));
    notes.add([{ address: 'url', from: undefined, to: 'rtsp://me:secret@cam/' }], 1, '');
    notes.flush();
    expect(JSON.stringify(written)).not.toContain('secret');
    vi.advanceTimersByTime(5000);
    notes.add(
      Array.from({ length: 60 }, (_, index) => ({ address: `p${index}`, from: 'x'.repeat(500), to: null })),
      2,
      '',
    );
    expect(written.at(-1)!.label.length).toBeLessThanOrEqual(300);
  });
});
