// `sluice record`: begins a recording on a server, tells how it goes, and ends it.
import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import { setTimeout as sleep } from 'node:timers/promises';
import { SluiceClient } from '../api/client.ts';
import { type Recording, RecordingRequest } from '../api/recordings.ts';
import { parseInput } from '../api/zod-problem.ts';
import { bytesText } from '../core/bytes-text.ts';
import { SluiceError } from '../core/errors.ts';
import { parseStreamName } from '../core/stream-name.ts';
import { bytesOf } from '../server/options.ts';
import { type CommandContext, flagText, UsageError } from './context.ts';

const LOOK_MS = 500;

export async function run(context: CommandContext): Promise<number> {
  const stream = usage(() => parseStreamName(context.positionals[0]));
  const request = usage(() => requestOf(context));
  const token = flagText(context, 'token') ?? context.env.SLUICE_TOKEN;
  const base = flagText(context, 'server') ?? (context.env.SLUICE_SERVER || 'http://127.0.0.1:8000');
  if (!URL.canParse(base)) throw new UsageError(`--server: ${base} is not an address; expected one such as http://127.0.0.1:8000`);
  const client = new SluiceClient({ base, ...(token ? { token } : {}) });
  let recording = await client.record(stream, request);
  const started = performance.now();
  const line = () => (context.isTTY ? context.warn(`\r\x1b[K${progressOf(recording, performance.now() - started)}`) : undefined);
  while (recording.state === 'recording' || recording.state === 'finishing') {
    line();
    await sleep(LOOK_MS, undefined, { signal: context.signal }).catch(() => {});
    // Ctrl-C ends the recording, and its file is whole.
    recording = context.signal.aborted ? await client.stopRecording(stream, recording.id) : await client.recording(stream, recording.id);
  }
  if (context.isTTY) context.warn('\r\x1b[K');
  const { id, reason, frames, bytes, dropped } = recording;
  if (recording.state === 'failed') throw new SluiceError('unavailable', `${stream}: ${reason}`);
  const missing = dropped ? `, ${dropped} missing (GET api/streams/${stream}/recordings/${id} lists the gaps)` : '';
  context.warn(`${frames} frames, ${bytesText(bytes)}${missing}; ended because ${reason}\n`);
  const output = flagText(context, 'output');
  if (output !== undefined) await copy(client.recordingFile(stream, id), token, output);
  context.print(output ?? client.recordingFile(stream, id).href);
  return dropped ? 1 : 0;
}

function requestOf(context: CommandContext): RecordingRequest {
  const number = (key: string) => {
    const text = flagText(context, key);
    if (text === undefined) return {};
    if (!(Number(text) > 0)) throw new UsageError(`--${key}: ${JSON.stringify(text)} received; expected a number above 0`);
    return { [key === 'seconds' ? 'duration' : key]: Number(text) };
  };
  const text = (key: string) => {
    const value = flagText(context, key);
    return value === undefined ? {} : { [key]: value };
  };
  const bytes = flagText(context, 'bytes');
  if (bytes !== undefined && !(bytesOf(/^\d+$/.test(bytes) ? Number(bytes) : bytes) > 0))
    throw new UsageError(`--bytes: ${JSON.stringify(bytes)} received; expected a number of bytes, or one with a unit such as 500MB or 2GB`);
  return parseInput(RecordingRequest, {
    ...text('format'),
    ...text('compression'),
    ...text('name'),
    ...number('seconds'),
    ...number('frames'),
    ...(bytes === undefined ? {} : { bytes: bytesOf(/^\d+$/.test(bytes) ? Number(bytes) : bytes) }),
  });
}

function progressOf({ state, frames, bytes, dropped, limits }: Recording, ms: number): string {
  const of = limits.frames ? ` of ${limits.frames}` : '';
  const seconds = `${(ms / 1000).toFixed(0)}${limits.duration ? ` of ${limits.duration}` : ''} s`;
  const missing = dropped ? `  ${dropped} missing` : '';
  return `${state}  ${frames}${of} frames  ${bytesText(bytes)}  ${seconds}${missing}`;
}

async function copy(address: URL, token: string | undefined, file: string): Promise<void> {
  const response = await fetch(address, token ? { headers: { authorization: `Bearer ${token}` } } : {});
  if (!response.ok || !response.body) throw new SluiceError('unavailable', `${address.href}: status ${response.status}`);
  await pipeline(Readable.fromWeb(response.body as ReadableStream<Uint8Array>), createWriteStream(file));
}

/** What is wrong with the call is told as such. */
function usage<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof SluiceError) throw new UsageError(error.message);
    throw error;
  }
}
