// Viewers in a process of their own: their CPU time is not the server's.
import { connect } from 'node:net';
import { WebSocket } from 'ws';
import { readIdentities } from '../../src/formats/fmp4-read.ts';
import { childArgument, serveParent } from '../child.ts';
import { HlsClient } from '../hls-client.ts';
import { HttpConnection } from '../http.ts';

export type ViewerKind = 'jpeg' | 'lossless' | 'h264' | 'mjpeg' | 'hls' | 'playlist' | 'stuck-jpeg' | 'stuck-mjpeg';

export interface Counts {
  /** Pictures, or parts of HLS. */
  pictures: number;
  /** Playlists. */
  playlists: number;
  bytes: number;
  /** Why viewers have ended that should not. */
  failures: string[];
}

const { url, stream } = childArgument<{ url: string; stream: string }>();
const counts: Counts = { pictures: 0, playlists: 0, bytes: 0, failures: [] };
const open = new Map<ViewerKind, Disposable[]>();
const live = (path: string) => new URL(`live/${stream}/${path}`, url);

const fail = (kind: ViewerKind, reason: unknown) => {
  counts.failures.push(`${kind}: ${reason instanceof Error ? reason.message : String(reason)}`);
};

/** Runs the work until it is disposed; an end before that is a failure. */
function viewer(kind: ViewerKind, start: (ended: (reason: unknown) => void) => () => void): Disposable {
  let closing = false;
  const stop = start((reason) => {
    if (!closing) fail(kind, reason);
    closing = true;
  });
  return {
    [Symbol.dispose]: () => {
      closing = true;
      stop();
    },
  };
}

/** Where the frame id lies in the SLF1 header. */
const ID_OFFSET = 24;

/** Pictures for one acknowledgement of an H.264 viewer. */
const ACK_EVERY = 4;

/** Acknowledges each picture, as the player of the page does. */
const pictures = (kind: 'jpeg' | 'lossless') => () =>
  viewer(kind, (ended) => {
    const address = live(`ws?codec=${kind}`);
    address.protocol = 'ws:';
    const ws = new WebSocket(address, { perMessageDeflate: false });
    ws.on('message', (data: Buffer, binary) => {
      if (!binary) return;
      counts.pictures++;
      counts.bytes += data.length;
      ws.send(`{"type":"ack","id":${data.readBigUInt64LE(ID_OFFSET)}}`);
    });
    ws.on('error', ended);
    ws.on('close', (code, reason) => ended(`closed with ${code} ${reason}`));
    return () => ws.terminate();
  });

const KINDS: Record<ViewerKind, () => Disposable> = {
  jpeg: pictures('jpeg'),
  lossless: pictures('lossless'),
  // Acknowledges every fourth picture, as the player of the page does.
  h264: () =>
    viewer('h264', (ended) => {
      const address = live('ws?codec=h264');
      address.protocol = 'ws:';
      const ws = new WebSocket(address, { perMessageDeflate: false });
      let unacked = 0;
      ws.on('message', (data: Buffer, binary) => {
        if (!binary) return;
        counts.pictures++;
        counts.bytes += data.length;
        if (++unacked % ACK_EVERY) return;
        const [sample] = readIdentities(data);
        if (sample) ws.send(`{"type":"ack","id":${sample.identity.id}}`);
      });
      ws.on('error', ended);
      ws.on('close', (code, reason) => ended(`closed with ${code} ${reason}`));
      return () => ws.terminate();
    }),
  mjpeg: () =>
    viewer('mjpeg', (ended) => {
      const socket = connect({ host: live('').hostname, port: Number(live('').port), noDelay: true });
      socket.write(`GET ${live('mjpeg').pathname} HTTP/1.1\r\nHost: ${live('').host}\r\n\r\n`);
      socket.on('data', (data) => {
        counts.bytes += data.length;
        for (let at = data.indexOf('X-Sluice-Frame:'); at >= 0; at = data.indexOf('X-Sluice-Frame:', at + 15)) counts.pictures++;
      });
      socket.on('error', ended);
      socket.on('close', () => ended('the server closed the connection'));
      return () => socket.destroy();
    }),
  hls: () =>
    viewer('hls', (ended) => {
      const client = new HlsClient(live('hls/index.m3u8'));
      let last = { ...client.counts };
      const timer = setInterval(() => {
        const now = { ...client.counts };
        counts.pictures += now.parts - last.parts;
        counts.playlists += now.playlists - last.playlists;
        counts.bytes += now.bytes - last.bytes;
        last = now;
      }, 50);
      client.play().catch(ended);
      return () => {
        clearInterval(timer);
        client[Symbol.dispose]();
      };
    }),
  // Asks for the media playlist again and again, as fast as it comes.
  playlist: () =>
    viewer('playlist', (ended) => {
      const client = new HlsClient(live('hls/index.m3u8'));
      const http = new HttpConnection(live(''));
      const run = async () => {
        await client.begin();
        for (;;) {
          const { body, status } = await http.get(client.mediaPath);
          if (status !== 200) throw new Error(`playlist: ${status}`);
          counts.playlists++;
          counts.bytes += body.length;
        }
      };
      run().catch(ended);
      return () => {
        http[Symbol.dispose]();
        client[Symbol.dispose]();
      };
    }),
  'stuck-jpeg': () =>
    viewer('stuck-jpeg', (ended) => {
      const address = live('ws?codec=jpeg');
      address.protocol = 'ws:';
      const ws = new WebSocket(address, { perMessageDeflate: false });
      ws.on('open', () => ws.pause());
      ws.on('error', ended);
      return () => ws.terminate();
    }),
  'stuck-mjpeg': () =>
    viewer('stuck-mjpeg', (ended) => {
      const socket = connect({ host: live('').hostname, port: Number(live('').port) });
      socket.pause();
      socket.write(`GET ${live('mjpeg').pathname} HTTP/1.1\r\nHost: ${live('').host}\r\n\r\n`);
      socket.on('error', ended);
      return () => socket.destroy();
    }),
};

const methods = {
  /** Makes it so many viewers of a kind. */
  set: ({ kind, count }: { kind: ViewerKind; count: number }): void => {
    const viewers = open.get(kind) ?? [];
    open.set(kind, viewers);
    while (viewers.length < count) viewers.push(KINDS[kind]());
    while (viewers.length > count) viewers.pop()![Symbol.dispose]();
  },
  counts: (): Counts => counts,
};

export type ViewerMethods = typeof methods;

serveParent(methods, () => {
  for (const viewers of open.values()) for (const one of viewers) one[Symbol.dispose]();
});
