// Reader and writer of transport streams, judged by FFmpeg and by each other.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasTool } from '../../test/tools.ts';
import { concatBytes, sameBytes } from './bytes.ts';
import { NAL, nalType, splitAnnexB } from './h264.ts';
import { TS_PACKET, TS_WRAP, type TsUnit } from './mpegts.ts';
import { TsDemuxer } from './mpegts-demux.ts';
import { TsMuxer } from './mpegts-mux.ts';

const folder = mkdtempSync(join(tmpdir(), 'sluice-ts-'));
afterAll(() => rmSync(folder, { recursive: true }));

function make(name: string, seconds: number, args: readonly string[], size = '320x180'): Uint8Array {
  const file = join(folder, `${name}.ts`);
  const inputs = ['-f', 'lavfi', '-i', `testsrc2=s=${size}:r=30:d=${seconds}`, '-f', 'lavfi', '-i', `sine=r=48000:d=${seconds}`];
  execFileSync('ffmpeg', ['-v', 'error', '-y', ...inputs, ...args, '-threads', '1', '-f', 'mpegts', file]);
  return readFileSync(file);
}

interface Probed {
  readonly streams: readonly { readonly id: string; readonly codec_name: string; readonly index: number }[];
  readonly packets: readonly {
    readonly stream_index: number;
    readonly pts: number;
    readonly dts: number;
    readonly size: string;
    readonly flags: string;
  }[];
}

/** What ffprobe says, and what it complains of. */
function probe(bytes: Uint8Array): Probed & { readonly complaints: string } {
  const file = join(folder, 'probed.ts');
  writeFileSync(file, bytes);
  const run = spawnSync('ffprobe', ['-v', 'warning', '-show_packets', '-show_streams', '-of', 'json', file], { maxBuffer: 2 ** 28 });
  return { ...(JSON.parse(run.stdout.toString()) as Probed), complaints: run.stderr.toString() };
}

/** What ffmpeg complains of when it decodes all of it, and its pictures' times. */
function decode(bytes: Uint8Array): string {
  const file = join(folder, 'decoded.ts');
  writeFileSync(file, bytes);
  return spawnSync('ffmpeg', [
    '-v',
    'warning',
    '-i',
    file,
    '-map',
    '0',
    '-fps_mode',
    'passthrough',
    '-enc_time_base',
    '1:90000',
    '-f',
    'null',
    '-',
  ]).stderr.toString();
}

function readAll(bytes: Uint8Array, demuxer = new TsDemuxer()): TsUnit[] {
  return [...demuxer.push(bytes), ...demuxer.flush()];
}

const row = ({ pts, dts, key, data }: TsUnit, size = true) => `${pts} ${dts} ${size ? data.length : ''} ${key ? 'K' : '_'}`;

