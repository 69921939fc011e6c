import { describe, expect, test } from 'vitest';
import { StreamAddress } from './address.ts';

describe('StreamAddress', () => {
  test('everything is made from src', () => {
    const address = new StreamAddress('http://host:8000/live/cam', 'http://page.test/x');
    expect(address.name).toBe('cam');
    expect(address.live('hls/index.m3u8')).toBe('http://host:8000/live/cam/hls/index.m3u8');
    expect(address.api('streams/cam')).toBe('http://host:8000/api/streams/cam');
    expect(address.liveSocket('ws', { codec: 'jpeg', quality: undefined })).toBe('ws://host:8000/live/cam/ws?codec=jpeg');
    expect(address.apiSocket('events')).toBe('ws://host:8000/api/events');
  });

  test('a path prefix of a proxy holds, also for relative addresses and trailing slashes', () => {
    const address = new StreamAddress('../live/cam/', 'https://lab.test/user/x/proxy/8000/embed/cam?frame=3');
    expect(address.live('mjpeg')).toBe('https://lab.test/user/x/proxy/8000/live/cam/mjpeg');
    expect(address.apiSocket('events')).toBe('wss://lab.test/user/x/proxy/8000/api/events');
  });

  test('the token goes with every request, and one in src counts where no other is given', () => {
    expect(new StreamAddress('http://h/live/cam?token=a', 'http://p/').live('mjpeg')).toBe('http://h/live/cam/mjpeg?token=a');
    expect(new StreamAddress('http://h/live/cam?token=a', 'http://p/', 'b&c').apiSocket('events', { types: 'state' })).toBe(
      'ws://h/api/events?types=state&token=b%26c',
    );
  });

  test('what is no address is refused', () => {
    expect(() => new StreamAddress('http://', 'http://p/')).toThrow();
  });
});
