import type { IncomingMessage } from 'node:http';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { refusalOf, type TrickleAccess } from './access.ts';

const ask = (
  access: Partial<TrickleAccess>,
  request: { method?: string; url?: string; peer?: string; headers?: Record<string, string> } = {},
) =>
  refusalOf({ host: '127.0.0.1', ...access }, {
    method: request.method ?? 'POST',
    url: request.url ?? '/trickle/c/0',
    headers: { host: '127.0.0.1:8000', ...request.headers },
    socket: { remoteAddress: request.peer ?? '127.0.0.1' },
  } as unknown as IncomingMessage)?.code ?? 'admitted';

const tokens = { token: 'all-all-all', viewToken: 'view-view' };
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

describe('access to a stand-alone trickle server', () => {
  it('is free on this machine, by any of its names', () => {
    expect(ask({})).toBe('admitted');
    expect(ask({}, { peer: '::ffff:127.0.0.1', headers: { host: 'localhost' } })).toBe('admitted');
    expect(ask({}, { peer: '::1', headers: { host: '[::1]:8000' } })).toBe('admitted');
  });

  it.each([
    ['another machine', { peer: '10.0.0.7' }],
    ['a proxy on this machine', { headers: { 'x-forwarded-for': '10.0.0.7' } }],
    ['another header of proxies', { headers: { via: '1.1 x' } }],
  ])('is not free for %s', (_name, request) => {
    expect(ask({}, request)).toBe('unauthorized');
    expect(ask({ anonymous: 'view' }, request)).toBe('forbidden');
    expect(ask({ anonymous: 'view' }, { ...request, method: 'GET' })).toBe('admitted');
    expect(ask({ anonymous: 'all' }, request)).toBe('admitted');
  });

  it('needs the token that somebody chose, also from this machine', () => {
    expect(ask(tokens)).toBe('unauthorized');
    expect(ask({ ...tokens, localFree: true })).toBe('admitted');
    expect(ask(tokens, { headers: bearer('all-all-all') })).toBe('admitted');
    expect(ask(tokens, { url: '/trickle/c/0?token=all-all-all' })).toBe('admitted');
    expect(ask(tokens, { headers: bearer('view-view') })).toBe('forbidden');
    expect(ask(tokens, { method: 'GET', headers: bearer('view-view') })).toBe('admitted');
    expect(ask(tokens, { method: 'HEAD', url: '/trickle/c/0?x=1&token=view-view' })).toBe('admitted');
    expect(ask(tokens, { headers: bearer('all-all-al') })).toBe('unauthorized');
  });

  it('answers under its own names only, and to no page of another site', () => {
    expect(ask({}, { headers: { host: 'evil.test' } })).toBe('bad-host');
    expect(ask({}, { headers: { host: '' } })).toBe('bad-host');
    expect(ask({ allowHosts: ['lab.test', '*.lab.test'], anonymous: 'all' }, { headers: { host: 'lab.test' } })).toBe('admitted');
    expect(ask({ allowHosts: ['*.lab.test'], anonymous: 'all' }, { headers: { host: 'a.lab.test:80' } })).toBe('admitted');
    expect(ask({ host: '0.0.0.0', anonymous: 'all' }, { headers: { host: '10.1.2.3:8000' } })).toBe('admitted');
    expect(ask({}, { headers: { origin: 'http://evil.test' } })).toBe('bad-origin');
    expect(ask({}, { headers: { origin: 'null' } })).toBe('bad-origin');
    expect(ask({}, { headers: { origin: 'http://127.0.0.1:8000' } })).toBe('admitted');
    expect(ask({}, { method: 'GET', headers: { 'sec-fetch-site': 'cross-site' } })).toBe('bad-origin');
  });

  it('lets nobody publish without the token, whatever is sent', () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.string(),
        fc.string(),
        fc.constantFrom('POST', 'DELETE', 'PUT', 'x'),
        (query, authorization, forwarded, method) => {
          const headers = { authorization, 'x-forwarded-for': forwarded, host: '127.0.0.1' };
          expect(ask(tokens, { method, url: `/trickle/c/0?${query}`, headers })).toMatch(/^(unauthorized|forbidden)$/);
        },
      ),
    );
  });
});
