// Players of one page that look at the same place: they share zoom, pan and cursor, a pause and its moment, and if asked their levels. Pure.
import type { LookSettings } from './deep-canvas.ts';
import type { Placement } from './zoom.ts';

/** A place in the picture: 0 to 1 from its left and top edge. */
export interface CursorPlace {
  readonly x: number;
  readonly y: number;
}

/** What a player does when another one of its group has changed. */
export interface LinkMember {
  place(relative: Placement): void;
  cursor(place: CursorPlace | null): void;
  /** Shows the frame of this capture time (µs), paused; `null`: goes on live. */
  moment(timestamp: number | null): void;
  /** Only members that share levels. */
  look?(look: LookSettings): void;
}

const groups = new Map<string, Set<Link>>();

/** Membership in the group of a name; who joins takes over how the others lie. */
export class Link {
  readonly #name: string;
  readonly #member: LinkMember;
  #place: Placement | null = null;
  #look: LookSettings | null = null;

  constructor(name: string, member: LinkMember) {
    this.#name = name;
    this.#member = member;
    const members = groups.get(name) ?? new Set();
    groups.set(name, members);
    for (const { place, look } of members) {
      this.#place ??= place;
      if (member.look) this.#look ??= look;
    }
    members.add(this);
    if (this.#place) member.place(this.#place);
    if (this.#look) member.look?.(this.#look);
  }

  get place(): Placement | null {
    return this.#place;
  }

  get look(): LookSettings | null {
    return this.#look;
  }

  leave(): void {
    const members = groups.get(this.#name);
    members?.delete(this);
    if (members?.size === 0) groups.delete(this.#name);
  }

  tellPlace(place: Placement): void {
    this.#place = place;
    this.#others((other) => {
      other.#place = place;
      other.#member.place(place);
    });
  }

  tellLook(look: LookSettings): void {
    if (!this.#member.look) return;
    this.#look = look;
    this.#others((other) => {
      if (!other.#member.look) return;
      other.#look = look;
      other.#member.look(look);
    });
  }

  tellCursor(cursor: CursorPlace | null): void {
    this.#others((other) => other.#member.cursor(cursor));
  }

  tellMoment(timestamp: number | null): void {
    this.#others((other) => other.#member.moment(timestamp));
  }

  #others(tell: (other: Link) => void): void {
    for (const other of [...(groups.get(this.#name) ?? [])]) if (other !== this) tell(other);
  }
}

/** Reads the attribute `link`: the name of the group, then `levels` if they are shared too. Empty: no group. */
export function readLink(text: string | null): { name: string; levels: boolean } | null {
  const [name, ...words] = (text ?? '').trim().split(/\s+/);
  return name ? { name, levels: words.includes('levels') } : null;
}
