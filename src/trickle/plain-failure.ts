// What went wrong with a channel, for people: causes that the system names are put into words.

const CAUSES: readonly (readonly [RegExp, string])[] = [
  [/ECONNREFUSED/, 'nothing answers at this address'],
  [/ENOTFOUND|EAI_AGAIN/, 'there is no computer of this name'],
  [/ETIMEDOUT|EHOSTUNREACH|ENETUNREACH/, 'this address cannot be reached'],
  [/ECONNRESET|EPIPE|socket hang up/, 'the other side broke the connection off'],
  [/CERT_|_CERT|certificate/i, 'the certificate of the other side is not trusted'],
];

/** A failure in words that people know; others as they are. */
export function plainFailure(text: string): string {
  const cause = CAUSES.find(([pattern]) => pattern.test(text));
  if (!cause) return text;
  const code = /\b(E[A-Z]{4,}|[A-Z_]*CERT[A-Z_]*)\b/.exec(text)?.[1];
  return code ? `${cause[1]} (${code})` : cause[1];
}
