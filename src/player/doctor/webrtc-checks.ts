// WebRTC as the player uses it, tried for real: a viewer for some seconds. Says which way the packets go, or where they stop.

import { readIceLinks } from '../../formats/ice-server.ts';
import type { StreamAddress } from '../address.ts';
import { pathOf, selectedPair } from '../webrtc-stats.ts';
import { offerTo, RefusedOffer } from '../whep.ts';
import type { Check, DoctorContext, Finding, Fix } from './finding.ts';

/** Patience with packets that do not come. */
const CONNECT_MS = 8000;
/** The same where the browser has no address to offer: the other side may still find a way. */
const MUTE_MS = 1500;

const TURN: Fix = {
  text: 'The picture comes over WebSocket meanwhile. For WebRTC in such networks name a TURN server that is reached over TCP:',
  settings: ['webrtc.iceServers'],
  lines: ["webrtc: { iceServers: ['turn:USER:PASSWORD@HOST:3478?transport=tcp'] },"],
};

/** How a connection came out. */
interface Trial {
  readonly connected: boolean;
  /** `UDP`, `TCP through a relay` …, if it is connected. */
  readonly path: string;
  /** Own addresses that the browser has offered. */
  readonly candidates: number;
  /** Where the server listens: `192.0.2.1:8000`. */
  readonly server: readonly string[];
}

async function connect(address: StreamAddress, policy: RTCIceTransportPolicy, signal: AbortSignal): Promise<Trial> {
  const peer = new RTCPeerConnection({ iceTransportPolicy: policy });
  let candidates = 0;
  let session: { end(): void } | null = null;
  try {
    peer.addTransceiver('video', { direction: 'recvonly' });
    peer.createDataChannel('sluice');
    const mute = new Promise<boolean>((resolve) => {
      peer.addEventListener('icecandidate', ({ candidate }) => {
        if (candidate?.candidate) candidates++;
        else if (!candidate && !candidates) setTimeout(() => resolve(false), MUTE_MS);
      });
    });
    const settled = new Promise<boolean>((resolve) => {
      peer.addEventListener('connectionstatechange', () => {
        if (peer.connectionState === 'connected') resolve(true);
        else if (peer.connectionState === 'failed') resolve(false);
      });
    });
    session = await offerTo(address.live('whep'), peer, signal);
    const late = new Promise<boolean>((resolve) => setTimeout(() => resolve(false), CONNECT_MS));
    const connected = await Promise.race([settled, mute, late]);
    // The end of the connection says it by itself; a DELETE would find nothing any more.
    if (connected) session = null;
    signal.throwIfAborted();
    const entries = [...(await peer.getStats()).values()];
    const server = [...(peer.remoteDescription?.sdp ?? '').matchAll(/^a=candidate:\S+ 1 udp \S+ (\S+) (\d+) /gim)].map(
      ([, host, port]) => `${host!.includes(':') ? `[${host}]` : host}:${port}`,
    );
    return { connected, path: pathOf(selectedPair(entries), entries), candidates, server: [...new Set(server)] };
  } finally {
    await session?.end();
    peer.close();
  }
}

function refused(error: unknown): Finding {
  if (error instanceof RefusedOffer) return { verdict: 'failed', text: `The server refused: ${error.message}.` };
  throw error;
}

async function overUdp({ address }: DoctorContext, signal: AbortSignal): Promise<Finding> {
  if (!('RTCPeerConnection' in globalThis)) return { verdict: 'skipped', text: 'This browser has no WebRTC.' };
  let trial: Trial;
  try {
    trial = await connect(address, 'all', signal);
  } catch (error) {
    return refused(error);
  }
  if (trial.connected) {
    if (trial.path === 'UDP') return { verdict: 'ok', text: 'Packets go straight to the server over UDP.' };
    return { verdict: 'limited', text: `Connected, but only by ${trial.path}: UDP does not get straight through.` };
  }
  if (!trial.candidates) {
    return {
      verdict: 'failed',
      text: 'This browser sends no UDP at all: a setting, an extension, a VPN or the rules of this computer forbid it.',
      fix: TURN,
    };
  }
  const where = trial.server.join(', ') || 'the server';
  const port = trial.server[0]?.split(':').at(-1) ?? '8000';
  return {
    verdict: 'failed',
    text: `No UDP packet came back from ${where} within ${CONNECT_MS / 1000} s.`,
    fix: {
      text: `The firewall of the server and of the network must let UDP port ${port} in. The port is set by the first line; behind an address translation the second one helps, and a TURN server always does:`,
      settings: ['webrtc.port', 'webrtc.iceServers'],
      lines: [`webrtc: { port: ${port} },`, "webrtc: { iceServers: ['stun:HOST:3478'] },", ...TURN.lines],
    },
  };
}

async function overTurn({ address }: DoctorContext, signal: AbortSignal): Promise<Finding> {
  if (!('RTCPeerConnection' in globalThis)) return { verdict: 'skipped', text: 'This browser has no WebRTC.' };
  const answer = await fetch(address.live('whep'), { method: 'OPTIONS', signal });
  const relays = readIceLinks(answer.headers.get('link') ?? '').filter(({ urls }) => urls.startsWith('turn'));
  if (!relays.length)
    return { verdict: 'skipped', text: 'The server names no TURN server (webrtc.iceServers). Only networks without UDP need one.' };
  const names = relays.map(({ urls }) => urls).join(', ');
  try {
    const { connected, path } = await connect(address, 'relay', signal);
    if (connected) return { verdict: 'ok', text: `Connected by ${path} (${names}).` };
  } catch (error) {
    return refused(error);
  }
  return {
    verdict: 'failed',
    text: `No connection through ${names}.`,
    fix: { ...TURN, text: 'Is the TURN server running, and are name and password right? Over TCP it reaches farthest:' },
  };
}

export const WEBRTC_CHECKS: readonly Check[] = [
  { id: 'webrtc-udp', label: 'WebRTC over UDP', needsServer: true, limitMs: 15_000, run: overUdp },
  { id: 'webrtc-turn', label: 'WebRTC over TCP or a relay (TURN)', needsServer: true, limitMs: 15_000, run: overTurn },
];
