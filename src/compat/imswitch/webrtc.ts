// WebRTC as ImSwitch's pages ask for it: the offer in JSON, the answer with all candidates at once, and candidates that come later really added.
// As many viewers of a detector as like.

import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { SluiceError } from '../../core/errors.ts';
import { readIceServer } from '../../formats/ice-server.ts';
import { readSdp } from '../../formats/sdp.ts';
import type { WebRtcSession } from '../../outputs/webrtc/routes.ts';
import type { CompatContext } from '../compat.ts';
import type { Answer, Controller } from './controller.ts';
import { type ImswitchParams, readParams } from './params.ts';

/** Today's pages say `sdp_type`, the first one said `type`. */
const Offer = z.object({
  sdp: z.string().min(1).max(200_000),
  sdp_type: z.string().optional(),
  type: z.string().optional(),
  detectorName: z.string().nullish(),
  params: z.unknown().optional(),
});

/** RTCIceCandidateInit; the end of candidates is an empty one or `null`. */
const Candidate = z
  .object({
    candidate: z.string().max(2000).default(''),
    sdpMid: z.string().max(64).nullish(),
    sdpMLineIndex: z.number().int().min(0).max(100).nullish(),
    usernameFragment: z.string().max(300).nullish(),
  })
  .nullish();

interface Peer {
  readonly session: WebRtcSession;
  readonly detector: string;
  /** Of the page's ICE session. */
  readonly ufrag: string | null;
}

export class WebRtcPeers {
  readonly #context: CompatContext;
  readonly #controller: Controller;
  readonly #params: ImswitchParams;
  #peers: Peer[] = [];

  constructor(context: CompatContext, controller: Controller, params: ImswitchParams) {
    this.#context = context;
    this.#controller = controller;
    this.#params = params;
    // A live view that is stopped takes its viewers with it.
    context.liveViews.events.on('stopped', ({ stream, protocol }) => {
      if (protocol === 'webrtc')
        for (const peer of this.#peers) if (peer.detector === stream) peer.session.close('the live view was stopped');
    });
  }

  /** `webrtc_offer`. Begins the live view where that is needed. */
  async offer(body: unknown, request: FastifyRequest): Promise<Answer> {
    const parsed = Offer.safeParse(body);
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      throw new SluiceError(
        'bad-request',
        `${issue!.path.join('.') || 'body'}: ${issue!.message}; expected {"sdp", "sdp_type": "offer", "detectorName"}`,
      );
    }
    const { sdp, sdp_type, type, detectorName, params } = parsed.data;
    const said = sdp_type ?? type ?? 'offer';
    if (said !== 'offer')
      throw new SluiceError('bad-value', `sdp_type: ${said.slice(0, 20)} received; expected offer`, { field: 'sdp_type' });
    const stream = this.#controller.viewed(detectorName || null, 'webrtc');
    const detector = stream.name;
    const change = readParams(params);
    const running = this.#controller.running(detector);
    if (running && running !== 'webrtc') {
      return { status: 'error', detector, protocol: running, message: `${detector} is viewed by ${running}; stop that first` };
    }
    // Who may only watch, watches, with the params that hold.
    if (this.#context.mayChange(request)) {
      const begun = running ? null : this.#controller.start(detector, 'webrtc', change, false);
      if (begun && begun.status !== 'success') return begun;
      if (running && Object.keys(change).length) this.#controller.setDetectorParameters(detector, change);
    }
    const { session, answer } = await this.#context.webrtc.open(stream, sdp, this.#stunServers(detector));
    this.#peers = [...this.#peers.filter((peer) => peer.session.open), { session, detector, ufrag: readSdp(sdp)?.iceUfrag ?? null }];
    return { status: 'success', sdp: answer, type: 'answer', iceServers: this.#iceServers(detector) };
  }

  /** `webrtc_ice_candidate`: for the page whose ICE session it names, else for the newest one of the detector. */
  addCandidate(detectorName: string | null, body: unknown): Answer {
    const input =
      typeof body === 'object' && body !== null && 'candidate' in body && typeof body.candidate === 'object' ? body.candidate : body;
    const parsed = Candidate.safeParse(input);
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      throw new SluiceError('bad-request', `candidate.${issue!.path.join('.')}: ${issue!.message}; expected an RTCIceCandidateInit`);
    }
    const { candidate = '', sdpMid, sdpMLineIndex, usernameFragment } = parsed.data ?? {};
    const detector = this.#controller.viewed(detectorName, 'webrtc').name;
    const peers = this.#peers.filter((one) => one.detector === detector && one.session.open);
    const peer = usernameFragment ? peers.find(({ ufrag }) => ufrag === usernameFragment) : peers.at(-1);
    if (!peer) throw new SluiceError('not-found', `no WebRTC viewer of ${detector} fits this candidate; POST an offer first`);
    if (!candidate) return { status: 'success', message: 'end of candidates' };
    this.#context.webrtc.addCandidates(peer.session, [{ candidate, mid: sdpMid ?? String(sdpMLineIndex ?? 0) }]);
    return { status: 'success', message: 'ICE candidate added' };
  }

  /** Whom the server asks for its own address; what is no such server, or needs TLS, is left out. */
  #stunServers(detector: string): string[] {
    const { stun_servers, turn_servers } = this.#params.effective('webrtc', detector);
    const urls = [...stun_servers, ...turn_servers].flatMap((one) => (typeof one === 'string' ? one : one.urls));
    return urls.filter((url): url is string => typeof url === 'string' && readIceServer(url) !== null);
  }

  /** What the page may use itself: the servers of the configuration and of the params, as RTCIceServer. */
  #iceServers(detector: string): unknown[] {
    const { stun_servers, turn_servers } = this.#params.effective('webrtc', detector);
    const own = [...stun_servers, ...turn_servers].map((one) => (typeof one === 'string' ? (readIceServer(one) ?? { urls: one }) : one));
    return [...this.#context.webrtc.iceServers, ...own];
  }
}
