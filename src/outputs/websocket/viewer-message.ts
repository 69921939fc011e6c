// Text messages of the media sockets (CONTRACT "Text messages on the media sockets").
import type { WebSocket } from 'ws';
import { ViewerMessage } from '../../api/schema.ts';
import { SluiceError } from '../../core/errors.ts';

/** Reads a viewer's message; one that is not understood is answered with an error, and gives `null`. */
export function readViewerMessage(ws: WebSocket, text: string): ViewerMessage | null {
  let parsed: ReturnType<typeof ViewerMessage.safeParse>;
  try {
    parsed = ViewerMessage.safeParse(JSON.parse(text));
  } catch {
    parsed = ViewerMessage.safeParse(null);
  }
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const error = new SluiceError(
    'bad-request',
    `${issue?.path.join('.') || 'message'}: ${issue?.message ?? 'not understood'}; expected JSON of type ack, set or shown`,
  );
  sendText(ws, { ...error.toProblem(), type: 'error' });
  return null;
}

/** Sends JSON if the socket is still open. */
export function sendText(ws: WebSocket, message: object): void {
  if (ws.readyState === ws.OPEN) ws.send(JSON.stringify(message));
}
