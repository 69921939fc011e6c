import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { ExternalProgram } from '../../../test/external-program.ts';
import { parseInput } from '../../api/zod-problem.ts';
import { type FrameInfo, frameBytes, type PixelFormat } from '../../core/frame.ts';
import type { Micros } from '../../core/time.ts';
import { writeFrame } from '../../formats/frame-header.ts';
import type { ChainFrame, Session, SessionHost, SessionInfo } from '../session.ts';
import { ProgramDoors } from './address.ts';
import { openSession } from './session.ts';

const info: FrameInfo = {
  id: 5,
  timestamp: 1_795_000_000_000_000 as Micros,
  received: 1_795_000_000_000_050 as Micros,
  format: 'gray',
  width: 16,
  height: 4,
  significantBits: 8,
};
const input = Uint8Array.from({ length: 64 }, (_, i) => i);

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** A session as the chain would have it, and what it said. */
function opened(params: unknown = {}, ports = false) {
  const folder = mkdtempSync(join(tmpdir(), 'd-'));
  closing.push(() => rmSync(folder, { recursive: true }));
  const doors = new ProgramDoors(folder, ports);
  closing.push(() => doors[Symbol.dispose]());
  const said: unknown[] = [];
  const broken = Promise.withResolvers<Error>();
  const back = Promise.withResolvers<SessionInfo>();
  const host: SessionHost = {
    now: () => info.timestamp,
    timing: () => {},
    away: (error) => broken.resolve(error as Error),
    back: (found) => back.resolve(found),
    progress: (message) => said.push(message),
    found: (findings, at) => said.push({ ...findings, at: at.id }),
    log: (message) => said.push(message),
    parse: (schema, value) => parseInput(schema, value) as Record<string, unknown>,
    broken: (error) => broken.resolve(error as Error),
  };
  const options = doors.options('cam', 'p', { deadline: 2, memory: 512 });
  const session = openSession(
    { id: 'p', stream: 'cam', kind: 'external', use: 'external', params, options: { ...options } },
    host,
  ) as Session;
  closing.push(() => session.close());
  const loaded = Promise.resolve(session.load(new AbortController().signal));
  loaded.catch(() => {});
  const connect = async (hello: object = {}, token = doors.token) => {
    const program = await ExternalProgram.connect(() => doors.address('cam', 'p'));
    closing.push(() => program.close());
    program.text({ type: 'hello', protocol: 1, token, ...hello });
    return program;
  };
  return { session, loaded, said, broken: broken.promise, back: back.promise, connect };
}

/** A frame of the chain, and what was written into its room. */
function framed(abort = new AbortController(), picture: Partial<Pick<ChainFrame, 'info' | 'input'>> = {}) {
  const rooms: Uint8Array[] = [];
  const room = (format: PixelFormat, width: number, height: number) => {
    rooms.push(new Uint8Array(frameBytes(format, width, height)));
    return rooms.at(-1)!;
  };
  const frame: ChainFrame = {
    info,
    metadata: { exposure: 20 },
    input,
    signal: abort.signal,
    room,
    edit: () => room('gray', 16, 4),
    ...picture,
  };
  return { frame, rooms, abort };
}

const schema = {
  type: 'object',
  properties: { level: { type: 'number', minimum: 0, maximum: 1, default: 0.5 } },
  additionalProperties: false,
};

