// Who is at the other end, by address: loopback, trusted proxies, the names in a Host header. Pure.
import { BlockList, isIP } from 'node:net';

/** `::ffff:127.0.0.1` (an IPv4 peer on an IPv6 socket) as `127.0.0.1`; brackets and zone are taken off. */
export function plainAddress(address: string): string {
  const bare = address.replace(/^\[(.*)\]$/, '$1').replace(/%.*$/, '');
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(bare);
  return mapped ? mapped[1]! : bare.toLowerCase();
}

/** True for `localhost`, names below it (RFC 6761 section 6.3), 127.0.0.0/8 and ::1. */
export function isLoopback(host: string): boolean {
  const name = plainAddress(host);
  if (isIP(name) === 4) return name.startsWith('127.');
  if (isIP(name) === 6) return name === '::1' || /^(0+:){7}0*1$/.test(name);
  return name === 'localhost' || name.endsWith('.localhost');
}

/** True for the addresses that mean "all of this machine". */
export function isWildcard(host: string): boolean {
  return ['0.0.0.0', '::', '0:0:0:0:0:0:0:0'].includes(plainAddress(host));
}

/** Host name (lower case, no brackets) and port of a Host header or authority; `null` if it is none. */
export function parseAuthority(value: string | undefined): { name: string; port: string } | null {
  const match = /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?$/.exec(value?.trim() ?? '');
  if (!match) return null;
  // A trailing dot is the same name (RFC 1034).
  return { name: plainAddress(match[1]!).toLowerCase().replace(/\.$/, ''), port: match[2] ?? '' };
}

/** Networks of trusted proxies. */
export function networkList(entries: readonly string[]): { has(address: string): boolean } {
  const list = new BlockList();
  for (const entry of entries) {
    const [address = '', bits] = entry.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return {
    has(address) {
      const plain = plainAddress(address);
      const version = isIP(plain);
      return version !== 0 && list.check(plain, version === 6 ? 'ipv6' : 'ipv4');
    },
  };
}

/** The IP address behind a `host` setting; `null` = all addresses, also where only a name is known. */
export function listenAddress(host: string): string | null {
  if (isWildcard(host)) return null;
  if (isIP(host)) return host;
  return isLoopback(host) ? '127.0.0.1' : null;
}
