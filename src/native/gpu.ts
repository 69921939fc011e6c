// Graphics processors of NVIDIA, as their driver's own tool tells them. Without it there are none.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);
const FIELDS = 'index,uuid,name,memory.total,memory.free,compute_cap,utilization.gpu,utilization.memory';
/** The tool takes a second on some machines; nobody needs newer figures. */
const KEEP_MS = 1000;

interface Gpu {
  readonly id: string;
  readonly name: string;
  /** Bytes. */
  readonly memory_total: number;
  readonly memory_free: number;
}

export interface GpuInfo extends Gpu {
  /** Compute capability. */
  readonly major: number;
  readonly minor: number;
}

export interface GpuStats extends Gpu {
  /** Percent. */
  readonly utilization_compute: number;
  readonly utilization_memory: number;
}

type Row = { readonly index: string } & GpuInfo & GpuStats;

/** Rows of `nvidia-smi --format=csv,noheader,nounits`; lines of another kind are left out. */
export function parseGpus(text: string): Row[] {
  return text.split('\n').flatMap((line) => {
    const cells = line.split(', ').map((cell) => cell.trim());
    const [index = '', id = '', name = '', total, free, capability = '', compute, memory] = cells;
    if (cells.length !== 8 || !/^\d+$/.test(index)) return [];
    // What a processor does not tell is "[N/A]".
    const number = (cell: string | undefined) => (cell !== undefined && /^\d+(\.\d+)?$/.test(cell) ? Number(cell) : 0);
    const [major, minor] = capability.split('.');
    return {
      index,
      id,
      name,
      memory_total: number(total) * 2 ** 20,
      memory_free: number(free) * 2 ** 20,
      major: number(major),
      minor: number(minor),
      utilization_compute: number(compute),
      utilization_memory: number(memory),
    };
  });
}

let known: { readonly at: number; readonly rows: Promise<Row[]> } | null = null;

function gpus(): Promise<Row[]> {
  if (known && performance.now() - known.at < KEEP_MS) return known.rows;
  const rows = run('nvidia-smi', [`--query-gpu=${FIELDS}`, '--format=csv,noheader,nounits'], { timeout: 5000, windowsHide: true }).then(
    ({ stdout }) => parseGpus(stdout),
    () => [],
  );
  known = { at: performance.now(), rows };
  return rows;
}

/** By index; empty without such a processor. */
export async function gpuInfo(): Promise<Record<string, GpuInfo>> {
  const rows = await gpus();
  return Object.fromEntries(
    rows.map(({ index, id, name, memory_total, memory_free, major, minor }) => [
      index,
      { id, name, memory_total, memory_free, major, minor },
    ]),
  );
}

/** By index; empty without such a processor. */
export async function gpuStats(): Promise<Record<string, GpuStats>> {
  const rows = await gpus();
  return Object.fromEntries(
    rows.map(({ index, id, name, memory_total, memory_free, utilization_compute, utilization_memory }) => [
      index,
      { id, name, memory_total, memory_free, utilization_compute, utilization_memory },
    ]),
  );
}
