// Publishers and readers of pictures of every make, under one face.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { TricklePublisher } from '../../src/trickle/publisher.ts';
import type { SegmentWriter } from '../../src/trickle/segments.ts';
import { TrickleSubscriber } from '../../src/trickle/subscriber.ts';
import { Arrivals } from './clip.ts';
import { PlainPublisher, type Reading, readChannel } from './plain.ts';

export type Make = 'plain' | 'ours' | 'pytrickle';

export interface MediaSink {
  next(): void;
  write(bytes: Buffer): void;
  /** Ends the last segment. The channel stays. */
  finish(): Promise<void>;
  /** Ends the channel, where this make does that. */
  close(): Promise<void>;
}

const here = fileURLToPath(new URL('.', import.meta.url));

/** A program of this folder. */
export function startPython(python: string, env: Record<string, string>, script: string, ...words: string[]): ChildProcess {
  return spawn(python, ['-B', `${here}${script}`, ...words], {
    stdio: ['pipe', 'pipe', process.env.PYTRICKLE_LOG ? 'inherit' : 'ignore'],
    env: { ...process.env, PYTHONPATH: `${here}../../clients/python`, ...env },
  });
}

export function openSink(make: Make, url: string, python: string): MediaSink {
  if (make === 'plain') {
    const publisher = new PlainPublisher(url);
    return {
      next: () => publisher.next(),
      write: (bytes) => publisher.write(bytes),
      finish: async () => {},
      close: () => publisher.close(),
    };
  }
  if (make === 'ours') {
    const publisher = new TricklePublisher(url);
    let segment: SegmentWriter | null = null;
    return {
      next: () => {
        void segment?.end();
        segment = publisher.next();
      },
      write: (bytes) => void segment!.write(bytes),
      finish: async () => void (await segment?.end()),
      close: () => publisher.close(),
    };
  }
  const child = startPython(python, {}, 'ends.py', 'publish', url);
  const say = (kind: string, bytes: Buffer) => {
    const head = Buffer.alloc(5);
    head.write(kind, 'latin1');
    head.writeUInt32LE(bytes.length, 1);
    child.stdin!.write(Buffer.concat([head, bytes]));
  };
  return {
    next: () => say('S', Buffer.alloc(0)),
    write: (bytes) => say('D', bytes),
    finish: async () => {
      child.stdin!.end();
      if (child.exitCode === null) await once(child, 'exit');
    },
    close: async () => {},
  };
}

export async function readMedia(make: Make, url: string, python: string, signal: AbortSignal): Promise<Reading> {
  if (make === 'plain') return await readChannel(url, signal);
  const arrivals = new Arrivals();
  const segments: number[] = [];
  let endedAt: number | null = null;
  if (make === 'ours') {
    await using subscriber = new TrickleSubscriber(url, { waitMissing: 5000, signal });
    for (let segment = await subscriber.next(); segment; segment = await subscriber.next()) {
      arrivals.segment();
      segments.push(segment.seq);
      for await (const chunk of segment) arrivals.push(chunk, performance.now());
    }
    if (subscriber.reason === 'ended' || subscriber.reason === 'not-found') endedAt = performance.now();
    return { arrivals, segments, endedAt };
  }
  const child = startPython(python, {}, 'ends.py', 'subscribe', url);
  const stop = () => void child.kill();
  signal.addEventListener('abort', stop, { once: true });
  let rest = Buffer.alloc(0);
  for await (const chunk of child.stdout!) {
    const at = performance.now();
    let data = Buffer.concat([rest, chunk as Buffer]);
    while (data.length >= 5 && data.length >= 5 + data.readUInt32LE(1)) {
      const body = data.subarray(5, 5 + data.readUInt32LE(1));
      const kind = String.fromCharCode(data[0]!);
      if (kind === 'S') {
        arrivals.segment();
        segments.push(Number(body.toString()));
      } else if (kind === 'D') arrivals.push(body, at);
      else endedAt = at;
      data = data.subarray(5 + body.length);
    }
    rest = Buffer.from(data);
  }
  signal.removeEventListener('abort', stop);
  return { arrivals, segments, endedAt };
}
