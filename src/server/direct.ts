// Requests that come ten times a second from every player, answered before the framework: its hooks, parsers and reply objects cost more
// than the answer. Whatever is not plain here (another method, a page of another site, an error) goes the usual way.
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { DirectHandler } from '../outputs/output.ts';
import { type AccessGuard, stripBasePath } from './access.ts';

export class DirectRoutes {
  readonly #basePath: string;
  readonly #guard: AccessGuard;
  readonly #handlers: DirectHandler[] = [];

  constructor(basePath: string, guard: AccessGuard) {
    this.#basePath = basePath;
    this.#guard = guard;
  }

  add(handler: DirectHandler): void {
    this.#handlers.push(handler);
  }

  /** Listener that answers what it can and leaves the rest to `usual`. */
  listener(usual: RequestListener): RequestListener {
    return (request, response) => {
      const answer = this.#find(request, response);
      if (!answer) usual(request, response);
      else void answer.then((done) => done || usual(request, response)).catch(() => usual(request, response));
    };
  }

  #find(request: IncomingMessage, response: ServerResponse): Promise<boolean> | null {
    const { headers } = request;
    if (request.method !== 'GET' || headers.range !== undefined || headers.origin !== undefined) return null;
    const url = stripBasePath(request.url ?? '/', this.#basePath);
    for (const handler of this.#handlers) {
      const answer = handler(url, request);
      if (!answer) continue;
      const admitted = this.#guard.checkPlayer(request, url);
      return admitted && send(answer, response, admitted);
    }
    return null;
  }
}

async function send(
  answer: ReturnType<DirectHandler>,
  response: ServerResponse,
  admitted: Readonly<Record<string, string>>,
): Promise<boolean> {
  const found = await answer?.(response);
  if (response.destroyed) return true;
  if (!found) return false;
  response.writeHead(200, { ...admitted, ...found.headers, 'content-length': found.body.length }).end(found.body);
  return true;
}
