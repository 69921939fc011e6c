import { describe, expect, it } from 'vitest';
import { StreamConfig } from '../../api/schema.ts';
import { withParams } from '../../pipeline/params/parts.ts';
import { keptParams, restored } from './kept.ts';

const given = (bins: number) => StreamConfig.parse({ source: { type: 'pattern' }, processors: [{ use: 'histogram', params: { bins } }] });

describe('params that are kept beside the configuration', () => {
  const changed = withParams(given(4), new Map([['histogram', { bins: 8 }]]));

  it('hold while the configuration says the same', () => {
    const kept = keptParams(given(4), changed);
    expect(restored(given(4), kept)).toEqual(changed);
    expect(restored(given(5), kept)).toEqual(given(5));
    expect(keptParams(given(4), given(4))).toBeNull();
  });

  it('that do not fit any more are left out', () => {
    const kept = JSON.parse(keptParams(given(4), changed)!) as Record<string, { values: object }>;
    kept.histogram!.values = { bins: -1 };
    expect(restored(given(4), JSON.stringify(kept))).toEqual(given(4));
    expect(restored(given(4), JSON.stringify({ histogram: 1 }))).toEqual(given(4));
  });
});