describe('a session of an external processor', () => {
  it('waits for its program, checks the params with its schema, and hands frames over', async () => {
    const { session, loaded, said, connect } = opened({ level: 0.25 });
    const program = await connect({ name: 'mine', params: schema });
    expect(await program.next('welcome')).toMatchObject({ stream: 'cam', id: 'p', params: { level: 0.25 }, deadline: 2, memory: 512 });
    program.text({ type: 'progress', message: 'opens the model', share: 0.5 });
    program.text({ type: 'ready' });
    expect(await loaded).toMatchObject({
      name: 'mine',
      video: true,
      audio: false,
      ids: 'frame',
      concurrent: true,
      params: { level: 0.25 },
    });
    expect(said).toEqual(['waits for its program', 'its program is there', 'opens the model']);

    const { frame, rooms } = framed();
    const outcome = session.video!(frame);
    const { job, received } = await program.next('video');
    expect(received).toBe(info.received);
    const { header, payload } = await program.picture();
    expect(header).toMatchObject({ id: 5, timestamp: info.timestamp, format: 'gray', width: 16, height: 4, metadata: { exposure: 20 } });
    expect([...payload]).toEqual([...input]);
    program.text({ type: 'done', job, result: 'made', count: 1, metrics: { mean: 3 }, markers: [{ label: 'here' }] });
    program.bytes(writeFrame({ format: 'rgb24', width: 2, height: 1, metadata: { a: 1 } }, Uint8Array.of(1, 2, 3, 4, 5, 6)));
    expect(await outcome).toEqual({ pictures: [{ format: 'rgb24', width: 2, height: 1, metadata: { a: 1 } }] });
    expect(rooms.map((room) => [...room])).toEqual([[1, 2, 3, 4, 5, 6]]);
    expect(said.at(-1)).toMatchObject({
      metrics: { mean: 3 },
      markers: [{ id: 'event-5-here', frame: 5, timestamp: info.timestamp }],
      at: 5,
    });

    expect(() => session.validate({ level: 2 })).toThrow('level: 2 received; expected a number from 0 to 1');
    expect(() => session.validate({ levle: 1 })).toThrow('level');
    await session.apply(await session.validate({ level: 1 }));
    expect(await program.next('params')).toMatchObject({ params: { level: 1 } });
  });

  it('takes pass, withhold and failed, in any order', async () => {
    const { session, loaded, connect } = opened();
    const program = await connect();
    program.text({ type: 'ready' });
    await loaded;
    const outcomes = [session.video!(framed().frame), session.video!(framed().frame), session.video!(framed().frame)];
    const jobs: unknown[] = [];
    for (const _ of outcomes) {
      jobs.push((await program.next('video')).job);
      await program.picture();
    }
    program.text({ type: 'done', job: jobs[2], result: 'failed', error: 'ValueError: no' });
    program.text({ type: 'done', job: jobs[1], result: 'withhold' });
    program.text({ type: 'done', job: jobs[0], result: 'pass' });
    await expect(outcomes[2]).rejects.toThrow('ValueError: no');
    expect(await Promise.all(outcomes.slice(0, 2))).toEqual(['pass', 'withhold']);
  });

  it('lends pictures in shared memory to a program that asks for it', async ({ skip }) => {
    if (process.platform !== 'linux') skip();
    const { session, loaded, connect } = opened();
    const program = await connect({ memory: true });
    program.text({ type: 'ready' });
    await loaded;
    // The first goes through the socket, until the program has the memory.
    const first = session.video!(framed().frame);
    const memory = await program.next('memory');
    program.map(memory);
    program.text({ type: 'done', job: (await program.next('video')).job, result: 'pass' });
    expect((await program.picture()).payload.length).toBe(64);
    expect(await first).toBe('pass');

    const { frame, rooms } = framed();
    const second = session.video!(frame);
    const told = await program.next('video');
    const { header, offset } = await program.picture();
    expect(told.memory).toBe(memory.memory);
    expect([...program.mapped(offset!, 64)]).toEqual([...input]);
    program.write(
      offset!,
      input.map((value) => 255 - value),
    );
    program.text({ type: 'done', job: told.job, result: 'made', count: 1 });
    program.placed(header, offset!);
    expect(await second).toMatchObject({ pictures: [{ format: 'gray', width: 16, height: 4 }] });
    expect(rooms[0]![5]).toBe(250);

    // Memory of other frames is not for it to point at.
    const third = session.video!(framed().frame);
    const { job } = await program.next('video');
    await program.picture();
    program.text({ type: 'done', job, result: 'made', count: 1 });
    program.placed(header, offset! + 4096);
    await expect(third).rejects.toThrow('lies outside the place of its frame');
  });

  it('makes rgb24 of 4:2:0 for a program that asks for it', async () => {
    const { session, loaded, connect } = opened();
    const program = await connect();
    program.text({ type: 'ready' });
    await loaded;
    // Red of BT.601 in limited range.
    const yuv = new Uint8Array(new SharedArrayBuffer(96)).fill(82, 0, 64).fill(90, 64, 80).fill(240, 80);
    const ask = async () => {
      const { frame } = framed(undefined, { info: { ...info, format: 'yuv420p' }, input: yuv });
      const outcome = session.video!(frame);
      const { job } = await program.next('video');
      const { header, payload } = await program.picture();
      program.text({ type: 'done', job, result: 'pass' });
      expect(await outcome).toBe('pass');
      return { format: header.format, payload };
    };
    expect((await ask()).format).toBe('yuv420p');
    program.text({ type: 'format', format: 'rgb24' });
    let shown = await ask();
    while (shown.format !== 'rgb24') shown = await ask();
    expect(shown.payload.length).toBe(192);
    for (const [at, want] of [255, 0, 0].entries()) expect(Math.abs(shown.payload[at]! - want)).toBeLessThan(4);
  });

  it('goes on without memory where the program cannot open it', async () => {
    const { session, loaded, connect } = opened();
    const program = await connect({ memory: true });
    program.text({ type: 'ready' });
    await loaded;
    for (let i = 0; i < 3; i++) {
      const outcome = session.video!(framed().frame);
      if (i === 0 && process.platform === 'linux')
        program.text({ type: 'mapped', memory: (await program.next('memory')).memory, ok: false });
      program.text({ type: 'done', job: (await program.next('video')).job, result: 'pass' });
      expect((await program.picture()).payload.length).toBe(64);
      expect(await outcome).toBe('pass');
    }
  });

  it('is broken when its program goes, and its frames with it', async () => {
    const { session, loaded, broken, connect } = opened();
    const program = await connect();
    program.text({ type: 'ready' });
    await loaded;
    const outcome = session.video!(framed().frame);
    await program.next('video');
    program.close();
    await expect(outcome).rejects.toThrow('its program ended or crashed');
    expect((await broken).message).toBe('its program ended or crashed');
    await expect(session.video!(framed().frame)).rejects.toThrow('its program is gone');
  });

  it.each([
    ['an answer that nobody asked for', { type: 'done', job: 99, result: 'pass' }, 'done.job: 99 received'],
    ['an answer that is none', { type: 'done', job: 1, result: 'maybe' }, 'done.result: Invalid option'],
  ])('ends a program that says %s', async (_name, text, message) => {
    const { loaded, broken, connect } = opened();
    const program = await connect();
    program.text({ type: 'ready' });
    await loaded;
    program.text(text);
    expect(await program.next('error')).toMatchObject({ code: 'bad-value', detail: expect.stringContaining(message) });
    expect((await broken).message).toContain(message);
  });

  it('ignores texts that it does not know', async () => {
    const { session, loaded, connect } = opened();
    const program = await connect({ later: true });
    program.text({ type: 'something-new' });
    program.text({ type: 'ready' });
    await loaded;
    const outcome = session.video!(framed().frame);
    program.text({ type: 'done', job: (await program.next('video')).job, result: 'pass' });
    expect(await outcome).toBe('pass');
  });

  it.each([
    ['a wrong token', {}, 'wrong', 'unauthorized'],
    ['another version', { protocol: 2 }, undefined, 'bad-value'],
    ['nothing to do', { video: false }, undefined, 'bad-value'],
    ['params that its schema refuses', { params: schema }, undefined, 'bad-value'],
    ['a schema that is none', { params: { $ref: 'http://elsewhere' } }, undefined, 'bad-value'],
  ])('refuses %s, and waits on', async (_name, hello, token, code) => {
    const { said, loaded, connect } = opened({ level: 7 });
    const program = await connect(hello, token);
    expect(await program.next('error')).toMatchObject({ code });
    expect(said.at(-1)).toContain('waits for its program; one was refused: ');
    const other = await connect({ params: { type: 'object' } });
    other.text({ type: 'ready' });
    expect(await loaded).toMatchObject({ params: { level: 7 } });
  });

  it('gives way to a newer program', async () => {
    const { loaded, broken, back, connect } = opened();
    const early = await connect();
    await early.next('welcome');
    const program = await connect();
    await early.next('replaced');
    program.text({ type: 'ready' });
    await loaded;
    const newer = await connect();
    await program.next('replaced');
    expect((await broken).message).toBe('another program has taken its place');
    newer.text({ type: 'ready' });
    expect(await back).toMatchObject({ name: 'p', video: true });
  });

  it('tells a program that its frame was given up', async () => {
    const { session, loaded, connect } = opened();
    const program = await connect();
    program.text({ type: 'ready' });
    await loaded;
    const { frame, abort } = framed();
    const outcome = session.video!(frame);
    const { job } = await program.next('video');
    await program.picture();
    abort.abort();
    expect(await program.next('abort')).toMatchObject({ job });
    program.text({ type: 'done', job, result: 'failed', error: 'given up' });
    await expect(outcome).rejects.toThrow('given up');
  });

  it('waits for the next program when one hangs', async () => {
    const { session, loaded, broken, back, connect } = opened();
    const program = await connect();
    program.text({ type: 'ready' });
    await loaded;
    const { frame, abort } = framed();
    const outcome = session.video!(frame);
    abort.abort();
    await expect(outcome).rejects.toThrow('it took longer than 2 s for a frame');
    expect(await broken).toMatchObject({ details: { reason: 'away' } });
    const other = await connect({ name: 'other' });
    other.text({ type: 'ready' });
    expect(await back).toMatchObject({ name: 'other' });
  });

  it('is found at a port where there are no sockets in the file system', async () => {
    const { session, loaded, connect } = opened({}, true);
    const program = await connect();
    program.text({ type: 'ready' });
    await loaded;
    const outcome = session.video!(framed().frame);
    program.text({ type: 'done', job: (await program.next('video')).job, result: 'withhold' });
    expect(await outcome).toBe('withhold');
  });
});
