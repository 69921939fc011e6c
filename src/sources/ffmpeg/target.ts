// What the `url` of an FFmpeg source means: where it is, how FFmpeg opens it, and whether it lives or can be paced.
import { SluiceError } from '../../core/errors.ts';
import type { CameraDevice, InputTarget } from '../../native/ffmpeg-input.ts';

/** A live input delivers when something happens; a paced one as fast as it is read. */
export type Pace = 'live' | 'paced' | 'by-length';

export interface ParsedUrl {
  readonly kind: 'camera' | 'lavfi' | 'file' | 'network';
  readonly pace: Pace;
  /** What comes after `camera:` or `lavfi:`, else the whole. */
  readonly rest: string;
  readonly protocol: string;
}

const LIVE = new Set(['rtsp', 'rtsps', 'rtmp', 'rtmps', 'rtmpt', 'srt', 'udp', 'rtp', 'tcp', 'unix', 'mms', 'mmsh', 'rist']);
const HTTP = new Set(['http', 'https']);

/** Sorts an address by its scheme; what has none is a file. */
export function parseUrl(url: string): ParsedUrl {
  if (url === 'camera') return { kind: 'camera', pace: 'live', rest: '', protocol: '' };
  // One letter is a drive of Windows.
  const protocol = /^([a-z][a-z0-9+.-]+):/i.exec(url)?.[1]?.toLowerCase() ?? '';
  const rest = url.slice(protocol.length + 1);
  if (protocol === 'camera') return { kind: 'camera', pace: 'live', rest, protocol };
  if (protocol === 'lavfi') return { kind: 'lavfi', pace: 'paced', rest, protocol };
  if (LIVE.has(protocol)) return { kind: 'network', pace: 'live', rest: url, protocol };
  if (HTTP.has(protocol)) return { kind: 'network', pace: 'by-length', rest: url, protocol };
  // Only what looks like an address is one: file names may contain colons.
  if (protocol && (protocol === 'file' || /^[a-z0-9+.-]+:\/\//i.test(url))) return { kind: 'file', pace: 'paced', rest: url, protocol };
  return { kind: 'file', pace: 'paced', rest: url, protocol: '' };
}

/** An address as people may see it: without user, password and query. */
export function withoutSecrets(url: string): string {
  return url.replace(/^([a-z0-9+.-]+:\/\/)[^/?#]*@/i, '$1***@').replace(/^([a-z0-9+.-]+:\/\/[^?#]*)\?.*$/is, '$1?***');
}

/** A silent peer ends a read after this time (µs): shorter would take a pause of the network for the end. */
const READ_TIMEOUT_US = '5000000';
/** How long the start of a live input is looked at (µs), so that it is shown soon. */
const PROBE_US = '1000000';

interface TargetOptions {
  readonly url: string;
  readonly size?: string | undefined;
  readonly fps?: number | undefined;
  readonly transport: 'tcp' | 'udp';
  readonly options: Readonly<Record<string, string | number>>;
}

/** How FFmpeg opens a file, an address or a filter graph. */
export function targetOf(params: TargetOptions, parsed: ParsedUrl): InputTarget {
  const own = Object.fromEntries(Object.entries(params.options).map(([name, value]) => [name, String(value)]));
  const live = parsed.pace === 'live';
  const base = { shown: withoutSecrets(params.url), live };
  if (parsed.kind === 'lavfi') return { ...base, address: parsed.rest, format: 'lavfi', options: own };
  // `file:` keeps FFmpeg from taking a colon in a file name for a protocol.
  if (parsed.kind === 'file') return { ...base, address: parsed.protocol ? params.url : `file:${params.url}`, options: own };
  const options = { ...networkOptions(parsed.protocol, params.transport, live), ...own };
  // FFmpeg refuses a time-out where it waits for a sender to call.
  if (/\blisten\b/.test(own.rtsp_flags ?? '')) delete options.timeout;
  return { ...base, address: params.url, options };
}

function networkOptions(protocol: string, transport: string, live: boolean): Record<string, string> {
  const options: Record<string, string> = live ? { analyzeduration: PROBE_US } : {};
  // RTSP has a time-out of its own; in RTMP the same name would make FFmpeg wait for a caller. The rest knows `rw_timeout`.
  if (protocol === 'rtsp' || protocol === 'rtsps') return { ...options, rtsp_transport: transport, timeout: READ_TIMEOUT_US };
  if (protocol === 'udp' || protocol === 'rtp') return { ...options, timeout: READ_TIMEOUT_US };
  return { ...options, rw_timeout: READ_TIMEOUT_US };
}

/** A camera that gives no first picture for so long is given up, ms. */
const CAMERA_OPEN_MS = 10_000;

interface CameraSystem {
  /** FFmpeg's input device. */
  readonly format: string;
  readonly address: (camera: CameraDevice, index: number) => string;
  /** Options that the device needs to open at all. */
  readonly options: Readonly<Record<string, string>>;
}

/** How each system's cameras are opened. */
const CAMERA_SYSTEMS: Partial<Record<NodeJS.Platform, CameraSystem>> = {
  linux: { format: 'v4l2', address: (camera) => camera.name, options: {} },
  win32: { format: 'dshow', address: (camera) => `video=${camera.description || camera.name}`, options: { rtbufsize: '100M' } },
  // Without a rate avfoundation asks for 29.97, which few cameras have.
  darwin: { format: 'avfoundation', address: (_camera, index) => `${index}:none`, options: { framerate: '30' } },
};

/** Finds the camera that is meant: empty = the first, a number = by position, else by name. Fails with the list of those found. */
export function cameraTarget(
  params: TargetOptions,
  wanted: string,
  found: readonly CameraDevice[],
  platform: NodeJS.Platform,
): InputTarget {
  const fail = (reason: string) =>
    new SluiceError('source-failed', `${params.url}: ${reason}`, { field: 'url', received: params.url, allowed: found.map((c) => c.name) });
  const system = CAMERA_SYSTEMS[platform];
  if (!system) throw fail(`cameras are not supported on ${platform}; known are ${Object.keys(CAMERA_SYSTEMS).join(', ')}`);
  if (found.length === 0) throw fail('no camera was found on this machine');
  const index = cameraIndex(wanted, found);
  const camera = found[index];
  if (!camera) {
    const list = found.map(
      ({ name, description }, i) => `${i} = ${description && description !== name ? `${description} (${name})` : name}`,
    );
    throw fail(`there is no such camera; found: ${list.join(', ')}`);
  }
  const asked: Record<string, string> = { ...system.options };
  if (params.size !== undefined) asked.video_size = params.size;
  if (params.fps !== undefined) asked.framerate = String(params.fps);
  for (const [name, value] of Object.entries(params.options)) asked[name] = String(value);
  return {
    address: system.address(camera, index),
    shown: `${params.url} (${camera.description || camera.name})`,
    format: system.format,
    options: asked,
    live: true,
    device: { patienceMs: CAMERA_OPEN_MS },
  };
}

function cameraIndex(wanted: string, found: readonly CameraDevice[]): number {
  if (wanted === '') return 0;
  const low = wanted.toLowerCase();
  if (/^\d+$/.test(wanted)) {
    // `camera:2` is /dev/video2 where there is one: one camera often has several nodes.
    const node = found.findIndex(({ name }) => name === `/dev/video${wanted}`);
    return node >= 0 ? node : Number(wanted);
  }
  const exact = found.findIndex(({ name, description }) => name.toLowerCase() === low || description.toLowerCase() === low);
  return exact >= 0 ? exact : found.findIndex(({ description }) => description.toLowerCase().includes(low));
}
