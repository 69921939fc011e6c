// The WebRTC processes of servers that run inside a test.
import { execFileSync } from 'node:child_process';

/** Their process ids. */
export function webRtcProcesses(): number[] {
  const rows = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,args='], { encoding: 'utf8' }).split('\n');
  return rows
    .map((row) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(row))
    .flatMap((match) => (match && Number(match[2]) === process.pid && /webrtc\/process-main/.test(match[3]!) ? [Number(match[1])] : []));
}
