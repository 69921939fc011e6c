import { describe, expect, test } from 'vitest';
import type { EventListeners } from '../../src/api/client.ts';
import type { ClientEvent } from '../../src/api/schema.ts';
import { Events, type Link, retryDelay } from './events.ts';

/** A server and a clock in the hands of the test. */
class World {
  now = 1_000_000;
  readonly links: Link[] = [];
  readonly sockets: { listeners: EventListeners; sent: ClientEvent[]; closed: boolean }[] = [];
  readonly timers: { at: number; run: () => void }[] = [];
  readonly events = new Events({
    open: (listeners) => {
      const socket = { listeners, sent: [] as ClientEvent[], closed: false };
      this.sockets.push(socket);
      return {
        send: (message) => {
          socket.sent.push(message);
          return true;
        },
        close: () => {
          if (socket.closed) return;
          socket.closed = true;
          listeners.onClose?.(1000, '');
        },
      };
    },
    onLink: (link) => this.links.push(link),
    onEvent: () => {},
    onBinary: () => {},
    now: () => this.now,
    random: () => 1,
    after: (ms, run) => {
      const timer = { at: this.now + ms, run };
      this.timers.push(timer);
      return () => void this.timers.splice(this.timers.indexOf(timer), this.timers.includes(timer) ? 1 : 0);
    },
  });

  get socket() {
    return this.sockets.at(-1)!;
  }

  get link(): Link {
    return this.links.at(-1)!;
  }

  /** Lets time pass, running what is due in order. */
  pass(ms: number): void {
    const end = this.now + ms;
    for (;;) {
      const next = this.timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.timers.splice(this.timers.indexOf(next), 1);
      this.now = next.at;
      next.run();
    }
    this.now = end;
  }

  open(): void {
    this.socket.listeners.onOpen?.();
  }

  drop(): void {
    this.socket.closed = true;
    this.socket.listeners.onClose?.(1006, '');
  }

  answer(): void {
    this.socket.listeners.onEvent({ type: 'pong', t: this.now, now: this.now * 1000 });
  }
}

describe('retryDelay', () => {
  test('doubles from half a second to 15 s, upper half by chance', () => {
    expect([0, 1, 2, 3, 4, 5, 9].map((attempt) => retryDelay(attempt, 1))).toEqual([500, 1000, 2000, 4000, 8000, 15_000, 15_000]);
    expect(retryDelay(3, 0)).toBe(2000);
    expect(retryDelay(400, 1)).toBe(15_000);
  });
});

describe('Events', () => {
  test('says what is wanted after each opening', () => {
    const world = new World();
    world.events.subscribe(['state', 'stats'], ['cam']);
    world.events.thumbnails(['cam'], 480, 8);
    world.events.start();
    expect(world.socket.sent).toEqual([]);
    const wanted = [
      { type: 'subscribe', types: ['state', 'stats'], streams: ['cam'] },
      { type: 'thumbnails', streams: ['cam'], width: 480, fps: 8 },
    ];
    world.open();
    expect(world.socket.sent.slice(0, 2)).toEqual(wanted);
    expect(world.link).toEqual({ state: 'open' });
    world.drop();
    world.pass(500);
    expect(world.sockets).toHaveLength(2);
    world.open();
    expect(world.socket.sent.slice(0, 2)).toEqual(wanted);
    world.events.close();
  });

  test('sends the same thumbnails once', () => {
    const world = new World();
    world.events.start();
    world.open();
    world.socket.sent.length = 0;
    world.events.thumbnails(['a', 'b'], 320, 8);
    world.events.thumbnails(['a', 'b'], 320, 8);
    world.events.thumbnails([], 320, 8);
    expect(world.socket.sent.map((message) => message.type === 'thumbnails' && message.streams)).toEqual([['a', 'b'], []]);
    world.events.close();
  });

  test('waits longer after each failure, and says since when the server is away', () => {
    const world = new World();
    world.events.start();
    const since = world.now;
    const waits: number[] = [];
    for (let n = 0; n < 6; n++) {
      world.drop();
      const { link } = world;
      if (link.state !== 'away') throw new Error(`${link.state} is not away`);
      expect(link.since).toBe(since);
      expect(link.attempt).toBe(n + 1);
      waits.push(link.retryAt - world.now);
      world.pass(link.retryAt - world.now);
      expect(world.sockets).toHaveLength(n + 2);
    }
    expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 15_000]);
    world.events.close();
  });

  test('begins with the short delay again after a connection that held, not after one that fell at once', () => {
    const world = new World();
    world.events.start();
    world.open();
    world.drop();
    world.pass(500);
    world.open();
    world.drop();
    expect(world.link).toMatchObject({ state: 'away', retryAt: world.now + 1000 });
    world.pass(1000);
    world.open();
    for (let n = 0; n < 3; n++) {
      world.answer();
      world.pass(4000);
    }
    world.drop();
    expect(world.link).toMatchObject({ state: 'away', retryAt: world.now + 500, since: world.now });
    world.events.close();
  });

  test('gives up a socket that does not open, and one that has gone silent', () => {
    const world = new World();
    world.events.start();
    world.pass(10_000);
    expect(world.sockets[0]?.closed).toBe(true);
    expect(world.link.state).toBe('away');
    world.pass(500);
    world.open();
    world.answer();
    world.pass(10_000);
    expect(world.link.state).toBe('open');
    world.pass(10_000);
    expect(world.sockets[1]?.closed).toBe(true);
    expect(world.link).toMatchObject({ state: 'away', since: world.now });
    world.events.close();
  });

  test('a page whose timers were slowed down keeps a connection that answers', () => {
    const world = new World();
    world.events.start();
    world.open();
    for (let n = 0; n < 5; n++) {
      world.answer();
      const [ping] = world.timers;
      world.now += 60_000;
      world.timers.length = 0;
      ping?.run();
    }
    expect(world.link.state).toBe('open');
    world.events.close();
  });

  test('tries again at once when asked to, and not twice', () => {
    const world = new World();
    world.events.start();
    world.drop();
    world.events.retryNow();
    expect(world.sockets).toHaveLength(2);
    world.events.retryNow();
    world.pass(9000);
    expect(world.sockets).toHaveLength(2);
    world.events.close();
  });

  test('late news of an old socket changes nothing, and a closed one stays closed', () => {
    const world = new World();
    world.events.start();
    world.drop();
    world.pass(500);
    world.open();
    const count = world.links.length;
    world.sockets[0]?.listeners.onClose?.(1006, '');
    world.sockets[0]?.listeners.onOpen?.();
    expect(world.links).toHaveLength(count);
    world.events.close();
    world.pass(60_000);
    expect(world.sockets).toHaveLength(2);
    expect(world.timers).toHaveLength(0);
  });
});
