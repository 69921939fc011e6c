// The WebRTC process: holds the connections of all viewers. It is given encoded pictures and sound and never sees the server's memory, so that a fault
// in native code ends it and not the server.
import { type Micros, toTicks } from '../../core/time.ts';
import { nalsOf } from '../../formats/h264.ts';
import { packetizeH264, parameterSets } from '../../formats/rtp.ts';
import { chooseSound, chooseVideo, readSdp, videoSection } from '../../formats/sdp.ts';
import { packetizeVp8 } from '../../formats/vp8.ts';
import { askPublicAddress, startWebRtc, stopWebRtc, type WebRtcSettings } from '../../native/webrtc.ts';
import type { FromProcess, ToProcess } from './messages.ts';
import { PublisherPeer } from './publisher.ts';
import type { Packetized } from './rtp-sender.ts';
import { Viewer } from './viewer.ts';

const UPDATE_MS = 250;
/** A tick that comes so late says that this process did not run. */
const AWAY_MS = 500;
const CHECK_MS = 1000;
/** Pictures for one acknowledgement; far below the limit of the pipe. */
const ACK_EVERY = 4;

/** Media time that is so much ahead of the capture time says that the clock was set back: a second. */
const SET_BACK_TICKS = 90_000;

let settings: WebRtcSettings | null = null;
const viewers = new Map<string, Viewer>();
const publishers = new Map<string, PublisherPeer>();

function tell(message: FromProcess): void {
  if (message.type === 'gone') end(message.id);
  if (process.connected) process.send!(message);
}

function end(id: string, lastWord?: string): void {
  const viewer = viewers.get(id);
  viewers.delete(id);
  // Not inside one of its own callbacks.
  if (viewer) setImmediate(() => viewer.close());
  const publisher = publishers.get(id);
  publishers.delete(id);
  if (publisher) setImmediate(() => (lastWord === undefined ? publisher.close() : publisher.closeWith(lastWord)));
}

