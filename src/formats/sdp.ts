// The little of SDP (RFC 8866, JSEP) that WHEP and WHIP need: what each media section of an offer can take.

export interface SdpCodec {
  readonly payloadType: number;
  /** As written: `H264`, `VP8`, `opus`. */
  readonly name: string;
  readonly clockRate: number;
  /** `a=fmtp`, as written. */
  readonly fmtp: string;
  /** `a=rtcp-fb` values such as `nack pli`. */
  readonly feedback: readonly string[];
}

export interface SdpMedia {
  /** `video`, `audio`, `application`. */
  readonly kind: string;
  readonly mid: string;
  readonly direction: 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';
  readonly codecs: readonly SdpCodec[];
  /** Header extensions: id by URI. */
  readonly extensions: ReadonlyMap<string, number>;
  /** SSRCs that it names (RFC 5576). */
  readonly sources: readonly number[];
  /** The section is refused or not used: its port is 0 and it is in no bundle. */
  readonly rejected: boolean;
}

export interface Sdp {
  readonly media: readonly SdpMedia[];
  /** Of the first section that has one. */
  readonly iceUfrag: string;
}

/** Lines and characters that a description may have at most. */
const MAX_LENGTH = 200_000;

/** Reads an offer; `null` for text that is no session description. Never throws. */
export function readSdp(text: string): Sdp | null {
  if (text.length > MAX_LENGTH || !/^v=0\r?\n/.test(text)) return null;
  const lines = text.split(/\r?\n/);
  const media: SdpMedia[] = [];
  let section: string[] = [];
  let head: string | null = null;
  let direction: SdpMedia['direction'] = 'sendrecv';
  const flush = () => {
    if (head !== null) media.push(readMedia(head, section, direction));
    else direction = directionOf(section) ?? direction;
    section = [];
  };
  for (const line of lines) {
    if (line.startsWith('m=')) {
      flush();
      head = line;
    } else section.push(line);
  }
  flush();
  const ufrag = lines.find((line) => line.startsWith('a=ice-ufrag:'));
  return { media, iceUfrag: ufrag?.slice('a=ice-ufrag:'.length).trim() ?? '' };
}

function directionOf(lines: readonly string[]): SdpMedia['direction'] | null {
  const found = lines.find((line) => /^a=(sendrecv|sendonly|recvonly|inactive)$/.test(line));
  return found ? (found.slice(2) as SdpMedia['direction']) : null;
}

function readMedia(head: string, lines: readonly string[], direction: SdpMedia['direction']): SdpMedia {
  const [kind = '', port = '0', , ...formats] = head.slice(2).trim().split(/\s+/);
  const values = (name: string) => lines.filter((line) => line.startsWith(`a=${name}:`)).map((line) => line.slice(name.length + 3));
  const maps = new Map(values('rtpmap').map((value) => split(value)));
  const fmtps = new Map(values('fmtp').map((value) => split(value)));
  const feedback = values('rtcp-fb').map((value) => split(value));
  const codecs = formats.flatMap((format): SdpCodec[] => {
    const map = /^([^/]+)\/(\d+)/.exec(maps.get(format) ?? '');
    if (!map || !/^\d{1,3}$/.test(format)) return [];
    return [
      {
        payloadType: Number(format),
        name: map[1]!,
        clockRate: Number(map[2]),
        fmtp: fmtps.get(format) ?? '',
        feedback: feedback.filter(([id]) => id === format || id === '*').map(([, value]) => value),
      },
    ];
  });
  const extensions = new Map<string, number>();
  for (const value of values('extmap')) {
    const match = /^(\d{1,3})(?:\/\w+)?\s+(\S+)/.exec(value);
    if (match) extensions.set(match[2]!, Number(match[1]));
  }
  return {
    kind,
    mid: values('mid')[0]?.trim() ?? '',
    direction: directionOf(lines) ?? direction,
    codecs,
    extensions,
    sources: [...new Set(values('ssrc').map((value) => Number.parseInt(value, 10)))].filter((ssrc) => ssrc >= 0 && ssrc < 2 ** 32),
    rejected: port === '0' && !lines.includes('a=bundle-only'),
  };
}

function split(value: string): [string, string] {
  const space = value.indexOf(' ');
  return space < 0 ? [value.trim(), ''] : [value.slice(0, space), value.slice(space + 1).trim()];
}

/** A parameter of an fmtp line, lower case; `null` if it is not there. */
export function fmtpValue(fmtp: string, name: string): string | null {
  for (const part of fmtp.split(';')) {
    const [key = '', value = ''] = part.split('=');
    if (key.trim().toLowerCase() === name) return value.trim().toLowerCase();
  }
  return null;
}

/** The H.264 payload type to send baseline with: packetization mode 1 and a baseline profile, else any mode 1 (RFC 6184 8.1). */
export function chooseH264(media: SdpMedia): SdpCodec | null {
  const mode1 = media.codecs.filter((codec) => codec.name.toUpperCase() === 'H264' && fmtpValue(codec.fmtp, 'packetization-mode') === '1');
  const profile = (codec: SdpCodec) => fmtpValue(codec.fmtp, 'profile-level-id') ?? '42001f';
  return (
    mode1.find((codec) => profile(codec).startsWith('42e0')) ??
    mode1.find((codec) => profile(codec).startsWith('42')) ??
    mode1.find((codec) => profile(codec).startsWith('4d')) ??
    mode1[0] ??
    null
  );
}

