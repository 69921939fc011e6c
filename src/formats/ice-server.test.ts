import fc from 'fast-check';
import { expect, it } from 'vitest';
import { iceLink, readIceLinks, readIceServer } from './ice-server.ts';

it('reads entries of the configuration', () => {
  expect(readIceServer('stun:stun.example.org:3478')).toEqual({ urls: 'stun:stun.example.org:3478' });
  expect(readIceServer('turn:anna:s3c,r"t@turn.example.org?transport=tcp')).toEqual({
    urls: 'turn:turn.example.org?transport=tcp',
    username: 'anna',
    credential: 's3c,r"t',
  });
  expect(readIceServer('turn:1763640000%3Aanna:a%40b@[::1]:3478')).toEqual({
    urls: 'turn:[::1]:3478',
    username: '1763640000:anna',
    credential: 'a@b',
  });
  for (const wrong of ['http://x', 'stun:', 'turn:a@b', 'stun:a b', 'turn:u:p@host?transport=sctp'])
    expect(readIceServer(wrong)).toBeNull();
});

it('reads Link headers of others, in whatever order and with links that are not meant', () => {
  const header =
    '<https://example.org/a,b>; rel=next, <turn:turn.example.net?transport=udp>; username="user"; rel="ice-server"; credential="my\\"Pass,word"; ' +
    'credential-type="password",<stun:stun.example.net>;rel=ice-server';
  expect(readIceLinks(header)).toEqual([
    { urls: 'turn:turn.example.net?transport=udp', username: 'user', credential: 'my"Pass,word' },
    { urls: 'stun:stun.example.net' },
  ]);
});

it('what is written is read again, and foreign headers never throw', () => {
  const visible = fc.string({ unit: fc.constantFrom(...'aZ09 ,;="\\<>:@%'), minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(
      fc.array(fc.record({ urls: fc.constantFrom('stun:a.b:1', 'turn:[::1]'), username: visible, credential: visible })),
      (servers) => {
        expect(readIceLinks(servers.map(iceLink).join(', '))).toEqual(servers);
      },
    ),
  );
  fc.assert(fc.property(fc.string(), (text) => void readIceLinks(text)));
});
