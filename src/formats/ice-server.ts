// STUN and TURN servers: as the configuration writes them, as RTCIceServer, and as Link headers (RFC 9725 4.6).

/** A server as browsers take it. */
export interface IceServer {
  /** `stun:host:port`, `turn:host:port?transport=tcp`. */
  readonly urls: string;
  readonly username?: string;
  readonly credential?: string;
}

/** What the configuration takes: `stun:HOST:PORT`, `turn:USER:PASSWORD@HOST:PORT`. `%3A` stands for a colon in a name, `%40` for `@`. */
export const ICE_SERVER =
  /^(stuns?|turns?):(?:([^:@\s]+):([^@\s]+)@)?((?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?)(\?transport=(?:udp|tcp))?$/;

/** Reads an entry of the configuration; `null` if it is none. */
export function readIceServer(text: string): IceServer | null {
  const match = ICE_SERVER.exec(text);
  if (!match) return null;
  const [, scheme, user, password, host, transport = ''] = match;
  const urls = `${scheme}:${host}${transport}`;
  return user === undefined ? { urls } : { urls, username: decoded(user), credential: decoded(password!) };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Value of a Link header. */
export function iceLink({ urls, username, credential }: IceServer): string {
  const quoted = (text: string) => `"${text.replace(/["\\]/g, '\\$&')}"`;
  const login =
    username === undefined ? '' : `; username=${quoted(username)}; credential=${quoted(credential ?? '')}; credential-type="password"`;
  return `<${urls}>; rel="ice-server"${login}`;
}

/** The servers of a Link header (RFC 8288 3); other links are left out. Never throws. */
export function readIceLinks(header: string): IceServer[] {
  const servers: IceServer[] = [];
  for (const [, urls, rest] of header.matchAll(/<([^<>]*)>((?:\s*;\s*[\w!#$&+.^`|~-]+\s*(?:=\s*(?:"(?:[^"\\]|\\.)*"|[^\s",;]*))?)*)/g)) {
    const parameters = new Map<string, string>();
    for (const [, name, quoted, token] of rest!.matchAll(/;\s*([\w!#$&+.^`|~-]+)\s*(?:=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",;]*)))?/g)) {
      parameters.set(name!.toLowerCase(), quoted?.replace(/\\(.)/g, '$1') ?? token ?? '');
    }
    if (!/^(stun|turn)s?:/.test(urls!) || !parameters.get('rel')?.toLowerCase().split(/\s+/).includes('ice-server')) continue;
    const username = parameters.get('username');
    servers.push(username === undefined ? { urls: urls! } : { urls: urls!, username, credential: parameters.get('credential') ?? '' });
  }
  return servers;
}