describe.skipIf(!hasTool('ffmpeg', ['-version']))('against FFmpeg', () => {
  let film: Uint8Array;
  let units: TsUnit[];
  beforeAll(() => {
    film = make('film', 2, ['-c:v', 'libx264', '-tune', 'zerolatency', '-g', '20', '-b:v', '2M', '-c:a', 'libopus']);
    units = readAll(film);
  });

  it.each([
    ['h264', 'aac', ['-c:v', 'libx264', '-bf', '2', '-g', '30', '-c:a', 'aac']],
    ['h264', 'opus', ['-c:v', 'libx264', '-tune', 'zerolatency', '-g', '20', '-c:a', 'libopus', '-frame_duration', '10']],
    ['hevc', 'aac', ['-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params', 'log-level=none:keyint=30', '-c:a', 'aac', '-ar', '44100']],
    ['mpeg2video', 'mp3', ['-c:v', 'mpeg2video', '-bf', '2', '-c:a', 'libmp3lame', '-ar', '44100']],
  ] as const)('%s with %s: the same packets, times, sizes and keys as ffprobe tells', (video, sound, args) => {
    const bytes = make(video + sound, 2, args);
    const told = probe(bytes);
    expect(told.streams.map((stream) => stream.codec_name)).toEqual([video, sound]);
    // The end of HEVC pictures is where FFmpeg's parser cuts: a zero byte belongs to one or the other.
    const sized = video !== 'hevc';
    const demuxer = new TsDemuxer();
    const ours = readAll(bytes, demuxer);
    for (const stream of told.streams) {
      const theirs = told.packets.filter((packet) => packet.stream_index === stream.index);
      const units = ours.filter((unit) => unit.track.pid === Number(stream.id));
      expect(units.map(({ key, data }) => `${sized ? data.length : ''} ${key ? 'K' : '_'}`)).toEqual(
        theirs.map(({ size, flags }) => `${sized ? size : ''} ${flags[0]}`),
      );
      expect(units.length).toBeGreaterThan(50);
      // 1024 samples of 44.1 kHz are no whole ticks: rounded here and there.
      const most = units[0]!.track.kind === 'audio' && (args as readonly string[]).includes('44100') ? 1 : 0;
      for (const [i, { pts, dts }] of units.entries()) {
        expect(Math.abs(pts - theirs[i]!.pts)).toBeLessThanOrEqual(most);
        expect(Math.abs(dts - theirs[i]!.dts)).toBeLessThanOrEqual(most);
      }
    }
    expect(demuxer.tracks.map(({ kind, codec }) => [kind, codec])).toEqual([
      ['video', video],
      ['audio', sound],
    ]);
    expect(demuxer.figures).toMatchObject({ packets: bytes.length / TS_PACKET, skippedBytes: 0, gaps: 0, broken: 0, withoutKey: 0 });
  });

  it('pieces of any size give the same units', () => {
    const wanted = units.map((unit) => row(unit));
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 20 }), (sizes) => {
        const demuxer = new TsDemuxer();
        const out: TsUnit[] = [];
        for (let at = 0, i = 0; at < film.length; i++) {
          const size = sizes[i % sizes.length]!;
          out.push(...demuxer.push(film.subarray(at, at + size)));
          at += size;
        }
        out.push(...demuxer.flush());
        expect(out.map((unit) => row(unit))).toEqual(wanted);
      }),
      { numRuns: 12 },
    );
  });

  it('a picture without a length is there with its last packet, once stuffing has always been the end', () => {
    const demuxer = new TsDemuxer();
    let behind = 0;
    let pictures = 0;
    for (let at = 0; at < film.length; at += TS_PACKET) {
      const packet = film.subarray(at, at + TS_PACKET);
      const out = demuxer.push(packet).filter((unit) => unit.track.kind === 'video');
      pictures += out.length;
      // Handed out with the first packet of the next one: too late by a picture.
      const start = packet[1]! & 0x40 && (((packet[1]! & 0x1f) << 8) | packet[2]!) === 0x100;
      if (start && out.length && pictures > 3) behind++;
    }
    expect(pictures).toBeGreaterThan(50);
    // Those that fill their last packet to the byte cannot be told: about one in 184.
    expect(behind).toBeLessThan(3);
  });

  it('what was written: ffprobe gives back times and keys, ffmpeg decodes it without a word', () => {
    for (const codec of ['opus', 'aac'] as const) {
      const source = codec === 'opus' ? units : readAll(make('aac', 2, ['-c:v', 'libx264', '-bf', '2', '-g', '20', '-c:a', 'aac']));
      // AAC-LC, 48 kHz, mono.
      const audio = codec === 'opus' ? { codec, channels: 1 } : { codec, description: Uint8Array.of(0x11, 0x88) };
      const muxer = new TsMuxer({ video: true, audio });
      const parts: Uint8Array[] = [];
      // A day before the wrap, at uneven times.
      const wanted: Record<'video' | 'audio', string[]> = { video: [], audio: [] };
      const shift = 8_000_000_000;
      for (const [i, unit] of source.entries()) {
        const { track, key } = unit;
        const uneven = track.kind === 'video' ? (i % 7) * 211 : 0;
        const [pts, dts] = [unit.pts + shift + uneven, unit.dts + shift + uneven];
        if (track.kind === 'video' && key) parts.push(muxer.tables());
        const data = codec === 'aac' && track.kind === 'audio' ? unit.data.subarray(7) : unit.data;
        parts.push(track.kind === 'video' ? muxer.video({ pts, dts, key, data }) : muxer.audio({ pts, data }));
        wanted[track.kind].push(`${pts} ${dts} ${unit.data.length} ${key ? 'K' : '_'}`);
      }
      const bytes = concatBytes(parts);
      const told = probe(bytes);
      expect(told.complaints).toBe('');
      for (const [index, kind] of (['video', 'audio'] as const).entries()) {
        const packets = told.packets.filter((packet) => packet.stream_index === index);
        expect(packets.map(({ pts, dts, size, flags }) => `${pts} ${dts} ${size} ${flags[0]}`)).toEqual(wanted[kind]);
      }
      expect(decode(bytes)).toBe('');
    }
  });

  it('each segment can be read alone', () => {
    const muxer = new TsMuxer({ video: true });
    const pictures = units.filter((unit) => unit.track.kind === 'video');
    const segments: Uint8Array[][] = [];
    for (const unit of pictures) {
      if (unit.key) segments.push([muxer.tables()]);
      segments.at(-1)!.push(muxer.video(unit));
    }
    expect(segments.length).toBe(3);
    const second = concatBytes(segments[1]!);
    expect(probe(second).packets.map(({ pts }) => pts)).toEqual(pictures.slice(20, 40).map(({ pts }) => pts));
    expect(decode(second)).toBe('');
    // Counters go on from one to the next: nothing is missing for a reader of them all.
    const all = concatBytes(segments.flat());
    expect(decode(all)).toBe('');
  });
});

