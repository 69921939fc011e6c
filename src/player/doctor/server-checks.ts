// The way to the server by HTTP and WebSocket: whether it answers, lets this page in, how fast it is and what its clock says.
import type { StreamInfo, StreamStats } from '../../api/schema.ts';
import type { StreamAddress } from '../address.ts';
import { bitrateText } from '../clock-text.ts';
import { ServerClock } from '../server-clock.ts';
import type { Check, DoctorContext, Finding, Fix } from './finding.ts';

const PINGS = 6;
/** The download ends with whichever comes first. */
const DOWNLOAD_BYTES = 4_000_000;
const DOWNLOAD_MS = 1500;
/** A way must carry so many times the stream's bit rate to be at ease. */
const ROOM = 1.3;

const foreign = (address: StreamAddress) => new URL(address.server).origin !== location.origin;

function allowOrigin(text: string): Fix {
  return { text, settings: ['origins'], lines: [`origins: ['${location.origin}'],`] };
}

async function reach({ address }: DoctorContext, signal: AbortSignal): Promise<Finding> {
  const started = performance.now();
  const url = address.root('healthz');
  try {
    const answer = await fetch(url, { signal, cache: 'no-store' });
    const ms = Math.round(performance.now() - started);
    if (answer.ok) return { verdict: 'ok', text: `${address.host} answers after ${ms} ms.` };
    return {
      verdict: 'failed',
      text: `${address.host} answers with status ${answer.status}: something else than Sluice, or a proxy without it.`,
    };
  } catch {
    signal.throwIfAborted();
    const there = foreign(address) && (await fetch(url, { signal, mode: 'no-cors', cache: 'no-store' }).then(Boolean, () => false));
    if (there) {
      const fix = allowOrigin('Allow this page in the configuration of the server:');
      return { verdict: 'failed', text: `${address.host} answers, but not to pages of ${location.origin}.`, fix };
    }
    const { port, protocol } = new URL(address.server);
    const number = port || (protocol === 'https:' ? '443' : '80');
    return {
      verdict: 'failed',
      text: `${address.host} does not answer.`,
      fix: {
        text: `Is the server running? Its computer's firewall must let TCP port ${number} in, and it must listen on more than its own computer:`,
        settings: ['host', 'port'],
        lines: ["host: '0.0.0.0',", `port: ${number},`],
      },
    };
  }
}

async function look({ address, facts }: DoctorContext, signal: AbortSignal): Promise<Finding> {
  const path = `streams/${encodeURIComponent(address.name)}`;
  const answer = await fetch(address.api(path), { signal, cache: 'no-store' });
  if (answer.ok) {
    const { state, reason } = (await answer.json()) as StreamInfo;
    const stats = await fetch(address.api(`${path}/stats`), { signal, cache: 'no-store' }).catch(() => null);
    if (stats?.ok) facts.streamBitrate = Math.max(0, ...((await stats.json()) as StreamStats).renditions.map(({ bitrate }) => bitrate));
    const well = state === 'live' || state === 'asleep' || state === 'starting';
    return { verdict: well ? 'ok' : 'failed', text: `“${address.name}” is ${state}${reason ? `: ${reason}` : ''}.` };
  }
  const problem = (await answer.json().catch(() => null)) as { detail?: unknown; configLine?: unknown } | null;
  const detail = typeof problem?.detail === 'string' ? problem.detail : `the server answered ${answer.status}`;
  const refused = answer.status === 401 || answer.status === 403;
  const line = typeof problem?.configLine === 'string' ? problem.configLine : refused ? "anonymous: 'view'," : null;
  const text = refused
    ? 'Open the page with ?token=TOKEN once (the server has printed it), or let viewers in without:'
    : 'In the configuration of the server:';
  return {
    verdict: 'failed',
    text: `${detail.slice(0, 1).toUpperCase()}${detail.slice(1)}.`,
    ...(line === null ? {} : { fix: { text, settings: refused ? ['token', 'viewToken', 'anonymous'] : [], lines: [line] } }),
  };
}

