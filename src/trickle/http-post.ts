// Takes one body into one segment.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { SluiceError } from '../core/errors.ts';
import type { Channel } from './channel.ts';
import { CLOSED, type Headers, LATEST, SEQ, send, sendProblem } from './http-answer.ts';
import type { SegmentEnd, SegmentInput } from './segment.ts';

/** A body that waits for another of the same number goes on when that one was silent for so long, ms. */
const SILENT = 5000;

/** Times of a body, ms. */
export interface PostTimes {
  /** How often a publisher that is connected and sends nothing gets `100 Continue`. */
  readonly keepAlive: number;
}

/** Answers `POST {channel}/{seq}`. `input` is the open segment. */
export function takeSegment(
  channel: Channel,
  input: SegmentInput,
  request: IncomingMessage,
  response: ServerResponse,
  { keepAlive, headers }: PostTimes & { readonly headers: Headers },
): void {
  let sent = 0;
  let waiting: Buffer | null = null;
  let answered = false;
  const timers: NodeJS.Timeout[] = [];
  const interval = (ms: number, work: () => void) => {
    const timer = setInterval(work, ms);
    timer.unref();
    timers.push(timer);
    return timer;
  };

  const settle = (answer: () => void) => {
    if (answered) return;
    answered = true;
    for (const timer of timers) clearInterval(timer);
    input.onFree = null;
    answer();
  };

  // HTTP/1.0 has no interim answers (RFC 9110 15.2).
  const tellsProgress = request.httpVersion !== '1.0';
  const alive = interval(keepAlive, () => {
    if (tellsProgress && !response.headersSent && !response.destroyed) response.writeContinue();
  });

  const refuse = (end: SegmentEnd) => {
    const told = { ...headers, [SEQ]: input.seq, [LATEST]: channel.latest };
    // Of two bodies with one number (an index race of a publisher) the first whole one stays; the other harms nobody.
    if (end === 'complete') return send(request, response, 200, told);
    if (end === 'channel-closed') return send(request, response, 200, { ...told, [CLOSED]: 'terminated' });
    if (end === 'dropped' && sent === 0) return send(request, response, 200, told);
    if (end === 'too-large') {
      const why = `segment ${input.seq} of ${channel.name} was closed: it, or all segments together, would hold more bytes than are allowed`;
      return sendProblem(request, response, new SluiceError('too-large', why), told);
    }
    channel.countRefused();
    const why = `segment ${input.seq} of ${channel.name} was closed (${end}); the next one is ${channel.latest}`;
    sendProblem(request, response, new SluiceError('conflict', why), told);
  };

  const offer = (chunk: Buffer) => {
    switch (input.write(chunk)) {
      case 'taken':
        sent += chunk.length;
        waiting = null;
        clearInterval(alive);
        return;
      case 'busy':
        waiting = chunk;
        request.pause();
        return;
      case 'full':
        return settle(() => refuse('too-large'));
      case 'closed':
        return settle(() => refuse(input.segment.end ?? 'reset'));
    }
  };
  const retry = () => {
    if (!waiting || answered) return;
    const chunk = waiting;
    waiting = null;
    offer(chunk);
    if (waiting === null && !answered) request.resume();
  };

  input.onFree = retry;
  input.onClosed = (end) => settle(() => refuse(end));
  request.on('data', (chunk: Buffer) => {
    if (answered) return;
    const first = waiting === null && sent === 0;
    offer(chunk);
    if (first && waiting !== null) interval(SILENT / 5, () => input.takeOver(SILENT) && retry());
  });
  request.on('end', () =>
    settle(() => {
      // Over HTTP/2 a body that its client resets comes to an end as well.
      if (request.aborted) return input.abort();
      input.end();
      send(request, response, 200, { ...headers, [SEQ]: input.seq });
    }),
  );
  // Broken off: the segment stays open, so that the publisher may come back with the same number.
  request.on('close', () => settle(() => input.abort()));
  request.on('error', () => {});
  response.on('error', () => {});
}
