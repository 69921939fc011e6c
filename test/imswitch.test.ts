// ImSwitch's live view: Socket.IO in both of its formats, read by clients of others, and the REST of its LiveViewController.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { request } from 'node:http';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { decode } from '@msgpack/msgpack';
import lz4 from 'lz4-napi';
import { io, type Socket } from 'socket.io-client';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { readUc2f } from '../src/formats/uc2f.ts';
import { missingTool, pythonWith } from './python.ts';
import { type TestServer, testServer } from './server.ts';
import { whepOffer } from './whep-client.ts';

const API = 'imswitch/api/LiveViewController';
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function open(config: Parameters<typeof testServer>[0] = {}): Promise<TestServer> {
  const server = await testServer(config);
  cleanups.push(() => server.close());
  return server;
}

type Answer = Record<string, unknown> & { status: string; message: string; params: Record<string, unknown> };

const get = (server: TestServer, path: string) => server.json<Answer>(`${API}/${path}`);
const post = (server: TestServer, path: string, body?: unknown) =>
  server.json<Answer>(`${API}/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });

/** A detector that this test feeds: `frames` has the hash of the 16-bit samples of each frame that was pushed. */
async function detector(server: TestServer, name: string, format: 'gray' | 'gray16le', width = 70, height = 50) {
  const frames = new Map<number, string>();
  let count = 0;
  const push = async () => {
    const seed = count++ * 7919;
    const samples = Uint16Array.from({ length: width * height }, (_, i) => (i * 31 + seed + (i >> 3)) & (format === 'gray' ? 0xff : 0xfff));
    const wide = format === 'gray' ? samples.map((value) => value << 8) : samples;
    const bytes = format === 'gray' ? Uint8Array.from(samples) : new Uint8Array(samples.buffer);
    const { id } = await server.json<{ id: number }>(`api/streams/${name}/frames?width=${width}&height=${height}&format=${format}`, {
      method: 'POST',
      headers: { 'content-type': 'application/octet-stream' },
      body: bytes,
    });
    frames.set(id, createHash('sha256').update(new Uint8Array(wide.buffer)).digest('hex'));
    return id;
  };
  await push();
  let going = true;
  const pump = async () => {
    while (going) {
      await push();
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  };
  const running = pump();
  const stop = async () => {
    going = false;
    await running;
  };
  cleanups.push(stop);
  return { frames, push, stop };
}

function client(server: TestServer, query: Record<string, string> = {}, transports = ['websocket']): Socket {
  const socket = io(new URL(server.url).origin, { path: '/imswitch/socket.io/', transports, query, forceNew: true, reconnection: false });
  cleanups.push(() => socket.disconnect());
  return socket;
}

interface Told {
  readonly metadata: Record<string, unknown> & { frame_id: number; frame: number };
  readonly data?: Uint8Array;
  readonly image?: string;
}

function hashOf(packet: Uint8Array): string {
  const { payload } = readUc2f(packet);
  return createHash('sha256')
    .update(lz4.decompressFrameSync(Buffer.from(payload)))
    .digest('hex');
}

/** Takes pictures of today's format. `onPicture` acknowledges, or does not. */
function today(socket: Socket, onPicture: (told: Told, acknowledge: () => void) => void): void {
  socket.on('frame', (bytes: Uint8Array) => {
    const told = decode(bytes) as Told;
    onPicture(told, () => socket.emit('frame_ack', { frame_id: told.metadata.frame_id }));
  });
}

/** Answers binding requests (RFC 8489 14.2) with one address for everybody. */
async function stunServer(address: string, port: number): Promise<string> {
  const socket = createSocket('udp4');
  cleanups.push(() => socket.close());
  socket.on('message', (request, from) => {
    const cookie = request.subarray(4, 8);
    const answer = Buffer.alloc(32);
    answer.writeUInt16BE(0x0101, 0);
    answer.writeUInt16BE(12, 2);
    request.copy(answer, 4, 4, 20);
    answer.set([0, 0x20, 0, 8, 0, 1], 20);
    answer.writeUInt16BE(port ^ cookie.readUInt16BE(0), 26);
    for (const [i, part] of address.split('.').entries()) answer[28 + i] = Number(part) ^ cookie[i]!;
    socket.send(answer, from.port, from.address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return `stun:127.0.0.1:${socket.address().port}`;
}

const FULL = { subsampling_factor: 1, throttle_ms: 0 };

describe('Socket.IO', () => {
  const python = pythonWith('socketio, msgpack, lz4.frame, aiohttp');
  if (!python) missingTool('python3-socketio, python3-msgpack or python3-lz4');

  // One server for all of them; each test starts the live views that it needs.
  let server: TestServer;
  const feeds = {} as Record<'deep' | 'flat', Awaited<ReturnType<typeof detector>>>;
  const own: (() => unknown)[] = [];
  beforeAll(async () => {
    server = await testServer();
    feeds.deep = await detector(server, 'deep', 'gray16le');
    feeds.flat = await detector(server, 'flat', 'gray');
    own.push(...cleanups.splice(0));
  });
  afterEach(async () => {
    for (const name of Object.keys(feeds)) await get(server, `stopLiveView?detectorName=${name}`);
  });
  afterAll(async () => {
    for (const stop of own) await stop();
    await server.close();
  });
  const view = async (name: keyof typeof feeds, protocol = 'binary') =>
    expect(await post(server, `startLiveView?detectorName=${name}&protocol=${protocol}`, FULL)).toMatchObject({ status: 'success' });

  it.skipIf(!python)('foreign clients of both eras see 16-bit and 8-bit pictures pixel by pixel', async () => {
    await view('deep');
    await view('flat');
    const program = fileURLToPath(new URL('imswitch-client.py', import.meta.url));
    const judge = async (era: 'today' | 'october', name: keyof typeof feeds) => {
      const address = `${new URL(server.url).origin}?detectorName=${name}`;
      const child = spawn(python!, [program, address, era, '8'], { stdio: ['ignore', 'pipe', 'inherit'] });
      cleanups.push(() => child.kill());
      const told: (Record<string, unknown> & { metadata: Record<string, unknown>; frame: number })[] = [];
      for await (const line of createInterface({ input: child.stdout })) told.push(JSON.parse(line));
      const [first, ...pictures] = told;
      expect(first).toEqual({ capabilities: { messagepack: true, binary_streaming: true, protocol_version: '1.0' } });
      expect(pictures).toHaveLength(8);
      for (const picture of pictures) {
        expect(picture.sha256).toBe(feeds[name].frames.get(picture.frame));
        expect([picture.width, picture.height, picture.depth]).toEqual([70, 50, 16]);
        const shift = name === 'flat' ? 8 : 0;
        const { metadata } = picture;
        expect(metadata).toMatchObject({ compression_algorithm: 'lz4', original_width: 70, raw_bytes: 7000, value_shift: shift });
        if (era === 'today') expect([metadata.detector_name, String(metadata.timestamp_ns)]).toEqual([name, picture.ns]);
        else expect(metadata).toMatchObject({ detectorname: name, pixelsize: 1, format: 'binary' });
      }
    };
    await Promise.all([judge('today', 'deep'), judge('today', 'flat'), judge('october', 'deep')]);
  });

  it('sends JPEG in both formats; who is of October 2025 shows by an acknowledgement without a number', async () => {
    await view('flat', 'jpeg');
    const image = await new Promise<Told>((resolve) =>
      today(client(server), (told, acknowledge) => {
        acknowledge();
        resolve(told);
      }),
    );
    expect(image.metadata).toMatchObject({
      detector_name: 'flat',
      format: 'jpeg',
      protocol: 'jpeg',
      jpeg_quality: 80,
      width: 70,
      height: 50,
    });
    expect(Buffer.from(image.image!, 'base64').subarray(0, 3).toString('hex')).toBe('ffd8ff');

    // Such clients name no path.
    const october = io(new URL(server.url).origin, { transports: ['websocket'], forceNew: true, reconnection: false });
    cleanups.push(() => october.disconnect());
    october.on('frame', () => october.emit('frame_ack'));
    const signals: Record<string, unknown>[] = [];
    october.on('signal', (text: string, acknowledge: () => void) => {
      signals.push(JSON.parse(text));
      acknowledge();
    });
    await expect.poll(() => signals.length, { timeout: 20_000 }).toBeGreaterThan(3);
    expect(signals[0]).toMatchObject({ name: 'sigUpdateImage', detectorname: 'flat', pixelsize: 1, format: 'jpeg' });
    expect(String(signals[0]!.image)).toMatch(/^\/9j\//);
  });

  it('a client may say which format and which detector it wants; over long polling too', async () => {
    await view('deep');
    await view('flat');
    const names = new Set<unknown>();
    await new Promise<void>((resolve) => {
      let count = 0;
      today(client(server, { format: 'msgpack', detectorName: 'flat' }), ({ metadata }, acknowledge) => {
        acknowledge();
        names.add(metadata.detector_name);
        if (++count === 10) resolve();
      });
    });
    expect([...names]).toEqual(['flat']);
    const october = client(server, { format: 'frame_meta' });
    const [packet] = await new Promise<Uint8Array[]>((resolve) => october.once('frame', (...args) => resolve(args)));
    expect(Buffer.from(packet!).subarray(0, 4).toString()).toBe('UC2F');
    // Both detectors have their share of one client.
    const seen = { deep: 0, flat: 0 };
    today(client(server, { format: 'msgpack' }, ['polling']), ({ metadata, data }, acknowledge) => {
      const name = metadata.detector_name as keyof typeof feeds;
      expect(hashOf(data!)).toBe(feeds[name].frames.get(metadata.frame));
      seen[name]++;
      acknowledge();
    });
    await expect.poll(() => Math.min(seen.deep, seen.flat), { timeout: 20_000 }).toBeGreaterThan(3);
  });

  it('who acknowledges nothing, late or not all is limited and recovers; nobody else notices', async () => {
    await view('deep');
    const { frames } = feeds.deep;
    const format = { format: 'msgpack' };
    const began = performance.now();
    const counts = { good: 0, silent: 0, late: 0, loses: 0, rubbish: 0 };
    const flying = { silent: 0, late: 0 };
    today(client(server, format), (_told, acknowledge) => {
      counts.good++;
      acknowledge();
    });
    today(client(server, format), () => void counts.silent++);
    today(client(server, format), (_told, acknowledge) => {
      counts.late++;
      flying.late++;
      setTimeout(() => {
        flying.late--;
        acknowledge();
      }, 300);
    });
    today(client(server, format), ({ data, metadata }, acknowledge) => {
      expect(hashOf(data!)).toBe(frames.get(metadata.frame));
      if (counts.loses++ % 3) acknowledge();
    });
    const rude = client(server, format);
    today(rude, () => {
      counts.rubbish++;
      for (const rubbish of [null, 'x', -1, 1e9, [1], { frame_id: 'a' }, { frame_id: 77.5 }, {}]) rude.emit('frame_ack', rubbish);
    });
    await expect.poll(() => counts.good, { timeout: 30_000 }).toBeGreaterThan(80);
    // Four at the beginning, and four for each second without an answer.
    expect(counts.silent).toBeGreaterThanOrEqual(4);
    expect(counts.silent).toBeLessThanOrEqual(4 * (2 + (performance.now() - began) / 1000));
    expect(flying.late).toBeLessThanOrEqual(4);
    await expect.poll(() => Math.min(counts.late, counts.loses, counts.rubbish), { timeout: 30_000 }).toBeGreaterThan(10);
    const stats = await server.json<{
      outputs: Record<string, { offered: number; sent: number; skipped: Record<string, number>; inFlight: number }>;
    }>('api/streams/deep/stats');
    const { offered, sent, skipped, inFlight } = stats.outputs['imswitch-binary']!;
    expect(offered).toBe(sent + inFlight + Object.values(skipped).reduce((a, b) => a + b, 0));
  });

  it('reads pictures once for all clients, and none without clients or without a live view', async () => {
    const stream = server.streams.registry.get('flat');
    const readers = () => stream.renditions.filter((one) => one.settings.codec === 'uc2f').map((one) => one.stats().readers);
    const idle = () => readers().every((count) => count === 0);
    await view('flat');
    expect(idle()).toBe(true);
    const format = { format: 'msgpack' };
    const sockets = [client(server, format), client(server, format), client(server, format)];
    await Promise.all(sockets.map((socket) => once(socket as never, 'frame')));
    expect(readers().filter(Boolean)).toEqual([1]);
    expect(server.liveViews.active()).toMatchObject([{ stream: 'flat', protocol: 'lossless', viewers: 3 }]);
    expect(await post(server, 'setStreamParameters?protocol=binary', { subsampling_factor: 5 })).toMatchObject({
      updated_detectors: ['flat'],
    });
    await new Promise<void>((resolve) =>
      today(sockets[0]!, ({ metadata }, acknowledge) => {
        acknowledge();
        if (metadata.width === 14 && metadata.height === 10) resolve();
      }),
    );
    for (const socket of sockets) socket.disconnect();
    await expect.poll(idle).toBe(true);
    const late = client(server, format);
    await once(late as never, 'frame');
    await get(server, 'stopLiveView');
    await expect.poll(idle).toBe(true);
  });

  it('closes with the server, whoever is connected', async () => {
    const server = await testServer();
    const sockets = [client(server), client(server, {}, ['polling'])];
    await Promise.all(sockets.map((socket) => once(socket as never, 'connect')));
    const gone = Promise.all(sockets.map((socket) => once(socket as never, 'disconnect')));
    await server.close();
    await gone;
  });

  it('asks for a token like everything else, and refuses what is no Socket.IO', async () => {
    const server = await open({ token: 'whole-token-1', viewToken: 'view-token-1' });
    const origin = new URL(server.url).origin;
    const refused = client(server);
    const error = await new Promise<Error>((resolve) => refused.once('connect_error', resolve));
    expect(error.message).toBe('websocket error');
    const viewer = client(server, { token: 'view-token-1' }, ['polling', 'websocket']);
    await once(viewer as never, 'server_capabilities');
    expect((await fetch(`${origin}/imswitch/socket.io/?EIO=4&transport=polling`)).status).toBe(401);
    expect((await fetch(`${origin}/imswitch/socket.io/?EIO=3&transport=none&token=view-token-1`)).status).toBe(400);
    const big = await fetch(`${origin}/imswitch/socket.io/?EIO=4&transport=polling&sid=nobody&token=view-token-1`, {
      method: 'POST',
      body: 'x',
    });
    expect(big.status).toBe(400);
  });
});

describe('LiveViewController', () => {
  const streams = {
    left: { source: { type: 'pattern', kind: 'testbars', width: 320, height: 240, fps: 30 } },
    right: { source: { type: 'pattern', kind: 'microscope', width: 320, height: 240, fps: 30 } },
  } as const;

  it('starts and stops live views in its words: one protocol at a time for each detector', async () => {
    const server = await open({ streams });
    expect(await get(server, 'getLiveViewActive')).toBe(false);
    expect(await get(server, 'stopLiveView')).toEqual({ status: 'not_running', message: 'No active streams to stop' });
    const started = await post(server, 'startLiveView?detectorName=left&protocol=binary', { throttle_ms: 33 });
    expect(started).toMatchObject({ status: 'success', detector: 'left', protocol: 'binary' });
    expect(started.params).toEqual({
      ...{ detector_name: 'left', protocol: 'binary', compression_algorithm: 'lz4', compression_level: 0, subsampling_factor: 4 },
      ...{ throttle_ms: 33, crop_size: 0, jpeg_quality: 80, stun_servers: [], turn_servers: [], max_width: 1280, broadcast_frames: true },
    });
    expect(await post(server, 'startLiveView?detectorName=left&protocol=jpeg')).toEqual({
      ...{ status: 'already_running', detector: 'left', protocol: 'binary' },
      message: 'Stream already active for left with protocol binary. Stop it first.',
    });
    expect(await post(server, 'startLiveView?detectorName=right', {})).toMatchObject({ status: 'success', protocol: 'jpeg' });
    expect(await get(server, 'getLiveViewActive')).toBe(true);
    expect(await server.json('LiveViewController/getLiveViewActive')).toBe(true);
    expect(await server.json('imswitch/api/SettingsController/getDetectorNames')).toEqual(['left', 'right']);
    expect(await get(server, 'getActiveStreams')).toEqual({
      status: 'success',
      active_streams: [
        { detector: 'left', protocol: 'binary' },
        { detector: 'right', protocol: 'jpeg' },
      ],
    });
    expect(await get(server, 'getCurrentStreamProtocol?detectorName=left')).toMatchObject({
      protocol: 'binary',
      is_streaming: true,
      params: { throttle_ms: 33 },
    });
    expect(await get(server, 'getStreamStatus')).toMatchObject({
      ...{ status: 'success', total_detectors: 2, active_streams: 2, available_protocols: ['binary', 'jpeg', 'mjpeg', 'webrtc'] },
      detectors: { left: { is_streaming: true, protocol: 'binary' }, right: { is_streaming: true, protocol: 'jpeg' } },
    });
    expect(await get(server, 'stopLiveView')).toEqual({ status: 'success', detector: 'left', protocol: 'binary' });
    expect(await get(server, 'stopLiveView?detectorName=left&stopCamera=true')).toMatchObject({ status: 'not_running', detector: 'left' });
    // Its params of before, in what the protocols have in common.
    expect(await post(server, 'startLiveView?detectorName=left&protocol=jpeg', null)).toMatchObject({
      params: { throttle_ms: 33, protocol: 'jpeg' },
    });
    expect(Object.keys(await get(server, 'getStreamDiagnostics')).sort()).toEqual(['left', 'right']);
  });

  it('tells params by protocol and detector, and refuses what is out of range or unknown', async () => {
    const server = await open({ streams });
    expect(await post(server, 'setStreamParameters?protocol=jpeg', { jpeg_quality: 55 })).toMatchObject({
      ...{ status: 'success', protocol: 'jpeg', params: { jpeg_quality: 55 }, message: 'Parameters updated (no active streams)' },
    });
    await post(server, 'startLiveView?detectorName=left&protocol=jpeg');
    expect(await post(server, 'setDetectorStreamParameters?detectorName=left', { jpeg_quality: 70 })).toMatchObject({
      ...{ status: 'success', detector: 'left', restarted: false, updated_live: true, params: { jpeg_quality: 70 } },
    });
    expect(await post(server, 'setStreamParameters', { protocol: 'jpeg', params: { subsampling_factor: 2 } })).toMatchObject({
      ...{ status: 'success', updated_detectors: ['left'] },
    });
    expect(await get(server, 'getStreamParameters')).toMatchObject({
      ...{ status: 'success', current_active_protocols: { left: 'jpeg' }, current_protocol: 'jpeg', total_active_streams: 1 },
      protocols: {
        jpeg: { jpeg_quality: 55, subsampling_factor: 2, is_active: true, active_detectors: ['left'] },
        binary: { is_active: false },
      },
      per_detector: { left: { jpeg_quality: 70, subsampling_factor: 2 } },
    });
    expect(await get(server, 'getStreamParameters?protocol=mjpeg')).toMatchObject({
      protocol: 'mjpeg',
      is_active: false,
      params: { jpeg_quality: 80 },
    });
    for (const [path, body, message] of [
      ['setStreamParameters?protocol=jpeg', { jpeg_quality: 101 }, /jpeg_quality: 101 received/],
      ['setStreamParameters?protocol=jpeg', { compression_algorithm: 'zip' }, /compression_algorithm: "zip" received/],
      ['setStreamParameters?protocol=binary', { sub_sampling: 2 }, /sub_sampling: not known; known are detector_name/],
      ['setStreamParameters?protocol=hls', {}, /Unknown protocol: hls/],
      ['setStreamParameters', {}, /protocol: nothing received/],
      ['setStreamParameters?protocol=jpeg', [1], /expected an object/],
      ['startLiveView?detectorName=nobody', {}, /nobody/],
      ['startLiveView?detectorName=right', { throttle_ms: -1 }, /throttle_ms: -1 received/],
      ['webrtc_offer', { sdp_type: 'offer' }, /sdp:/],
      ['webrtc_offer', { sdp: 'v=0', type: 'answer' }, /expected offer/],
      ['webrtc_ice_candidate', { candidate: 'x', usernameFragment: 'none' }, /no WebRTC viewer/],
    ] as const) {
      const answer = await post(server, path, body);
      expect(answer).toMatchObject({ status: 'error', message: expect.stringMatching(message) });
    }
    expect(await post(server, 'setStreamParameters?protocol=webrtc', { ice_servers: [], media_constraints: {} })).toMatchObject({
      status: 'success',
    });
  });

  it('refuses a live view of a long exposure unless it is forced, and stops one', async () => {
    const server = await open({ streams: { left: { ...streams.left, exposure: 5000 } } });
    const info = { detector: 'left', exposureMs: 5000, thresholdMs: 2000, isLongExposure: true };
    expect(await get(server, 'getLongExposureInfo')).toEqual(info);
    expect(await post(server, 'startLiveView?protocol=binary')).toMatchObject({
      status: 'long_exposure',
      exposureMs: 5000,
      thresholdMs: 2000,
    });
    expect(await post(server, 'startLiveView?protocol=binary&force=true')).toMatchObject({ status: 'success' });
    expect(await get(server, 'stopLiveViewForLongExposure')).toEqual({ ...info, stopped: true, stoppedDetectors: ['left'] });
    expect(await get(server, 'getLiveViewActive')).toBe(false);
  });

  it('streams MJPEG to any number of viewers, and ends with the live view', async () => {
    const server = await open({ streams });
    const viewer = async () => {
      const sent = request(new URL(`${API}/mjpeg_stream?startStream=true&detectorName=left`, server.url));
      sent.end();
      const [response] = (await once(sent, 'response')) as [import('node:http').IncomingMessage];
      cleanups.push(() => sent.destroy());
      const parts = { count: 0, ended: false };
      response.setEncoding('latin1');
      response.on('data', (text: string) => (parts.count += text.split('Content-Type: image/jpeg').length - 1));
      response.on('end', () => (parts.ended = true));
      return { response, parts };
    };
    const [one, two] = [await viewer(), await viewer()];
    expect(one.response.headers['content-type']).toBe('multipart/x-mixed-replace;boundary=frame');
    await expect.poll(() => Math.min(one.parts.count, two.parts.count), { timeout: 20_000 }).toBeGreaterThan(5);
    expect(await post(server, 'startLiveView?detectorName=left&protocol=binary')).toMatchObject({
      status: 'already_running',
      protocol: 'mjpeg',
    });
    expect(await get(server, 'mjpeg_stream?startStream=false&detectorName=left')).toEqual({ status: 'success', message: 'stream stopped' });
    await expect.poll(() => one.parts.ended && two.parts.ended, { timeout: 20_000 }).toBe(true);
  });

  it('answers WebRTC offers of any number of viewers, with all candidates; they leave with the live view', async () => {
    const server = await open({ streams, webrtc: { port: 0, iceServers: ['stun:127.0.0.1:9'] } });
    const stun = await stunServer('203.0.113.7', 4711);
    const viewer = async (extra: Record<string, unknown>) => {
      const { peer, track, sdp, keep } = await whepOffer({ channel: false });
      cleanups.push(() => peer.close());
      const seen = { packets: 0, state: 'new', keep };
      track.onMessage(() => void seen.packets++);
      peer.onStateChange((state) => {
        seen.state = state;
      });
      const answer = await post(server, 'webrtc_offer', { sdp, ...extra });
      expect(answer).toMatchObject({ status: 'success', type: 'answer', sdp: expect.stringMatching(/a=candidate:[\s\S]* typ host/) });
      peer.setRemoteDescription(answer.sdp as string, 'answer');
      const ufrag = /a=ice-ufrag:(\S+)/.exec(sdp)![1]!;
      return { seen, answer, ufrag };
    };
    const params = { throttle_ms: 50, subsampling_factor: 1, max_width: 640, stun_servers: [stun], compression_level: 0 };
    const one = await viewer({ sdp_type: 'offer', detectorName: 'left', params });
    expect(one.answer.iceServers).toEqual([{ urls: 'stun:127.0.0.1:9' }, { urls: stun }]);
    const two = await viewer({ type: 'offer' });
    // What the first offer made the server ask is known to it by now.
    await expect
      .poll(async () => (await viewer({ type: 'offer' })).answer.sdp, { timeout: 20_000, interval: 500 })
      .toMatch(/203\.0\.113\.7 4711 typ srflx/);
    await expect.poll(() => Math.min(one.seen.packets, two.seen.packets), { timeout: 30_000 }).toBeGreaterThan(10);
    expect(await get(server, 'getActiveStreams')).toMatchObject({ active_streams: [{ detector: 'left', protocol: 'webrtc' }] });
    const candidate = { candidate: 'candidate:1 1 UDP 2122317823 127.0.0.1 50000 typ host', sdpMid: '0', usernameFragment: one.ufrag };
    expect(await post(server, 'webrtc_ice_candidate?detectorName=left', candidate)).toMatchObject({ status: 'success' });
    expect(await post(server, 'webrtc_ice_candidate', { candidate: { ...candidate, usernameFragment: 'other' } })).toMatchObject({
      status: 'error',
    });
    expect(await post(server, 'webrtc_offer', { sdp: 'v=0', sdp_type: 'offer' })).toMatchObject({ status: 'error' });
    await get(server, 'stopLiveView?detectorName=left');
    const viewers = async () => {
      const { outputs } = await server.json<{ outputs: Record<string, { viewers: number }> }>('api/streams/left/stats');
      return outputs.webrtc!.viewers;
    };
    await expect.poll(viewers, { timeout: 20_000 }).toBe(0);
  });

  it('lets watchers watch and not change; a foreign page can not stop a live view by GET', async () => {
    const server = await open({ streams, token: 'whole-token-1', viewToken: 'view-token-1' });
    const ask = (path: string, token: string, init: RequestInit = {}) =>
      server.fetch(`${API}/${path}`, { ...init, headers: { authorization: `Bearer ${token}`, ...init.headers } });
    expect((await ask('startLiveView?protocol=jpeg', 'view-token-1', { method: 'POST' })).status).toBe(403);
    expect((await ask('startLiveView?protocol=jpeg', 'whole-token-1', { method: 'POST' })).status).toBe(200);
    expect((await ask('getStreamStatus', 'view-token-1')).status).toBe(200);
    expect((await ask('stopLiveView', 'view-token-1')).status).toBe(403);
    expect((await ask('mjpeg_stream?startStream=false', 'view-token-1')).status).toBe(403);
    expect((await ask('stopLiveView', 'whole-token-1', { headers: { 'sec-fetch-site': 'cross-site' } })).status).toBe(403);
    expect(await (await ask('getLiveViewActive', 'view-token-1')).json()).toBe(true);
    expect((await ask('webrtc_offer', 'view-token-1', { method: 'POST', body: '{}' })).status).toBe(200);
  });
});
