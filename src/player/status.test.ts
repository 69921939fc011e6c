import { describe, expect, test } from 'vitest';
import { describe as describeStatus, type Situation } from './status.ts';

const playing: Situation = {
  hasSource: true,
  paused: false,
  seeking: false,
  blocked: false,
  ended: false,
  sinceFrameMs: 20,
  stallMs: 3000,
  trouble: null,
  streamState: 'live',
  connecting: false,
  sourceSilent: null,
  reason: null,
  name: 'cam',
  host: 'lab.test:8000',
  transportTrouble: null,
};
const status = (change: Partial<Situation>) => describeStatus({ ...playing, ...change });

describe('status', () => {
  test('says nothing while pictures come, or while the viewer paused', () => {
    expect(status({})).toEqual({ state: 'playing', message: '' });
    expect(status({ paused: true, sinceFrameMs: 60_000, streamState: 'lost' })).toEqual({ state: 'paused', message: '' });
  });

  test('before the first picture', () => {
    expect(status({ sinceFrameMs: null })).toEqual({ state: 'loading', message: 'Connecting…' });
    expect(status({ sinceFrameMs: null, streamState: null }).state).toBe('loading');
    expect(status({ sinceFrameMs: null, streamState: 'starting' }).message).toBe('The source is starting…');
    expect(status({ sinceFrameMs: null, streamState: 'waiting' })).toEqual({
      state: 'waiting',
      message: '“cam” is waiting for its program.',
    });
  });

  test('a silent source is announced with the seconds and the cause', () => {
    expect(status({ sinceFrameMs: 2999 }).state).toBe('playing');
    expect(status({ sinceFrameMs: 3100, streamState: 'lost' })).toEqual({
      state: 'stalled',
      message: 'No picture for 3 s: the source has stopped.',
    });
    expect(status({ sinceFrameMs: 12_000, streamState: 'lost', reason: 'no frame for 10 s' }).message).toBe(
      'No picture for 12 s: the source has stopped. No frame for 10 s.',
    );
    const causes = [null, true, false].map((sourceSilent) => status({ sinceFrameMs: 5000, sourceSilent }).message);
    expect(causes).toEqual([
      'No picture for 5 s: the source has stopped, or the connection is too slow.',
      'No picture for 5 s: the source has stopped.',
      'No picture for 5 s: the connection or this computer is too slow.',
    ]);
  });

  test('after a loss it connects again, which is no fault of the source', () => {
    expect(status({ sinceFrameMs: 5000, connecting: true })).toEqual({ state: 'loading', message: 'Connecting again…' });
    expect(status({ sinceFrameMs: 500, connecting: true }).state).toBe('playing');
  });

  test('one frame in ten seconds is no stall', () => {
    expect(status({ sinceFrameMs: 9000, stallMs: 30_000 }).state).toBe('playing');
  });

  test('a failed source names its reason', () => {
    expect(status({ sinceFrameMs: null, streamState: 'failed', reason: 'camera:0 does not exist' })).toEqual({
      state: 'error',
      message: 'The source of “cam” failed. Camera:0 does not exist. It is tried again.',
    });
    expect(status({ sinceFrameMs: null, streamState: 'failed', reason: 'rtsp://x/1: refused; trying again in 2 s' })).toEqual({
      state: 'error',
      message: 'The source of “cam” failed. rtsp://x/1: refused; trying again in 2 s.',
    });
  });

  test('trouble with the server does not cover a running picture', () => {
    expect(status({ trouble: 'away', sinceFrameMs: 500 }).state).toBe('playing');
    expect(status({ trouble: 'away', sinceFrameMs: 1600 })).toEqual({
      state: 'error',
      message: 'The server lab.test:8000 cannot be reached. Trying again…',
    });
    expect(status({ trouble: 'away', paused: true, sinceFrameMs: 90_000 }).state).toBe('paused');
  });

  test('a transport that does not get through is an error, unless the stream itself explains it', () => {
    const transportTrouble = 'HLS does not work: the connection ended. Trying again…';
    const states = ['live', 'asleep', 'waiting', 'stopped'] as const;
    expect(states.map((streamState) => status({ sinceFrameMs: null, transportTrouble, streamState }).state)).toEqual([
      'error',
      'error',
      'waiting',
      'waiting',
    ]);
    expect(status({ transportTrouble }).state).toBe('playing');
  });

  test('a stream that is gone, and a token that is refused', () => {
    expect(status({ trouble: 'unknown-stream', sinceFrameMs: null }).message).toBe(
      'There is no stream “cam” on lab.test:8000. It is shown as soon as there is one.',
    );
    expect(status({ trouble: 'refused', sinceFrameMs: null, reason: 'Add ?token=' }).message).toBe(
      'The server lab.test:8000 refuses to show “cam”: a token is missing or wrong. Add ?token=.',
    );
  });
});
