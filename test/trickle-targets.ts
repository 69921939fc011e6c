// The trickle servers that the contract is checked against.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { TrickleChannels } from '../src/trickle/channels.ts';
import { TrickleServer } from '../src/trickle/server.ts';
import { testServer } from './server.ts';

export interface TrickleTarget extends AsyncDisposable {
  /** Base of all channels; ends with `/`. */
  readonly url: string;
  /** Of ours: what the server itself knows. */
  readonly channels?: TrickleChannels;
  close(): Promise<void>;
}

/** Times in ms. */
export interface TargetOptions {
  readonly autocreate?: boolean;
  readonly changefeed?: boolean;
  readonly idle?: number;
  readonly sweep?: number;
  /** Only ours: the Go server has 10 s. */
  readonly keepAlive?: number;
}

interface TargetRow {
  readonly name: string;
  /** One of ours: rows where the Go server is known to be wrong hold too. */
  readonly ours: boolean;
  /** Can be started by itself with options of its own. */
  readonly separate: boolean;
  /** How long a request takes to be known to the server at most, ms; it is not told when. */
  readonly waits: number;
  start(options: TargetOptions): Promise<TrickleTarget>;
}

/** Program that serves trickle channels with go-livepeer's own package; `null`: none was given. */
export const goServer = process.env.SLUICE_TEST_TRICKLE_GO || null;

export const NO_GO = 'SLUICE_TEST_TRICKLE_GO names no program: the trickle contract is not checked against the Go server';

export const TRICKLE_TARGETS: readonly TargetRow[] = [
  { name: 'stand-alone', ours: true, separate: true, waits: 20, start: startOwn },
  { name: 'mounted', ours: true, separate: false, waits: 20, start: startMounted },
  ...(goServer === null ? [] : [{ name: 'Go server', ours: false, separate: true, waits: 50, start: startGo }]),
];

async function startOwn(options: TargetOptions): Promise<TrickleTarget> {
  return await TrickleServer.start(options);
}

async function startMounted({ autocreate = true, changefeed = false }: TargetOptions): Promise<TrickleTarget> {
  const server = await testServer({ basePath: '/lab', trickle: { autocreate, changefeed } });
  const close = async () => await server.close();
  return { url: `${server.url}trickle/`, channels: server.trickle, close, [Symbol.asyncDispose]: close };
}

async function startGo({ autocreate, changefeed, idle, sweep }: TargetOptions): Promise<TrickleTarget> {
  const flags = [
    ...(autocreate ? ['-autocreate'] : []),
    ...(changefeed ? ['-changefeed'] : []),
    ...(idle === undefined ? [] : ['-idle', `${idle}ms`]),
    ...(sweep === undefined ? [] : ['-sweep', `${sweep}ms`]),
  ];
  const child: ChildProcess = spawn(goServer!, flags, { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout! });
  const [url] = (await once(lines, 'line')) as [string];
  const close = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill();
    await ended;
  };
  return { url, close, [Symbol.asyncDispose]: close };
}
