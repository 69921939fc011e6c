// The HTTP side of WHEP and WHIP as a client: offer and answer, trickled candidates, the servers' STUN and TURN servers, the end.
import { type IceServer, readIceLinks } from '../formats/ice-server.ts';

const SDP = 'application/sdp';
/** Candidates that come within this time go in one request. */
const GATHER_MS = 50;
const END_MS = 1000;
const nothing = () => {};

/** Why there is no session. `status` 0: the server could not be reached. */
export class RefusedOffer extends Error {
  readonly status: number;
  /** Code of the problem document, such as `publisher-busy`; empty = none came. */
  readonly code: string;

  constructor(status: number, reason: string, code = '') {
    super(reason);
    this.status = status;
    this.code = code;
  }
}

export interface OfferedSession {
  /** Tells the server that it is over; also while the page goes away. Settles when it knows, or after a second: close the connection then. */
  end(): Promise<void>;
}

/** STUN and TURN servers by endpoint, as they were told last. */
const known = new Map<string, readonly IceServer[]>();

/**
 * The servers that an endpoint wants its clients to use (RFC 9725 4.6), asked for before the offer: browsers do not take them later. A failure
 * means none.
 */
async function iceServersOf(endpoint: string, signal: AbortSignal): Promise<readonly IceServer[]> {
  const before = known.get(endpoint);
  if (before) return before;
  const answer = await fetch(endpoint, { method: 'OPTIONS', signal }).catch(() => null);
  return answer?.ok ? note(endpoint, answer) : [];
}

function note(endpoint: string, answer: Response): readonly IceServer[] {
  const servers = readIceLinks(answer.headers.get('link') ?? '');
  known.set(endpoint, servers);
  return servers;
}

/**
 * Offers what the connection has (transceivers, data channels) and applies the answer. Candidates follow as they are found.
 *
 * @param endpoint `…/whep` or `…/whip`
 * @throws RefusedOffer, and whatever the browser has against the answer
 */
export async function offerTo(endpoint: string, peer: RTCPeerConnection, signal: AbortSignal): Promise<OfferedSession> {
  const iceServers = [...(await iceServersOf(endpoint, signal))];
  if (iceServers.length) peer.setConfiguration({ ...peer.getConfiguration(), iceServers });
  const found: RTCIceCandidate[] = [];
  let session: { location: string; etag: string | null } | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const trickle = () => {
    if (!session || !found.length) return;
    clearTimeout(timer);
    timer = setTimeout(() => {
      const { location, etag } = session ?? {};
      if (location && etag) send(location, etag, peer, found.splice(0));
    }, GATHER_MS);
  };
  peer.addEventListener('icecandidate', ({ candidate }) => {
    // Names of mDNS say nothing to a server; it learns those addresses from the checks.
    if (!candidate?.candidate || /\.local\b/.test(candidate.candidate)) return;
    found.push(candidate);
    trickle();
  });
  await describe(peer);
  const answer = await fetch(endpoint, {
    method: 'POST',
    headers: { 'content-type': SDP },
    body: peer.localDescription!.sdp,
    signal,
  }).catch((error: unknown) => {
    throw error instanceof TypeError ? new RefusedOffer(0, 'the server could not be reached') : error;
  });
  if (answer.status !== 201) {
    const problem = (await answer.json().catch(() => null)) as { code?: string; detail?: string } | null;
    throw new RefusedOffer(answer.status, problem?.detail ?? `the server answered ${answer.status}`, problem?.code);
  }
  note(endpoint, answer);
  const location = new URL(answer.headers.get('location') ?? '', endpoint).href;
  const end = async () => {
    clearTimeout(timer);
    if (!session) return;
    session = null;
    // Whoever waits for it to be told does not wait for a server that is away.
    const told = fetch(location, { method: 'DELETE', keepalive: true }).then(nothing, nothing);
    await Promise.race([told, new Promise((resolve) => setTimeout(resolve, END_MS))]);
  };
  session = { location, etag: answer.headers.get('etag') };
  try {
    await peer.setRemoteDescription({ type: 'answer', sdp: await answer.text() });
  } catch (error) {
    void end();
    throw error;
  }
  trickle();
  return { end };
}

/** Makes the offer. Browsers play Opus in one channel unless they say that they take two (RFC 7587 7.1). */
async function describe(peer: RTCPeerConnection): Promise<void> {
  const { sdp = '' } = await peer.createOffer();
  const opus = /^a=rtpmap:(\d+) opus\//im.exec(sdp)?.[1];
  const stereo = opus && sdp.replace(new RegExp(`^(a=fmtp:${opus} (?!.*\\bstereo=).*)$`, 'm'), '$1;stereo=1');
  if (stereo && stereo !== sdp) {
    try {
      return await peer.setLocalDescription({ type: 'offer', sdp: stereo });
    } catch {
      // A browser that lets nothing be changed: then one channel.
    }
  }
  await peer.setLocalDescription();
}

/** RFC 9725 4.3.2. A candidate that does not arrive is one way less. */
function send(location: string, etag: string, peer: RTCPeerConnection, candidates: readonly RTCIceCandidate[]): void {
  const lines = peer.localDescription?.sdp.split(/\r?\n/) ?? [];
  const value = (name: string) => lines.filter((line) => line.startsWith(`a=${name}:`)).slice(0, 1);
  const { sdpMid } = candidates[0]!;
  const body = [
    ...value('ice-ufrag'),
    ...value('ice-pwd'),
    'm=video 9 UDP/TLS/RTP/SAVPF 0',
    `a=mid:${sdpMid}`,
    ...candidates.map(({ candidate }) => `a=${candidate}`),
    '',
  ].join('\r\n');
  fetch(location, { method: 'PATCH', headers: { 'content-type': 'application/trickle-ice-sdpfrag', 'if-match': etag }, body }).catch(
    () => {},
  );
}