/** What a viewer is sent: H.264, which other outputs share, else VP8; `null` if it takes neither. */
export function chooseVideo(media: SdpMedia): { readonly kind: 'h264' | 'vp8'; readonly codec: SdpCodec } | null {
  const h264 = chooseH264(media);
  if (h264) return { kind: 'h264', codec: h264 };
  const vp8 = chooseCodec(media, 'VP8');
  return vp8 && { kind: 'vp8', codec: vp8 };
}

/**
 * The section of an offer that takes part in sound, with its Opus (RFC 7587); `null` if there is none.
 *
 * @param direction what the other side wants: `recvonly` of a viewer, `sendonly` of a publisher
 */
export function chooseSound(sdp: Sdp, direction: 'recvonly' | 'sendonly'): { readonly media: SdpMedia; readonly codec: SdpCodec } | null {
  for (const media of sdp.media) {
    if (media.kind !== 'audio' || media.rejected || (media.direction !== direction && media.direction !== 'sendrecv')) continue;
    const codec = media.codecs.find(({ name, clockRate }) => name.toLowerCase() === 'opus' && clockRate === 48_000);
    if (codec) return { media, codec };
  }
  return null;
}

/** The section of an offer that a picture can go to; `null` if there is none. */
export function videoSection(sdp: Sdp): SdpMedia | null {
  return sdp.media.find((section) => section.kind === 'video' && !section.rejected) ?? null;
}

export function chooseCodec(media: SdpMedia, name: string): SdpCodec | null {
  return media.codecs.find((codec) => codec.name.toUpperCase() === name.toUpperCase()) ?? null;
}

/** A description with more candidates, in the section that has some already: the one whose transport all share (RFC 9143 7.2). */
export function addCandidates(sdp: string, candidates: readonly string[]): string {
  const lines = sdp.split('\r\n');
  const last = lines.findLastIndex((line) => line.startsWith('a=candidate:'));
  const fresh = candidates.map((candidate) => `a=${candidate}`).filter((line) => !lines.includes(line));
  return last < 0 || !fresh.length ? sdp : lines.toSpliced(last + 1, 0, ...fresh).join('\r\n');
}

/** What a fragment of a description says about ICE (RFC 8840 9). */
export interface IceFragment {
  /** Of the ICE session that it belongs to; `null` = not said. */
  readonly ufrag: string | null;
  readonly candidates: readonly { readonly candidate: string; readonly mid: string }[];
}

/** Candidates that one fragment may bring. */
const MAX_CANDIDATES = 100;

/** Reads `application/trickle-ice-sdpfrag`; `null` for text that is none. Never throws. */
export function readIceFragment(text: string): IceFragment | null {
  const lines = text.split(/\r?\n/).filter(Boolean);
  if (!lines.length || !lines.every((line) => /^[am]=\S/.test(line))) return null;
  let mid = '0';
  const candidates: { candidate: string; mid: string }[] = [];
  for (const line of lines) {
    if (line.startsWith('a=mid:')) mid = line.slice(6).trim();
    else if (line.startsWith('a=candidate:') && candidates.length < MAX_CANDIDATES)
      candidates.push({ candidate: line.slice(2).trim(), mid });
  }
  const ufrag = lines
    .find((line) => line.startsWith('a=ice-ufrag:'))
    ?.slice('a=ice-ufrag:'.length)
    .trim();
  return { ufrag: ufrag || null, candidates };
}

/** An answer in which browsers of the Chromium family find the bit rate to begin with, kbit/s; others pass over it. */
export function withStartRate(answer: string, payloadType: number, kbit: number): string {
  const rate = `x-google-start-bitrate=${kbit}`;
  const lines = answer.split('\r\n');
  const at = lines.findIndex((line) => line.startsWith(`a=fmtp:${payloadType} `));
  if (at >= 0) lines[at] += `;${rate}`;
  else {
    const map = lines.findIndex((line) => line.startsWith(`a=rtpmap:${payloadType} `));
    if (map >= 0) lines.splice(map + 1, 0, `a=fmtp:${payloadType} ${rate}`);
  }
  return lines.join('\r\n');
}

/** An answer in which every section but these is inactive: what is not taken, such as further pictures. Data channels stay. */
export function withOnly(answer: string, mids: readonly string[]): string {
  const [head = '', ...sections] = answer.split(/(?=^m=)/m);
  const others = sections.map((section) => {
    if (section.startsWith('m=application') || mids.some((mid) => section.includes(`a=mid:${mid}\r\n`))) return section;
    return section.replace(/^a=(sendrecv|sendonly|recvonly)\r$/m, 'a=inactive\r').replace(/^a=(msid|ssrc):.*\r\n/gm, '');
  });
  return head + others.join('');
}

/** The payload type of resends of a codec (RFC 4588 8.1), if the offer has one. */
export function chooseRtx(media: SdpMedia, codec: SdpCodec): SdpCodec | null {
  return (
    media.codecs.find(({ name, fmtp }) => name.toLowerCase() === 'rtx' && fmtpValue(fmtp, 'apt') === String(codec.payloadType)) ?? null
  );
}
