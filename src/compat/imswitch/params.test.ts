import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SluiceError } from '../../core/errors.ts';
import { ImswitchParams, readParams, StreamParams } from './params.ts';
import { renditionOf } from './renditions.ts';

const KEYS = [...Object.keys(StreamParams.shape), 'ice_servers', 'media_constraints'];

describe('readParams', () => {
  it('whatever comes: params within their ranges, or an error that says what was received', () => {
    const value = fc.oneof(fc.anything(), fc.integer({ min: -5, max: 3000 }), fc.constantFrom('lz4', 'zstandard', 'jpeg', 'webrtc', ''));
    const object = fc.dictionary(fc.oneof(fc.constantFrom(...KEYS), fc.string()), value, { maxKeys: 4 });
    fc.assert(
      fc.property(fc.oneof(object, fc.anything()), (input) => {
        let change: ReturnType<typeof readParams>;
        try {
          change = readParams(input);
        } catch (error) {
          expect(error).toBeInstanceOf(SluiceError);
          expect(['bad-value', 'unknown-key']).toContain((error as SluiceError).code);
          return;
        }
        const params = new ImswitchParams();
        params.setProtocol('binary', change, ['scope']);
        const { step, fps } = renditionOf('binary', params.effective('binary', 'scope')) as { step: number; fps: number | null };
        expect(step).toBeGreaterThanOrEqual(1);
        expect(fps === null || fps > 0).toBe(true);
      }),
    );
  });

  it('holds only what was sent', () => {
    expect(readParams({ jpeg_quality: 50, ice_servers: [] })).toEqual({ jpeg_quality: 50 });
    expect(readParams(null)).toEqual({});
  });
});

describe('which params win', () => {
  it('explicit ones, else those of the detector in this protocol, else the common ones of another protocol, else the protocol', () => {
    const params = new ImswitchParams();
    params.setProtocol('jpeg', { jpeg_quality: 60 }, []);
    expect(params.effective('jpeg', 'a')).toMatchObject({ jpeg_quality: 60, subsampling_factor: 4, detector_name: 'a' });
    params.start('binary', 'a', { subsampling_factor: 2, compression_algorithm: 'none' });
    expect(params.start('jpeg', 'a', null)).toMatchObject({ jpeg_quality: 60, subsampling_factor: 2, compression_algorithm: 'lz4' });
    expect(params.start('jpeg', 'a', { jpeg_quality: 90 })).toMatchObject({ jpeg_quality: 90, subsampling_factor: 4 });
    params.setDetector('a', { throttle_ms: 100 }, 'jpeg');
    expect(params.start('jpeg', 'a', null)).toMatchObject({ jpeg_quality: 90, throttle_ms: 100 });
    params.forget('a');
    expect(params.effective('jpeg', 'a')).toMatchObject({ jpeg_quality: 60, throttle_ms: 50 });
  });

  it('same pictures are the same rendition as that of other viewers', () => {
    const jpeg = { ...StreamParams.parse({}), subsampling_factor: 1, throttle_ms: 0 };
    expect(renditionOf('mjpeg', jpeg)).toEqual({ codec: 'jpeg', quality: 80, width: null, fps: null });
    expect(renditionOf('binary', { ...jpeg, compression_algorithm: 'zstandard', compression_level: 22, crop_size: 64 })).toEqual({
      ...{ codec: 'uc2f', compression: 'zstd', level: 19, crop: 64, step: 1, fps: null },
    });
  });
});
