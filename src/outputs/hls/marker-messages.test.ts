import { describe, expect, it } from 'vitest';
import { makePacket, makePackets, makeTrack, START_US } from '../../../test/packets.ts';
import type { Marker } from '../../api/timeline.ts';
import type { Packet } from '../../core/packet.ts';
import { readMarkerEmsgs } from '../../formats/emsg.ts';
import { readIdentities } from '../../formats/fmp4-read.ts';
import { markerMessages } from './marker-messages.ts';
import { type PartData, type SegmentData, Segmenter } from './segmenter.ts';

const IRREGULAR = Array.from({ length: 120 }, (_, i) => 16_000 + ((i * 7919) % 45_000));

let sequence = 0;
function marker(fields: Partial<Marker> & { timestamp: number }): Marker {
  sequence++;
  return {
    id: `m${sequence}`,
    label: 'a "label", with\nlines',
    kind: 'event',
    frame: null,
    endFrame: null,
    end: null,
    open: false,
    data: null,
    sequence,
    ...fields,
  };
}

/** What a store in memory would answer. */
const timelineOf = (markers: readonly Marker[]) => ({
  recentMarkers: (start: number, end: number) =>
    markers.filter((each) => each.timestamp <= end && (each.open || (each.end ?? each.timestamp) >= start)),
});

function run(packets: readonly Packet[], markers: readonly Marker[], before: (packet: Packet) => void = () => {}) {
  const parts: PartData[] = [];
  const segments: SegmentData[] = [];
  const timeline = timelineOf(markers);
  const segmenter = new Segmenter(
    {
      onSegment: (segment) => void segments.push(segment),
      onPart: (_segment, part) => void parts.push(part),
      onClosed: () => {},
      messages: (frames, end) => markerMessages(timeline, frames, end),
    },
    0,
    -1,
  );
  for (const packet of packets) {
    before(packet);
    segmenter.push(packet);
  }
  segmenter.finish();
  return { parts, segments };
}

const wholeOf = (segment: SegmentData) => Buffer.concat(segment.parts.map((part) => part.bytes));

describe('markers in the media', () => {
  it('stand in front of the part that holds their frame, at its media time, each once', () => {
    const packets = makePackets(IRREGULAR);
    const asked = packets.filter((_, i) => i % 3 === 1);
    const markers = asked.map((packet) => marker({ timestamp: packet.timestamp, frame: packet.id }));
    const { parts, segments } = run(packets, markers);
    const found = parts.flatMap((part) => {
      const inside = readIdentities(part.bytes);
      return readMarkerEmsgs(part.bytes).map((event) => ({ event, own: inside.find((sample) => sample.pts === event.pts) }));
    });
    expect(found.map(({ event }) => event.pts)).toEqual(asked.map((packet) => packet.pts));
    for (const [i, { event, own }] of found.entries()) {
      expect(own!.identity.id).toBe(asked[i]!.id);
      expect(JSON.parse(event.json)).toEqual(markers[i]);
      expect(event).toMatchObject({ kind: 'event', sequence: markers[i]!.sequence });
      expect(event.duration).toBe(own!.duration);
    }
    // The index of frames knows where the fragments went.
    for (const segment of segments) {
      const inside = readIdentities(wholeOf(segment));
      expect(segment.frames.map((row) => row.offset)).toEqual(inside.map((sample) => sample.offset - 108));
      expect(segment.bytes).toBe(wholeOf(segment).length);
    }
    for (const [i, part] of segments.flatMap((segment) => segment.parts).entries()) expect(part).toBe(parts[i]);
  });

  it('that come after their part was made change nothing in it', () => {
    const packets = makePackets(IRREGULAR);
    const markers: Marker[] = [];
    const late = run(packets, markers, (packet) => {
      if (packet.id === 100) markers.push(marker({ timestamp: packets[10]!.timestamp, frame: packets[10]!.id }));
    });
    const never = run(packets, []);
    expect(late.parts.map((part) => Buffer.from(part.bytes))).toEqual(never.parts.map((part) => Buffer.from(part.bytes)));
  });

  it('without a frame go by their time, spans with their length, open ones without', () => {
    const packets = makePackets(IRREGULAR);
    const at = packets[40]!.timestamp + 1000;
    const markers = [
      marker({ timestamp: at }),
      marker({ timestamp: at, end: at + 1_000_000 }),
      marker({ timestamp: at, open: true }),
      marker({ timestamp: packets[0]!.timestamp - 5_000_000, open: true }), // began before anything here
    ];
    const events = run(packets, markers).parts.flatMap((part) => readMarkerEmsgs(part.bytes));
    expect(events.map((event) => event.pts)).toEqual([40, 40, 40].map((i) => packets[i]!.pts));
    const length = packets[41]!.pts - packets[40]!.pts;
    expect(events.map((event) => event.duration)).toEqual([length, 90_090, null]);
  });

  it('that were set for a frame to come go with it, although their time was a guess', () => {
    const packets = makePackets(IRREGULAR);
    const markers = [marker({ timestamp: packets[30]!.timestamp, frame: packets[90]!.id })];
    const events = run(packets, markers).parts.flatMap((part) => readMarkerEmsgs(part.bytes));
    expect(events.map((event) => event.pts)).toEqual([packets[90]!.pts]);
  });

  it('go with the first showing of a frame, not with its repeats, also when it came late', () => {
    const track = makeTrack();
    const step = 18_000;
    const first = makePacket(track, 1, START_US, { key: true });
    const repeats = [1, 2, 3].map((n) => makePacket(track, 1, START_US, { repeat: true, pts: first.pts + n * step }));
    // Captured before its repeat, arrived after it: one tick later.
    const late = makePacket(track, 2, START_US + 599_000, { pts: first.pts + 3 * step + 1 });
    const next = makePacket(track, 3, START_US + 700_000);
    const markers = [marker({ timestamp: START_US, frame: 1 }), marker({ timestamp: START_US + 599_000, frame: 2 })];
    const events = run([first, ...repeats, late, next], markers).parts.flatMap((part) => readMarkerEmsgs(part.bytes));
    expect(events.map((event) => event.pts)).toEqual([first.pts, late.pts]);
  });

  it('of great number or size do not swell a part without limit', () => {
    const packets = makePackets(IRREGULAR.slice(0, 30));
    const { timestamp, id } = packets[3]!;
    const huge = marker({ timestamp, frame: id, data: 'x'.repeat(100_000) });
    const many = Array.from({ length: 500 }, () => marker({ timestamp, frame: id }));
    const events = run(packets, [huge, ...many]).parts.flatMap((part) => readMarkerEmsgs(part.bytes));
    expect(events).toHaveLength(100);
    expect(JSON.parse(events[0]!.json)).toEqual({ ...huge, data: null });
  });
});
