// Frames that the server keeps of a stream: those are in the video. A busy machine's encoder leaves out some that others have seen.
import type { Timeline } from '../src/api/schema.ts';
import type { TestServer } from './server.ts';

export interface KeptFrame {
  readonly id: number;
  /** µs. */
  readonly timestamp: number;
}

/** Those of a timeline without repeats, oldest first. */
export function framesOf({ frames }: Timeline): KeptFrame[] {
  const rows: KeptFrame[] = [];
  let [id, timestamp] = [0, 0];
  for (const i of frames.pts.keys()) {
    id += frames.id[i]!;
    timestamp += frames.timestamp[i]!;
    if (!frames.repeat.includes(i)) rows.push({ id, timestamp });
  }
  return rows;
}

export async function keptFrames(server: TestServer, stream: string): Promise<KeptFrame[]> {
  return framesOf(await server.json<Timeline>(`live/${stream}/timeline.json`));
}