/** Opens the events socket and pings on it: says whether sockets get through, and sets the clock. */
function socket({ address, facts }: DoctorContext, signal: AbortSignal): Promise<Finding> {
  return new Promise((resolve, reject) => {
    const clock = new ServerClock();
    const ws = new WebSocket(address.apiSocket('events'));
    let pongs = 0;
    const end = (finding: Finding) => {
      ws.onclose = null;
      ws.close();
      resolve(finding);
    };
    const ping = () => ws.send(JSON.stringify({ type: 'ping', t: performance.now() }));
    signal.addEventListener('abort', () => {
      ws.close();
      reject(signal.reason as Error);
    });
    ws.onopen = ping;
    ws.onmessage = ({ data }: MessageEvent<unknown>) => {
      const message = JSON.parse(String(data)) as { type?: unknown; t?: number; now?: number };
      if (message.type !== 'pong') return;
      clock.sample(message.t!, performance.now(), message.now!);
      if (++pongs < PINGS) return ping();
      facts.clock = { offsetMs: clock.offsetMs()!, doubtMs: clock.doubtMs!, roundTripMs: clock.roundTripMs! };
      end({ verdict: 'ok', text: 'Sockets get through: events, JPEG and H.264 over WebSocket are possible.' });
    };
    ws.onclose = ({ code }) =>
      end({
        verdict: 'failed',
        text: `HTTP works, but no WebSocket is let through (code ${code}). Often that is a proxy in front of the server.`,
        fix: foreign(address)
          ? allowOrigin('Sockets of foreign pages must be allowed in the configuration of the server:')
          : {
              text: 'A proxy must pass the upgrade on (these lines are for nginx), and the server must be told of it:',
              settings: ['trustedProxies'],
              lines: [
                'proxy_http_version 1.1;',
                'proxy_set_header Upgrade $http_upgrade;',
                'proxy_set_header Connection "upgrade";',
                "trustedProxies: ['127.0.0.1'],",
              ],
            },
      });
  });
}

function clock({ facts }: DoctorContext): Finding {
  if (!facts.clock) return { verdict: 'skipped', text: 'Without a socket there are no pings.' };
  const { offsetMs, doubtMs, roundTripMs } = facts.clock;
  const ahead = offsetMs < 0 ? 'behind' : 'ahead of';
  const apart = Math.abs(offsetMs) < 10_000 ? `${Math.abs(offsetMs).toFixed(1)} ms` : `${(Math.abs(offsetMs) / 1000).toFixed(0)} s`;
  const text = `Round trip ${roundTripMs.toFixed(1)} ms. The server's clock is ${apart} ${ahead} this computer's (± ${doubtMs.toFixed(1)} ms); latencies are corrected by that.`;
  return roundTripMs > 200 ? { verdict: 'limited', text: `${text} Such a long way makes every latency longer.` } : { verdict: 'ok', text };
}

/** Downloads for at most 1.5 s and 4 MB. */
async function bandwidth({ address, facts }: DoctorContext, signal: AbortSignal): Promise<Finding> {
  const abort = new AbortController();
  const answer = await fetch(address.api('bandwidth', { bytes: DOWNLOAD_BYTES }), {
    signal: AbortSignal.any([signal, abort.signal]),
    cache: 'no-store',
  });
  if (!answer.ok || !answer.body)
    return { verdict: 'skipped', text: `The server offers nothing to measure with (status ${answer.status}).` };
  const reader = answer.body.getReader();
  // The first piece has waited for the request: the time begins with it.
  await reader.read();
  const started = performance.now();
  let bytes = 0;
  let ms = 0;
  for (;;) {
    const { done, value } = await reader.read();
    ms = performance.now() - started;
    bytes += value?.length ?? 0;
    if (done || ms > DOWNLOAD_MS) break;
  }
  abort.abort();
  if (bytes === 0) return { verdict: 'limited', text: 'Almost nothing came: the way carries less than can be measured.' };
  const rate = (bytes * 8000) / Math.max(1, ms);
  const needed = facts.streamBitrate ?? 0;
  const takes = needed > 0 ? `; this stream takes ${bitrateText(needed)} at its best` : '';
  const text = `${bitrateText(rate)} (${(bytes / 1e6).toFixed(1)} MB in ${(ms / 1000).toFixed(2)} s)${takes}.`;
  if (rate >= needed * ROOM) return { verdict: 'ok', text };
  const kbit = Math.max(100, Math.floor(rate / ROOM / 100_000) * 100);
  return {
    verdict: 'limited',
    text,
    fix: {
      text: 'WebRTC and JPEG adapt by themselves. HLS and H.264 over WebSocket need a lower bit rate of the stream:',
      settings: ['streams'],
      lines: [`streams: { '${address.name}': { encode: { bitrate: ${kbit * 1000} } } },`],
    },
  };
}

export const SERVER_CHECKS: readonly Check[] = [
  { id: 'http', label: 'HTTP', needsServer: false, limitMs: 8000, run: reach },
  { id: 'stream', label: 'Stream and rights', needsServer: true, limitMs: 6000, run: look },
  { id: 'websocket', label: 'WebSocket', needsServer: true, limitMs: 6000, run: socket },
  { id: 'clock', label: 'Clock and round trip', needsServer: true, limitMs: 1000, run: clock },
  { id: 'bandwidth', label: 'Bandwidth', needsServer: true, limitMs: 8000, run: bandwidth },
];
