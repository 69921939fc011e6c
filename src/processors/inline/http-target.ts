// Where pictures are sent: an address may carry a name and a password, which belong into a header.

/** The address without name and password, and the headers with them. */
export function targetOf(address: string, headers: Readonly<Record<string, string>>): { url: string; headers: Record<string, string> } {
  const url = new URL(address);
  const { username, password } = url;
  const all = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  if (username || password) {
    url.username = '';
    url.password = '';
    all.authorization ??= `Basic ${Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString('base64')}`;
  }
  return { url: url.href, headers: all };
}
