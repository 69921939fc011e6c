// Under which address the one UDP port is seen from outside, by STUN (RFC 8489). It is asked once for all viewers and kept alive, so that no
// viewer waits for a STUN server: what is known goes into each answer beside the addresses of this machine.
import ndc from 'node-datachannel';
import { readIceServer } from '../formats/ice-server.ts';

export interface PublicAddressOptions {
  /** Address to listen on; `null` = all. */
  readonly address: string | null;
  readonly port: number;
  /** Entries of `webrtc.iceServers`; TURN servers answer STUN too. */
  readonly iceServers: readonly string[];
}

export class PublicAddress implements Disposable {
  readonly #candidates = new Set<string>();
  readonly #found: Promise<void>;
  #probe: InstanceType<typeof ndc.PeerConnection> | null = null;

  constructor({ address, port, iceServers }: PublicAddressOptions) {
    const servers = iceServers.map(stunOf).filter((server) => server !== null);
    if (!servers.length) {
      this.#found = Promise.resolve();
      return;
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#found = promise;
    this.#probe = new ndc.PeerConnection(`public-address-${servers.join('-')}`, {
      iceServers: servers,
      ...(address === null ? {} : { bindAddress: address }),
      disableAutoNegotiation: true,
      enableIceUdpMux: true,
      portRangeBegin: port,
      portRangeEnd: port,
    });
    this.#probe.onLocalCandidate((candidate) => {
      if (!/ typ srflx\b/.test(candidate)) return;
      this.#candidates.add(candidate.replace(/^a=/, ''));
      resolve();
    });
    this.#probe.onGatheringStateChange((state) => state === 'complete' && resolve());
    // It never connects; the library goes on asking the servers, which keeps the way through a router open.
    this.#probe.createDataChannel('probe');
    this.#probe.setLocalDescription('offer');
  }

  /** `candidate:…` lines, as far as they are known. */
  get candidates(): readonly string[] {
    return [...this.#candidates];
  }

  /** Settles when something is known or the time is over, ms. */
  async known(patienceMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([this.#found, new Promise<void>((resolve) => (timer = setTimeout(resolve, patienceMs)))]);
    clearTimeout(timer);
  }

  [Symbol.dispose](): void {
    this.#probe?.close();
    this.#probe = null;
  }
}

function stunOf(server: string): string | null {
  // Over UDP and without TLS, whatever the entry says.
  const urls = readIceServer(server)?.urls;
  return urls === undefined || /^(stuns|turns):/.test(urls) ? null : urls.replace(/^turn:/, 'stun:').replace(/\?.*$/, '');
}