async function publish({ id, offer }: Extract<ToProcess, { type: 'publish' }>): Promise<void> {
  const refuse = (status: 'bad-request' | 'not-acceptable', reason: string) => tell({ type: 'refused', id, status, reason });
  const sdp = readSdp(offer);
  if (!sdp) return refuse('bad-request', 'the body is no session description (RFC 8866)');
  const media = videoSection(sdp);
  const sound = chooseSound(sdp, 'sendonly');
  if (!media && !sound) return refuse('not-acceptable', 'the offer has neither a video section nor an audio section with Opus');
  const sends = media?.direction === 'sendonly' || media?.direction === 'sendrecv';
  if (media && !sends && !sound) {
    return refuse('not-acceptable', `the offer's video section is ${media.direction}; expected sendonly or sendrecv`);
  }
  const codec = media && sends ? chooseVideo(media)?.codec : null;
  if (media && sends && !codec) {
    const names = [...new Set(media.codecs.map(({ name }) => name))].join(', ');
    return refuse('not-acceptable', `the offer has neither H.264 with packetization-mode=1 nor VP8; it has ${names || 'no codec'}`);
  }
  const video = media && codec ? { media, codec } : null;
  // With two tracks the library tells packets apart by the senders that the offer names.
  const told = !video || (sound?.media.sources.length && video.media.sources.length);
  const heard = told ? sound : null;
  try {
    const publisher = new PublisherPeer(id, settings!, video, heard, tell);
    publishers.set(id, publisher);
    tell({ type: 'answer', id, sdp: await publisher.answer(offer, sdp), codec: codec?.name ?? '', sound: heard !== null });
  } catch (error) {
    end(id);
    refuse('bad-request', `the offer could not be applied: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function view(message: Extract<ToProcess, { type: 'view' }>): Promise<void> {
  const { id, offer } = message;
  const refuse = (status: 'bad-request' | 'not-acceptable', reason: string) => tell({ type: 'refused', id, status, reason });
  const sdp = readSdp(offer);
  if (!sdp) return refuse('bad-request', 'the body is no session description (RFC 8866)');
  const media = videoSection(sdp);
  const sound = message.soundFeed === null ? null : chooseSound(sdp, 'recvonly');
  if (!media && !sound)
    return refuse('not-acceptable', 'the offer has no video section, and no audio section that takes sound of this stream');
  const codec = media && chooseVideo(media)?.codec;
  if (media && (media.direction === 'sendonly' || media.direction === 'inactive')) {
    if (!sound) return refuse('not-acceptable', `the offer's video section is ${media.direction}; expected recvonly or sendrecv`);
  } else if (media && !codec && !sound) {
    const names = [...new Set(media.codecs.map(({ name }) => name))].join(', ');
    return refuse('not-acceptable', `the offer has neither H.264 with packetization-mode=1 nor VP8; it has ${names || 'no codec'}`);
  }
  const receives = media?.direction === 'recvonly' || media?.direction === 'sendrecv';
  const video = media && codec && receives ? { media, codec } : null;
  try {
    const viewer = new Viewer({ ...message, settings: settings!, video, sound, tell });
    viewers.set(id, viewer);
    const answer = await viewer.answer(offer, sdp);
    tell({ type: 'answer', id, sdp: answer, codec: video?.codec.name ?? '', sound: sound !== null });
  } catch (error) {
    end(id);
    refuse('bad-request', `the offer could not be applied: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function picture(message: Extract<ToProcess, { type: 'picture' }>): void {
  const { feed, codec, index, id, timestamp, repeat, key, data, description } = message;
  const rtpTime = message.pts % 2 ** 32;
  const nals = codec === 'h264' ? [...nalsOf(data)] : [];
  const packetized: Packetized = {
    payloads: codec === 'vp8' ? packetizeVp8(data, index) : packetizeH264(description ? [...parameterSets(description), ...nals] : nals),
    rtpTime,
    ahead: aheadOf(message),
    key,
    text: JSON.stringify({ type: 'frame', rtp: rtpTime, id, timestamp, repeat }),
  };
  for (const viewer of viewers.values()) viewer.send(feed, packetized);
  // The server only wants to know that they do not pile up: a message back for each would cost as much as the picture.
  if (message.number % ACK_EVERY === 0) tell({ type: 'taken', number: message.number });
}

/** Pictures that were late have media times some ms after their own; a clock that was set back puts it off by more (`media-time.ts`). */
function aheadOf({ pts, timestamp, repeat }: Extract<ToProcess, { type: 'picture' }>): number {
  const ahead = pts - toTicks(timestamp as Micros);
  return repeat || ahead < SET_BACK_TICKS ? 0 : ahead;
}

function sound({ feed, number, rtpTime, timestamp, data }: Extract<ToProcess, { type: 'sound' }>): void {
  for (const viewer of viewers.values()) viewer.sendSound(feed, { payload: data, rtpTime, timestamp });
  if (number % ACK_EVERY === 0) tell({ type: 'taken', number });
}

function onMessage(message: ToProcess): void {
  if (message.type === 'settings') {
    settings = message.settings;
    startWebRtc(settings);
    tell({ type: 'ready' });
  } else if (message.type === 'ice-servers') askPublicAddress(message.servers);
  else if (message.type === 'view') void view(message);
  else if (message.type === 'publish') void publish(message);
  else if (message.type === 'request-key') publishers.get(message.id)?.requestKey();
  else if (message.type === 'candidate') {
    (viewers.get(message.id) ?? publishers.get(message.id))?.addCandidate(message.candidate, message.mid);
  } else if (message.type === 'switch') viewers.get(message.id)?.switchTo(message.feed, message.pause);
  else if (message.type === 'probe') viewers.get(message.id)?.probe(message.rate);
  else if (message.type === 'picture') picture(message);
  else if (message.type === 'sound') sound(message);
  else if (message.type === 'hear') viewers.get(message.id)?.hear(message.on);
  else if (message.type === 'timeline') {
    for (const viewer of viewers.values()) viewer.sendTimeline(message);
  } else if (message.type === 'close') end(message.id, message.text);
  else if (message.type === 'tell') (viewers.get(message.id) ?? publishers.get(message.id))?.sendText(message.text);
  else stop();
}

let checkedAt = 0;
let tickedAt = performance.now();
const timer = setInterval(() => {
  const now = performance.now();
  // On a busy machine what has come meanwhile is read only after this.
  const away = now - tickedAt - UPDATE_MS;
  tickedAt = now;
  if (away > AWAY_MS) for (const peer of [...viewers.values(), ...publishers.values()]) peer.excuse(away);
  const checks = now - checkedAt >= CHECK_MS - UPDATE_MS / 2;
  for (const viewer of viewers.values()) viewer.update(now, checks);
  if (!checks) return;
  checkedAt = now;
  for (const publisher of publishers.values()) {
    const dead = publisher.check(now);
    if (dead) tell({ type: 'gone', id: publisher.id, reason: dead });
    else publisher.beat();
  }
}, UPDATE_MS);

function stop(): void {
  clearInterval(timer);
  for (const viewer of viewers.values()) viewer.close();
  viewers.clear();
  for (const publisher of publishers.values()) publisher.close();
  publishers.clear();
  // Connections close in threads of their own.
  setTimeout(() => {
    stopWebRtc();
    process.exit(0);
  }, 50);
}

process.on('message', onMessage);
// Without its server it has no purpose.
process.on('disconnect', stop);
// Ctrl-C goes to the whole group of processes; the server says when it is time.
process.on('SIGINT', () => {});
process.on('SIGTERM', stop);
