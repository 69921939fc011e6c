// Nodes on the streams of a server: opens the streams, seats the nodes, closes them before the server goes.
import { z } from 'zod';
import type { StreamConfigInput } from '../api/schema.ts';
import { DataInput, MarkerInput, MetricInput } from '../api/timeline.ts';
import { parseInput } from '../api/zod-problem.ts';
import type { Clock } from '../core/clock.ts';
import { SluiceError } from '../core/errors.ts';
import type { Logger } from '../core/log.ts';
import { parseStreamName } from '../core/stream-name.ts';
import { type FrameShape, isNodeSource, type NodeSource } from '../nodes/node.ts';
import { type NodeHost, NodeRun } from '../nodes/node-run.ts';
import { type Backoff, DEFAULT_BACKOFF, RESTART_POLICIES, RestartDecision, type RestartPolicy } from '../nodes/restart.ts';
import { type NodeRunner, Runner } from '../nodes/runner.ts';
import type { Stream } from '../pipeline/stream.ts';
import type { DriverSeat } from '../pipeline/stream-drivers.ts';
import type { StreamTimeline } from '../timeline/timeline.ts';

/** How a node is run. */
export interface NodeRunSettings {
  /** Default `on-failure`. */
  readonly restart?: RestartPolicy;
  /** Waiting times before a start, ms. Default 500, doubled up to 10,000. */
  readonly backoff?: Partial<Backoff>;
  /** How long a node may take to stop, ms. Default 2000. */
  readonly deadline?: number;
}

/** One node of `runNodes`. */
export interface NodeOptions extends NodeRunSettings, FrameShape {
  readonly stream: string;
  readonly source: NodeSource;
  /** For people. Default: the name of its stream. */
  readonly name?: string;
  /** As the source's schema wants them. */
  readonly params?: unknown;
  /** Instead of the source's own. */
  readonly fps?: number;
  /** Runs only while somebody watches. Default false. */
  readonly demand?: boolean;
  /** Of the stream, if it does not exist yet. */
  readonly config?: Omit<StreamConfigInput, 'source'>;
}

/** What `runNodes` is given. */
export interface RunNodesOptions extends NodeRunSettings {
  readonly nodes: readonly NodeOptions[];
}

/** What nodes need of their server. */
export interface NodeServer {
  readonly clock: Clock;
  readonly log: Logger;
  stream(name: string, config: Omit<StreamConfigInput, 'source'>): Promise<Stream>;
  timeline(stream: string): StreamTimeline;
}

/** A node whose options have been looked at. */
interface CheckedNode {
  readonly options: NodeOptions;
  readonly name: string;
  readonly params: unknown;
  readonly restart: RestartDecision;
  readonly deadlineMs: number;
}

/** Looks at everything that can be wrong before anything is started. Throws `bad-value`, `bad-name`, `unknown-key`. */
export function checkNodes({ nodes, ...common }: RunNodesOptions): CheckedNode[] {
  const names = new Set<string>();
  return nodes.map((options, index) => {
    parseStreamName(options.stream);
    if (!isNodeSource(options.source)) throw bad(`nodes[${index}].source`, options.source, 'what defineSource gives');
    let name = options.name ?? options.stream;
    for (let n = 2; names.has(name); n++) name = `${options.name ?? options.stream}-${n}`;
    names.add(name);
    const { restart = 'on-failure', backoff = {}, deadline = 2000 } = { ...common, ...withoutUndefined(options) };
    if (!RESTART_POLICIES.includes(restart)) throw bad(`${name}: restart`, restart, RESTART_POLICIES.join(', '));
    const { first, longest } = { ...DEFAULT_BACKOFF, ...backoff };
    if (!(first >= 0)) throw bad(`${name}: backoff.first`, first, 'milliseconds, 0 or more');
    if (!(longest >= first)) throw bad(`${name}: backoff.longest`, longest, `milliseconds, ${first} or more`);
    if (!(deadline >= 0)) throw bad(`${name}: deadline`, deadline, 'milliseconds, 0 or more');
    const fps = options.fps ?? options.source.fps;
    if (fps !== undefined && !(fps > 0 && fps <= 1000)) throw bad(`${name}: fps`, fps, 'a number above 0, at most 1000');
    return {
      options,
      name,
      params: readParams(name, options),
      restart: new RestartDecision(restart, { first, longest }),
      deadlineMs: deadline,
    };
  });
}

