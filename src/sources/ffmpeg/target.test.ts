import { describe, expect, it } from 'vitest';
import { cameraTarget, parseUrl, targetOf, withoutSecrets } from './target.ts';

const params = (url: string, more: object = {}) => ({ url, transport: 'tcp' as const, options: {}, ...more });
const target = (url: string, more: object = {}) => targetOf(params(url, more), parseUrl(url));

describe('addresses', () => {
  it('are sorted by their scheme', () => {
    expect(parseUrl('clips/a.mp4')).toMatchObject({ kind: 'file', pace: 'paced' });
    expect(parseUrl('C:\\clips\\a.mp4')).toMatchObject({ kind: 'file', protocol: '' });
    expect(parseUrl('odd:name.mp4')).toMatchObject({ kind: 'file', protocol: '' });
    expect(parseUrl('RTSP://host/x')).toMatchObject({ kind: 'network', pace: 'live' });
    expect(parseUrl('srt://host:1')).toMatchObject({ pace: 'live' });
    expect(parseUrl('https://host/a.mp4')).toMatchObject({ kind: 'network', pace: 'by-length' });
    expect(parseUrl('lavfi:testsrc=size=64x64')).toMatchObject({ kind: 'lavfi', rest: 'testsrc=size=64x64' });
    expect(parseUrl('camera')).toMatchObject({ kind: 'camera', rest: '' });
    expect(parseUrl('camera:HD Webcam')).toMatchObject({ kind: 'camera', rest: 'HD Webcam' });
  });

  it('never end a read later than after ten seconds, and keep what the user says', () => {
    expect(target('rtsp://host/x', { transport: 'udp' }).options).toMatchObject({ rtsp_transport: 'udp', timeout: '5000000' });
    // In RTMP `timeout` would mean: wait for a caller.
    expect(target('rtmp://host/x').options).toMatchObject({ rw_timeout: '5000000' });
    expect(target('rtmp://host/x').options).not.toHaveProperty('timeout');
    expect(target('http://host/x', { options: { rw_timeout: 1000 } }).options).toMatchObject({ rw_timeout: '1000' });
    expect(target('rtsp://host/x', { options: { rtsp_flags: 'listen' } }).options).not.toHaveProperty('timeout');
  });

  it('open files as files, whatever their names', () => {
    expect(target('odd:name.mp4').address).toBe('file:odd:name.mp4');
    expect(target('file:a.mp4').address).toBe('file:a.mp4');
    expect(target('lavfi:color')).toMatchObject({ address: 'color', format: 'lavfi', live: false });
  });

  it('are shown without secrets', () => {
    expect(withoutSecrets('rtsp://user:pa@ss@host:554/x')).toBe('rtsp://***@host:554/x');
    expect(withoutSecrets('https://host/x.m3u8?token=abc')).toBe('https://host/x.m3u8?***');
    expect(withoutSecrets('clip?.mp4')).toBe('clip?.mp4');
    expect(target('rtsp://u:p@host/x').shown).not.toContain('p@');
  });
});

describe('cameras', () => {
  const found = [
    { name: '/dev/video0', description: 'HD Webcam' },
    { name: '/dev/video2', description: 'Microscope Camera' },
  ];
  const pick = (wanted: string, platform: NodeJS.Platform = 'linux', more: object = {}) =>
    cameraTarget(params(`camera:${wanted}`, more), wanted, found, platform);

  it('are found by position, node and name', () => {
    expect(pick('').address).toBe('/dev/video0');
    expect(pick('1').address).toBe('/dev/video2');
    expect(pick('2').address).toBe('/dev/video2');
    expect(pick('microscope').address).toBe('/dev/video2');
    expect(pick('HD Webcam').address).toBe('/dev/video0');
  });

  it('are opened in the way of each system', () => {
    expect(pick('', 'linux')).toMatchObject({ format: 'v4l2', live: true });
    expect(pick('', 'win32')).toMatchObject({ format: 'dshow', address: 'video=HD Webcam' });
    expect(pick('1', 'darwin')).toMatchObject({ format: 'avfoundation', address: '1:none', options: { framerate: '30' } });
  });

  it('are asked for size and rate', () => {
    expect(pick('', 'darwin', { size: '1280x720', fps: 15 }).options).toMatchObject({ video_size: '1280x720', framerate: '15' });
  });

  it('that do not exist are answered with those that do', () => {
    expect(() => pick('Nikon')).toThrow(
      'camera:Nikon: there is no such camera; found: 0 = HD Webcam (/dev/video0), 1 = Microscope Camera (/dev/video2)',
    );
    expect(() => cameraTarget(params('camera'), '', [], 'linux')).toThrow('camera: no camera was found on this machine');
    expect(() => pick('', 'aix')).toThrow(/known are linux, win32, darwin/);
  });
});
