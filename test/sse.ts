// Reads text/event-stream as a browser's EventSource does: ids are remembered, also those without an event.
import { setTimeout as delay } from 'node:timers/promises';

export interface SseEvent {
  readonly type: string;
  readonly data: Record<string, unknown>;
  readonly id: string;
}

export class SseClient implements AsyncDisposable {
  readonly events: SseEvent[] = [];
  lastId = '';
  readonly #abort = new AbortController();
  #reading: Promise<void> = Promise.resolve();
  #wake: (() => void) | null = null;

  static async open(url: URL, lastEventId?: string): Promise<SseClient> {
    const client = new SseClient();
    const response = await fetch(url, { signal: client.#abort.signal, headers: lastEventId ? { 'last-event-id': lastEventId } : {} });
    client.#reading = client.#read(response.body!).catch(() => {});
    return client;
  }

  async #read(body: ReadableStream<Uint8Array>): Promise<void> {
    let text = '';
    const decoder = new TextDecoder();
    for await (const chunk of body) {
      text += decoder.decode(chunk, { stream: true });
      const blocks = text.split('\n\n');
      text = blocks.pop()!;
      for (const block of blocks) this.#take(block);
      this.#wake?.();
    }
  }

  #take(block: string): void {
    const fields = new Map(block.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()]));
    this.lastId = fields.get('id') ?? this.lastId;
    const data = fields.get('data');
    if (data !== undefined) this.events.push({ type: fields.get('event') ?? 'message', data: JSON.parse(data), id: this.lastId });
  }

  /** Waits until `done` holds for the events so far. */
  async until(done: (events: readonly SseEvent[]) => boolean, what: string, timeoutMs = 20_000): Promise<void> {
    const end = performance.now() + timeoutMs;
    while (!done(this.events)) {
      const left = end - performance.now();
      if (left <= 0) throw new Error(`${what}: did not happen; there were ${JSON.stringify(this.events).slice(0, 2000)}`);
      await Promise.race([new Promise<void>((resolve) => (this.#wake = resolve)), delay(Math.min(left, 200))]);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort();
    await this.#reading;
  }
}
