// Sends one segment to one reader. The bytes are the segment's own: what a slow reader has not taken waits there, not in its socket.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Channel } from './channel.ts';
import { CLOSED, type Headers, LATEST, NO_SEGMENT, SEQ, send } from './http-answer.ts';

/** Answers `GET {channel}/{seq}`. `stall`: ms that a reader may take nothing. Throws as `Channel.read`. */
export function sendSegment(
  channel: Channel,
  seq: number,
  request: IncomingMessage,
  response: ServerResponse,
  { stall, headers }: { readonly stall: number; readonly headers: Headers },
): void {
  const answer = channel.read(seq);
  if (!answer.found) {
    const told = { ...headers, 'Content-Type': 'text/plain; charset=utf-8', [LATEST]: answer.latest, [SEQ]: answer.seq };
    if (channel.closed) send(request, response, 200, { ...told, [CLOSED]: 'terminated' }, 'Entry not found');
    else send(request, response, NO_SEGMENT, told, 'Entry not found');
    return;
  }
  const { view } = answer;
  let blocked: NodeJS.Timeout | null = null;

  const pump = () => {
    if (view.cut) {
      // A clean end would tell that this was the whole segment.
      response.destroy();
      return;
    }
    if (blocked) return;
    for (let chunk = view.take(); chunk; chunk = view.take()) {
      if (!response.headersSent) begin();
      if (request.method === 'HEAD') {
        // That it has begun is the whole answer.
        response.end();
        view.close();
        return;
      }
      if (response.write(chunk)) continue;
      blocked = setTimeout(() => view.cutOff(), stall);
      blocked.unref();
      return;
    }
    if (!view.done) return;
    if (response.headersSent) {
      response.end();
      if (response.socket) watchEnd();
    } else sendEmpty();
    view.close();
  };

  // The last bytes lie in its socket: who does not take them either must not keep the connection.
  const watchEnd = () => {
    blocked = setTimeout(() => {
      view.segment.countCut();
      response.destroy();
    }, stall);
    blocked.unref();
  };

  const begin = () => {
    const told = answer.latest === answer.seq ? {} : { [LATEST]: answer.latest };
    response.writeHead(200, { 'Cache-Control': 'no-store', ...headers, ...told, [SEQ]: answer.seq, 'Content-Type': channel.contentType });
  };

  // Nothing came: dropped, skipped, or the channel is gone. What will be next is told as it is now.
  const sendEmpty = () => {
    const closed = channel.closed ? { [CLOSED]: 'terminated' } : {};
    send(request, response, 200, { ...headers, [SEQ]: answer.seq, [LATEST]: channel.latest, ...closed });
  };

  response.on('drain', () => {
    if (blocked) clearTimeout(blocked);
    blocked = null;
    pump();
  });
  response.on('error', () => {});
  response.on('close', () => {
    if (blocked) clearTimeout(blocked);
    view.onReady = null;
    view.close();
  });
  view.onReady = pump;
  pump();
}