/** Annex B of one slice with bytes that hold no start code. */
function picture(bytes: number, key: boolean, seed = 1): Uint8Array {
  const data = new Uint8Array(bytes + 5);
  data.set([0, 0, 0, 1, key ? 0x65 : 0x41]);
  for (let i = 5, value = seed; i < data.length; i++) {
    value = (value * 1_103_515_245 + 12_345) & 0x7fff_ffff;
    data[i] = (value >> 8) | 1;
  }
  return data;
}

/** Slices of an access unit: what came back may have a delimiter in front. */
const slices = (data: Uint8Array) => splitAnnexB(data).filter((nal) => nalType(nal) !== NAL.aud);

describe('reader and writer', () => {
  it('any units come back with times and bytes, also over the wrap, each with its own last packet', () => {
    const unit = fc.record({
      bytes: fc.oneof(fc.integer({ min: 1, max: 400 }), fc.integer({ min: 64_000, max: 67_000 })),
      step: fc.integer({ min: 1, max: 9000 }),
      ahead: fc.integer({ min: 0, max: 9000 }),
      sound: fc.option(fc.integer({ min: 2, max: 1275 })),
    });
    fc.assert(
      fc.property(fc.array(unit, { minLength: 4, maxLength: 12 }), fc.integer({ min: -20_000, max: 5 }), (plan, before) => {
        const muxer = new TsMuxer({ video: true, audio: { codec: 'opus', channels: 2 } });
        const demuxer = new TsDemuxer();
        expect(demuxer.push(muxer.tables())).toEqual([]);
        let dts = TS_WRAP + before;
        let late = 0;
        const first = ((dts + plan[0]!.step) % TS_WRAP) - (dts + plan[0]!.step);
        for (const [i, { bytes, step, ahead, sound }] of plan.entries()) {
          dts += step;
          const data = picture(bytes, i === 0, i + 1);
          let out = demuxer.push(muxer.video({ pts: dts + ahead, dts, key: i === 0, data }));
          // Without a length the end is known only once stuffing has proved to be it.
          if (out.length === 0) {
            late++;
            out = demuxer.flush();
          }
          expect(out.map(({ pts, dts: at, key }) => ({ pts, at, key }))).toEqual([
            { pts: dts + ahead + first, at: dts + first, key: i === 0 },
          ]);
          expect(sameBytes(concatBytes(slices(out[0]!.data)), concatBytes(slices(data)))).toBe(true);
          if (sound === null) continue;
          const packet = new Uint8Array(sound).fill(i + 3);
          // 20 ms, one frame.
          packet[0] = 0x78;
          const heard = demuxer.push(muxer.audio({ pts: dts + 7, data: packet }));
          expect(heard.map(({ pts, data: bytes }) => ({ pts, bytes }))).toEqual([{ pts: dts + 7 + first, bytes: packet }]);
        }
        expect(late).toBeLessThanOrEqual(2);
        expect(demuxer.figures).toMatchObject({ gaps: 0, broken: 0, withoutKey: 0, skippedBytes: 0 });
      }),
      { numRuns: 40 },
    );
  });

  it('time goes on over the wrap and takes small steps back', () => {
    const muxer = new TsMuxer({ video: true });
    const demuxer = new TsDemuxer();
    demuxer.push(muxer.tables());
    const times = [-3000, -1500, 0, -800, 1500, 3000].map((time) => TS_WRAP + time);
    const out = times.flatMap((pts, i) => demuxer.push(muxer.video({ pts, key: i === 0, data: picture(300, i === 0) })));
    expect(out.map(({ pts }) => pts)).toEqual(times);
  });

  /** 40 pictures of several packets, a key picture every ten. */
  function stream(): { packets: Uint8Array[]; owners: number[] } {
    const muxer = new TsMuxer({ video: true });
    const packets: Uint8Array[] = [];
    const owners: number[] = [];
    const add = (bytes: Uint8Array, owner: number) => {
      for (let at = 0; at < bytes.length; at += TS_PACKET) {
        packets.push(bytes.slice(at, at + TS_PACKET));
        owners.push(owner);
      }
    };
    for (let i = 0; i < 40; i++) {
      if (i % 10 === 0) add(muxer.tables(), -1);
      add(muxer.video({ pts: i * 3000, key: i % 10 === 0, data: picture(700 + i, i % 10 === 0, i + 1) }), i);
    }
    return { packets, owners };
  }

  it('a lost packet costs its picture and those up to the next key picture, all counted', () => {
    const { packets, owners } = stream();
    const lost = owners.indexOf(14) + 2;
    const demuxer = new TsDemuxer();
    const out = packets.flatMap((packet, i) => (i === lost ? [] : demuxer.push(packet)));
    expect(out.map(({ pts }) => pts / 3000)).toEqual([...Array(14).keys(), ...Array.from({ length: 20 }, (_, i) => i + 20)]);
    expect(demuxer.figures).toMatchObject({ gaps: 1, broken: 1, withoutKey: 5, skippedBytes: 0 });
  });

  it('a packet that came twice is taken once', () => {
    const { packets } = stream();
    const demuxer = new TsDemuxer();
    const out = packets.flatMap((packet) => [...demuxer.push(packet), ...demuxer.push(packet)]);
    expect(out).toHaveLength(40);
    expect(demuxer.figures).toMatchObject({ gaps: 0, broken: 0, withoutKey: 0 });
  });

  it('bytes that are missing or too many cost what they were in; packets are found again', () => {
    const { packets, owners } = stream();
    const whole = concatBytes(packets);
    const wanted = new Map(readAll(whole).map((unit) => [unit.pts, unit.data]));
    // The last key picture stays whole.
    fc.assert(
      fc.property(
        fc.nat(owners.lastIndexOf(-1) * TS_PACKET - 1500),
        fc.integer({ min: 1, max: 1000 }),
        fc.boolean(),
        (at, count, insert) => {
          const middle = insert ? new Uint8Array(count) : new Uint8Array(0);
          const bytes = concatBytes([whole.subarray(0, at), middle, whole.subarray(insert ? at : at + count)]);
          const demuxer = new TsDemuxer();
          const out = readAll(bytes, demuxer);
          const seen = out.map(({ pts }) => pts / 3000);
          expect(seen).toEqual([...seen].sort((a, b) => a - b));
          expect(seen.slice(-8)).toEqual([32, 33, 34, 35, 36, 37, 38, 39]);
          const wrong = out.filter(({ pts, data }) => !sameBytes(wanted.get(pts) ?? data.subarray(1), data));
          expect(wrong.length).toBe(0);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('the end of a segment in the middle of a picture of known length loses that picture', () => {
    const { packets, owners } = stream();
    const cut = owners.indexOf(5) + 2;
    const demuxer = new TsDemuxer();
    const out = [...packets.slice(0, cut).flatMap((packet) => demuxer.push(packet)), ...demuxer.flush()];
    expect(out).toHaveLength(5);
    const next = owners.indexOf(-1, cut);
    expect(packets.slice(next).flatMap((packet) => demuxer.push(packet))).toHaveLength(30);
    expect(demuxer.figures).toMatchObject({ broken: 1, withoutKey: 0 });
  });

  it('a segment that broke off: what was open is not taken for whole, and pictures go on with a key picture', () => {
    const muxer = new TsMuxer({ video: true });
    const demuxer = new TsDemuxer();
    // Too long for a length: without one the end of the input would be its end.
    const large = muxer.video({ pts: 3000, key: false, data: picture(70_000, false) });
    demuxer.push(
      concatBytes([muxer.tables(), muxer.video({ pts: 0, key: true, data: picture(700, true) }), large.subarray(0, 200 * TS_PACKET)]),
    );
    expect(demuxer.cut()).toEqual([]);
    const after = [false, true].flatMap((key, i) => demuxer.push(muxer.video({ pts: 6000 + i * 3000, key, data: picture(300, key) })));
    expect(after.map(({ pts }) => pts)).toEqual([9000]);
    expect(demuxer.figures).toMatchObject({ broken: 1, withoutKey: 1 });
  });

  it('another map of the program takes the place of the first', () => {
    const first = new TsMuxer({ video: true });
    const second = new TsMuxer({ video: true, audio: { codec: 'opus', channels: 6 } });
    const demuxer = new TsDemuxer();
    demuxer.push(first.tables());
    expect(demuxer.tracks.map(({ codec }) => codec)).toEqual(['h264']);
    demuxer.flush();
    demuxer.push(second.tables());
    expect(demuxer.tracks.map(({ codec, channels }) => [codec, channels])).toEqual([
      ['h264', undefined],
      ['opus', 6],
    ]);
    expect(demuxer.push(second.video({ pts: 1, key: true, data: picture(10, true) }))).toHaveLength(1);
  });

  it('of several programs the first is read', () => {
    const muxer = new TsMuxer({ video: true });
    const tables = muxer.tables();
    const demuxer = new TsDemuxer();
    // A second program whose map has the PID 0x1001.
    demuxer.push(concatBytes([patOf([0x1000, 0x1001]), tables.subarray(TS_PACKET)]));
    expect(demuxer.push(muxer.video({ pts: 1, key: true, data: picture(10, true) }))).toHaveLength(1);
    const other = new TsDemuxer();
    other.push(concatBytes([patOf([0x1001, 0x1000]), tables.subarray(TS_PACKET)]));
    expect(other.push(muxer.video({ pts: 1, key: true, data: picture(10, true) }))).toHaveLength(0);
  });

  it('no bytes make it throw, and it holds only so much', () => {
    const { packets } = stream();
    const noise = fc.array(
      fc.oneof(
        fc.uint8Array({ minLength: 0, maxLength: 400 }),
        // Whole packets with some bytes changed: they get far into it.
        fc
          .tuple(fc.nat(packets.length - 1), fc.array(fc.tuple(fc.nat(TS_PACKET - 1), fc.nat(255)), { maxLength: 4 }))
          .map(([index, changes]) => {
            const packet = packets[index]!.slice();
            for (const [at, value] of changes) packet[at] = value;
            return packet;
          }),
      ),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(noise, (chunks) => {
        const demuxer = new TsDemuxer();
        for (const chunk of chunks) demuxer.push(chunk);
        demuxer.flush();
      }),
      { numRuns: 300 },
    );
    // A picture that never ends is given up.
    const muxer = new TsMuxer({ video: true });
    const demuxer = new TsDemuxer();
    demuxer.push(muxer.tables());
    demuxer.push(muxer.video({ pts: 1, key: true, data: picture(70_000, true) }).subarray(0, 380 * TS_PACKET));
    const endless = new Uint8Array(TS_PACKET).fill(1);
    endless.set([0x47, 1, 0, 0x10]);
    let given = 0;
    for (let i = 0, counter = 380; i < 50_000; i++, counter++) {
      endless[3] = 0x10 | (counter & 15);
      given += demuxer.push(endless).length;
    }
    given += demuxer.flush().length;
    expect(given).toBe(0);
    expect(demuxer.figures.broken).toBe(1);
  });
});

/** A packet with a PAT of some programs. */
function patOf(pids: readonly number[]): Uint8Array {
  const body = concatBytes([
    Uint8Array.of(0, 0xb0, 9 + 4 * pids.length, 0, 1, 0xc1, 0, 0),
    ...pids.map((pid, i) => Uint8Array.of(0, i + 1, 0xe0 | (pid >> 8), pid & 255)),
  ]);
  // By long division: another way than the one under test.
  const bits = [...body, 0, 0, 0, 0].flatMap((byte) => [...byte.toString(2).padStart(8, '0')].map(Number));
  for (let i = 0; i < 32; i++) bits[i]! ^= 1;
  const polynomial = [...(0x1_04c1_1db7).toString(2)].map(Number);
  for (let i = 0; i + 32 < bits.length; i++) if (bits[i]) for (const [j, bit] of polynomial.entries()) bits[i + j]! ^= bit;
  const crc = Number.parseInt(bits.slice(-32).join(''), 2);
  const packet = new Uint8Array(TS_PACKET).fill(255);
  packet.set([0x47, 0x40, 0, 0x10, 0, ...body, crc >>> 24, (crc >> 16) & 255, (crc >> 8) & 255, crc & 255]);
  return packet;
}
