// One socket to the server's events, as `SluiceClient.openEvents` without its schemas: they would double the size of the player for other
// people's pages.
import type { EventListeners, EventSocket } from '../api/client.ts';
import type { ServerEvent } from '../api/schema.ts';

/** Opens one socket to `WS api/events`; it does not reconnect. */
export function openEventSocket(url: string, listeners: EventListeners): EventSocket {
  const socket = new WebSocket(url);
  socket.binaryType = 'arraybuffer';
  let closed = false;
  const end = (code: number, reason: string) => {
    if (closed) return;
    closed = true;
    listeners.onClose?.(code, reason);
  };
  socket.onopen = () => listeners.onOpen?.();
  socket.onmessage = (message: MessageEvent) => {
    if (closed) return;
    if (message.data instanceof ArrayBuffer) return listeners.onBinary?.(new Uint8Array(message.data));
    const event = parse(message.data);
    if (event) listeners.onEvent(event);
  };
  socket.onclose = (event) => end(event.code, event.reason);
  return {
    send(message) {
      if (socket.readyState !== WebSocket.OPEN) return false;
      socket.send(JSON.stringify(message));
      return true;
    },
    close() {
      socket.close();
      end(1000, '');
    },
  };
}

function parse(text: unknown): ServerEvent | null {
  try {
    const event: unknown = JSON.parse(String(text));
    return typeof event === 'object' && event !== null && 'type' in event ? (event as ServerEvent) : null;
  } catch {
    return null;
  }
}
