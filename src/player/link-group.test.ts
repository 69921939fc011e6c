import { expect, test } from 'vitest';
import { PLAIN_LOOK } from './deep-canvas.ts';
import { Link, type LinkMember, readLink } from './link-group.ts';

function member(levels: boolean) {
  const told: unknown[] = [];
  const note = (what: string) => (value: unknown) => void told.push([what, value]);
  const self: LinkMember = {
    place: note('place'),
    cursor: note('cursor'),
    moment: note('moment'),
    ...(levels && { look: note('look') }),
  };
  return { self, told };
}

test('what one does the others do, levels only where they are shared; who comes later takes over, who has left is left alone', () => {
  const [a, b, c, late] = [member(true), member(true), member(false), member(true)];
  const [ofA, ofB, ofC] = [new Link('pair', a.self), new Link('pair', b.self), new Link('pair', c.self)];
  const elsewhere = member(true);
  const alone = new Link('other', elsewhere.self);
  const place = { scale: 2, x: -0.5, y: 0 };
  ofA.tellPlace(place);
  ofB.tellLook({ ...PLAIN_LOOK, gamma: 2 });
  ofC.tellCursor({ x: 0.5, y: 0.25 });
  ofC.tellLook({ ...PLAIN_LOOK, gamma: 3 });
  ofC.leave();
  ofA.tellMoment(7);
  expect(a.told).toEqual([
    ['look', { ...PLAIN_LOOK, gamma: 2 }],
    ['cursor', { x: 0.5, y: 0.25 }],
  ]);
  expect(b.told).toEqual([
    ['place', place],
    ['cursor', { x: 0.5, y: 0.25 }],
    ['moment', 7],
  ]);
  expect(c.told).toEqual([['place', place]]);
  const ofLate = new Link('pair', late.self);
  expect(late.told).toEqual([
    ['place', place],
    ['look', { ...PLAIN_LOOK, gamma: 2 }],
  ]);
  expect(elsewhere.told).toEqual([]);
  for (const link of [ofA, ofB, ofLate, alone]) link.leave();
  const fresh = member(true);
  new Link('pair', fresh.self).leave();
  expect(fresh.told).toEqual([]);
});

test('the attribute names the group and what else is shared', () => {
  expect(readLink(null)).toBe(null);
  expect(readLink('  ')).toBe(null);
  expect(readLink('pair')).toEqual({ name: 'pair', levels: false });
  expect(readLink(' pair levels')).toEqual({ name: 'pair', levels: true });
});
