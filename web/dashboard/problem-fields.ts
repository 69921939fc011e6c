// Which field of a form an error of the server belongs to. Pure.

/**
 * Messages by field; under the empty key what belongs to none. The server names fields by path (`source.fps`) and lists them in
 * `problems` where there are several. An error about the source as a whole belongs to its address.
 */
export function fieldErrors(
  error: { message: string; details: Record<string, unknown> },
  fields: readonly string[],
): Record<string, string> {
  const { problems } = error.details;
  const list = Array.isArray(problems) ? problems.filter(isProblem) : [];
  if (!list.length) list.push({ field: error.details.field, message: error.message });
  const result: Record<string, string> = {};
  for (const { field, message } of list) {
    const key = keyOf(field, fields);
    result[key] = result[key] ? `${result[key]}\n${message}` : message;
  }
  return result;
}

function isProblem(value: unknown): value is { field: unknown; message: string } {
  return value !== null && typeof value === 'object' && 'field' in value && 'message' in value && typeof value.message === 'string';
}

function keyOf(field: unknown, fields: readonly string[]): string {
  if (typeof field !== 'string') return '';
  const parts = field.split(/[./[\]]+/).filter(Boolean);
  if (parts[0] === 'stream' && fields.includes('name')) return 'name';
  return parts.find((part) => fields.includes(part)) ?? (parts[0] === 'source' && fields.includes('url') ? 'url' : '');
}