function readParams(name: string, { source, params }: NodeOptions): unknown {
  if (!source.params) {
    if (params !== undefined) throw bad(`${name}: params`, params, 'nothing: this source has no params');
    return undefined;
  }
  return parseInput(source.params, params ?? {}, { source: `${name}: params` });
}

/** Opens the streams of the nodes and starts them all. */
export async function startNodes(nodes: readonly CheckedNode[], server: NodeServer): Promise<NodeRunner> {
  const placed: { run: NodeRun; seat: NodeSeat }[] = [];
  try {
    for (const node of nodes) {
      const seat = new NodeSeat(node, await server.stream(node.options.stream, node.options.config ?? {}), server);
      placed.push({ run: seat.run, seat });
    }
  } catch (error) {
    for (const { seat } of placed) seat[Symbol.dispose]();
    throw error;
  }
  const runner = new Runner(placed.map(({ run }) => run));
  const close = async () => {
    const left = await runner.close();
    for (const { seat } of placed) seat[Symbol.dispose]();
    return left;
  };
  return {
    get nodes() {
      return runner.nodes;
    },
    ended: runner.ended,
    close,
    [Symbol.asyncDispose]: async () => void (await close()),
  };
}

/** A node at its stream. */
class NodeSeat implements Disposable {
  readonly run: NodeRun;
  readonly #seat: DriverSeat;

  constructor({ options, name, params, restart, deadlineMs }: CheckedNode, stream: Stream, server: NodeServer) {
    const { source, fps, demand = false } = options;
    const shape = { ...withoutUndefined(shapeOf(source)), ...withoutUndefined(shapeOf(options)) };
    const timeline = server.timeline(stream.name);
    const host: NodeHost = {
      clock: server.clock,
      log: server.log.child({ stream: stream.name }),
      push: (picture, place) => {
        this.#seat.claim();
        if (stream.stopped) return { id: 0, timestamp: place.timestamp ?? server.clock.now() };
        return stream.input.push(picture, place);
      },
      addMetrics: (samples) => void timeline.addMetrics(parseInput(z.array(MetricInput), samples)),
      mark: async (markers) => await timeline.mark(parseInput(z.array(MarkerInput), markers)),
      addData: async (records) => await timeline.addData(parseInput(z.array(DataInput), records)),
      announce: (on) => stream.announce({ on }),
      onState: (state, reason) => {
        if (state === 'running' || state === 'asleep' || state === 'failed' || state === 'ended') this.#seat.report(state, reason);
        else if (state === 'stuck') this.#seat.report('failed', reason);
      },
    };
    this.run = new NodeRun({ name, stream: stream.name, source, params, fps, shape, restart, deadlineMs }, host, false);
    this.#seat = stream.drive({ name: `node ${name}`, onDemand: demand, want: (wanted) => this.run.want(wanted) });
  }

  [Symbol.dispose](): void {
    this.#seat[Symbol.dispose]();
  }
}

function shapeOf({ width, height, format, significantBits }: FrameShape) {
  return { width, height, format, significantBits };
}

function withoutUndefined<T extends object>(value: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, entry]) => entry !== undefined)) as never;
}

function bad(field: string, received: unknown, allowed: string): SluiceError {
  const text = typeof received === 'object' && received !== null ? 'an object' : (JSON.stringify(received) ?? String(received));
  return new SluiceError('bad-value', `${field}: ${text} received; expected ${allowed}`, { field, allowed });
}
