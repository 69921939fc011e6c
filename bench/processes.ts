// CPU time and memory of other processes, from /proc (Linux).
import { readdirSync, readFileSync } from 'node:fs';

/** Whether this system tells them. */
export const hasProc = process.platform === 'linux';

/** ms on a CPU since its start, of all threads that live; 0 if the process is gone. */
export function cpuOf(pid: number): number {
  try {
    const folder = `/proc/${pid}/task`;
    // schedstat begins with nanoseconds on a CPU; the tick of /proc/PID/stat is too coarse for one viewer.
    return readdirSync(folder).reduce(
      (sum, task) => sum + Number(readFileSync(`${folder}/${task}/schedstat`, 'utf8').split(' ')[0]) / 1e6,
      0,
    );
  } catch {
    return 0;
  }
}

/** Resident bytes; 0 if the process is gone. */
export function memoryOf(pid: number): number {
  try {
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

/** Processes that it has started and that still run. */
export function childrenOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((child) => {
      try {
        // The name in brackets may have blanks and brackets of its own.
        const stat = readFileSync(`/proc/${child}/stat`, 'utf8');
        return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === pid;
      } catch {
        return false;
      }
    });
}
