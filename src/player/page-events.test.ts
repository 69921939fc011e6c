import { describe, expect, test } from 'vitest';
import type { EventListeners } from '../api/client.ts';
import type { ClientEvent, ServerEvent } from '../api/schema.ts';
import { type Link, type Missed, PageEvents, retryDelay } from './page-events.ts';

/** Subscriptions of one turn are told together. */
const turn = () => new Promise<void>((resolve) => queueMicrotask(resolve));

/** A server and a clock in the hands of the test. */
class World {
  now = 1_000_000;
  readonly links: Link[] = [];
  readonly sockets: { listeners: EventListeners; sent: ClientEvent[]; closed: boolean }[] = [];
  readonly timers: { at: number; run: () => void }[] = [];
  readonly events = new PageEvents({
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
    now: () => this.now,
    origin: 0,
    random: () => 1,
    after: (ms, run) => {
      const timer = { at: this.now + ms, run };
      this.timers.push(timer);
      return () => void this.timers.splice(this.timers.indexOf(timer), this.timers.includes(timer) ? 1 : 0);
    },
  });

  constructor() {
    this.events.on('link', (link) => this.links.push(link));
  }

  /** A subscription to states, as most tests need one to have a connection at all. */
  async start(): Promise<() => void> {
    const stop = this.events.subscribe({ types: ['state'] }, () => {});
    await turn();
    return stop;
  }

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

  /** The connection is lost, and there again with the first try. */
  reconnect(): void {
    this.drop();
    this.pass(500);
    this.open();
  }

  answer(): void {
    this.socket.listeners.onEvent({ type: 'pong', t: this.now, now: this.now * 1000 });
  }
}

test('a subscriber is told once that its events have begun to flow: by the pong behind its subscription', async () => {
  const world = new World();
  let flowing = 0;
  world.events.subscribe({ types: ['marker'], onMissed: () => flowing++ }, () => {});
  await turn();
  world.socket.listeners.onOpen?.();
  const last = world.socket.sent.findIndex(({ type }) => type === 'subscribe');
  const [ping] = world.socket.sent.slice(last + 1).filter((message) => message.type === 'ping');
  expect(flowing).toBe(0);
  const pong = (t: number) => world.socket.listeners.onEvent({ type: 'pong', t, now: 0 as never });
  // An older one says nothing about it.
  pong(ping!.t - 1);
  expect(flowing).toBe(0);
  pong(ping!.t);
  pong(ping!.t + 1000);
  expect(flowing).toBe(1);
  // Another one that comes while the connection is open, for what the server sends already.
  let second = 0;
  world.now += 50;
  world.events.subscribe({ types: ['marker'], onMissed: () => second++ }, () => {});
  await turn();
  const again = world.socket.sent.at(-1)!;
  expect(again.type).toBe('ping');
  if (again.type === 'ping') pong(again.t);
  expect([flowing, second]).toEqual([1, 1]);
});

describe('retryDelay', () => {
  test('doubles from half a second to 15 s, upper half by chance', () => {
    expect([0, 1, 2, 3, 4, 5, 9].map((attempt) => retryDelay(attempt, 1))).toEqual([500, 1000, 2000, 4000, 8000, 15_000, 15_000]);
    expect(retryDelay(3, 0)).toBe(2000);
    expect(retryDelay(400, 1)).toBe(15_000);
  });
});

const marker = {
  id: 'm',
  label: 'spike',
  kind: 'event',
  frame: 7,
  timestamp: 1,
  endFrame: null,
  end: null,
  open: false,
  data: null,
  sequence: 1,
};

describe('PageEvents', () => {
  test('opens with the first subscription and tells the server what all want together, again after each opening', async () => {
    const world = new World();
    world.events.thumbnails(['cam'], 480, 8);
    await turn();
    expect(world.sockets).toHaveLength(0);
    world.events.subscribe({ types: ['state', 'stats'], streams: ['cam'] }, () => {});
    world.events.subscribe({ types: ['marker'], streams: ['scope'] }, () => {});
    await turn();
    expect(world.socket.sent).toEqual([]);
    const wanted = [
      { type: 'subscribe', types: ['marker', 'state', 'stats'], streams: ['cam', 'scope'] },
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
  });

  test('each subscription gets its types of its streams, until it is disposed', async () => {
    const world = new World();
    const got: string[] = [];
    const note = (who: string) => (event: { type: string; stream: string }) => void got.push(`${who} ${event.type} ${event.stream}`);
    const stopAll = world.events.subscribe({ types: ['state'] }, note('all'));
    world.events.subscribe({ types: ['marker', 'state'], streams: ['cam'] }, note('cam'));
    await turn();
    world.open();
    const say = (event: ServerEvent) => world.socket.listeners.onEvent(event);
    say({ type: 'state', stream: 'cam', info: null });
    say({ type: 'state', stream: 'other', info: null });
    say({ type: 'marker', stream: 'cam', action: 'set', marker });
    say({ type: 'marker', stream: 'other', action: 'set', marker });
    expect(got).toEqual(['all state cam', 'cam state cam', 'all state other', 'cam marker cam']);
    stopAll();
    await turn();
    expect(world.socket.sent.at(-1)).toEqual({ type: 'subscribe', types: ['marker', 'state'], streams: ['cam'] });
    say({ type: 'state', stream: 'other', info: null });
    expect(got).toHaveLength(4);
  });

  test('a newcomer is told the states although nothing else changes', async () => {
    const world = new World();
    await world.start();
    world.open();
    world.socket.sent.length = 0;
    await world.start();
    expect(world.socket.sent).toEqual([{ type: 'subscribe', types: ['state'] }]);
  });

  test('says what was missed: after a lost connection, and when the server skipped something', async () => {
    const world = new World();
    const missed: Missed[] = [];
    const stop = world.events.subscribe({ types: ['marker'], streams: ['cam'], onMissed: (what) => void missed.push(what) }, () => {});
    await turn();
    world.open();
    expect(missed).toEqual([]);
    world.answer();
    expect(missed.splice(0)).toEqual([{ reason: 'they had not begun', from: null, to: null }]);
    world.reconnect();
    // Not before the server has confirmed: what is asked for now could be answered before events flow.
    expect(missed).toEqual([]);
    world.answer();
    world.answer();
    expect(missed).toEqual([{ reason: 'the connection was lost', from: null, to: null }]);
    const skipped = { type: 'skipped' as const, stream: 'cam', types: ['metric'], from: 1, to: 2, count: 3, reason: 'too slow' };
    world.socket.listeners.onEvent(skipped);
    world.socket.listeners.onEvent({ ...skipped, types: ['metric', 'marker'] });
    world.socket.listeners.onEvent({ ...skipped, types: ['marker'], stream: 'other' });
    expect(missed.slice(1)).toEqual([{ reason: 'too slow', from: 1, to: 2 }]);
    stop();
    world.drop();
    world.pass(1000);
    world.open();
    world.answer();
    expect(missed).toHaveLength(2);
  });

  test('a connection that is lost before the server has confirmed is told once, when it is there again', async () => {
    const world = new World();
    const missed: string[] = [];
    world.events.subscribe({ types: ['marker'], onMissed: ({ reason }) => void missed.push(reason) }, () => {});
    await turn();
    world.open();
    world.reconnect();
    expect(missed).toEqual([]);
    world.answer();
    world.answer();
    expect(missed).toEqual(['they had not begun']);
  });

  test('a hidden page gets no metrics and is told so when it is seen again; markers go on', async () => {
    const world = new World();
    const missed: string[] = [];
    world.events.subscribe({ types: ['metric'], streams: ['cam'], onMissed: ({ reason }) => void missed.push(reason) }, () => {});
    world.events.subscribe({ types: ['marker'], streams: ['cam'], onMissed: () => void missed.push('marker') }, () => {});
    await turn();
    world.open();
    world.answer();
    expect(missed.splice(0)).toEqual(['they had not begun', 'marker']);
    const types = () => world.socket.sent.findLast((message) => message.type === 'subscribe')?.types;
    world.events.setHidden(true);
    world.pass(2000);
    await turn();
    expect(types()).toEqual(['marker', 'metric']);
    world.pass(1000);
    await turn();
    expect(types()).toEqual(['marker']);
    world.events.setHidden(false);
    await turn();
    expect(types()).toEqual(['marker', 'metric']);
    expect(missed).toEqual([]);
    world.answer();
    expect(missed).toEqual(['the page was hidden']);
  });

  test('an answer to a ping from the hidden time says nothing of what is sent only to those who look', async () => {
    const world = new World();
    const missed: string[] = [];
    world.events.setHidden(true);
    world.pass(3000);
    world.events.subscribe({ types: ['metric'], streams: ['cam'], onMissed: ({ reason }) => void missed.push(reason) }, () => {});
    await turn();
    world.open();
    const pong = { type: 'pong' as const, t: world.now, now: 1 };
    world.now += 5;
    world.events.setHidden(false);
    await turn();
    world.socket.listeners.onEvent(pong);
    expect(missed).toEqual([]);
    world.answer();
    expect(missed).toHaveLength(1);
  });

  test('ends the connection when nobody needs it for a while', async () => {
    const world = new World();
    const stop = await world.start();
    world.open();
    stop();
    await turn();
    world.pass(1000);
    const again = await world.start();
    world.pass(5000);
    expect(world.socket.closed).toBe(false);
    again();
    await turn();
    world.pass(2000);
    expect(world.socket.closed).toBe(true);
    expect(world.timers).toHaveLength(0);
    await world.start();
    expect(world.sockets).toHaveLength(2);
  });

  test('sends the same thumbnails once', async () => {
    const world = new World();
    await world.start();
    world.open();
    world.socket.sent.length = 0;
    world.events.thumbnails(['a', 'b'], 320, 8);
    world.events.thumbnails(['a', 'b'], 320, 8);
    world.events.thumbnails([], 320, 8);
    expect(world.socket.sent.map((message) => message.type === 'thumbnails' && message.streams)).toEqual([['a', 'b'], []]);
  });

  test('waits longer after each failure, and says since when the server is away', async () => {
    const world = new World();
    await world.start();
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
  });

  test('begins with the short delay again after a connection that held, not after one that fell at once', async () => {
    const world = new World();
    await world.start();
    world.open();
    world.reconnect();
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
  });

  test('gives up a socket that does not open, and one that has gone silent', async () => {
    const world = new World();
    await world.start();
    world.pass(10_000);
    expect(world.sockets[0]?.closed).toBe(true);
    expect(world.link.state).toBe('away');
    world.pass(500);
    world.open();
    world.answer();
    world.pass(10_000);
    world.answer();
    expect(world.link.state).toBe('open');
    world.pass(20_400);
    expect(world.sockets[1]?.closed).toBe(true);
    expect(world.link.state).toBe('away');
  });

  test('a page whose timers were slowed down keeps a connection that answers', async () => {
    const world = new World();
    await world.start();
    world.open();
    world.pass(1000);
    for (let n = 0; n < 5; n++) {
      world.answer();
      const [ping] = world.timers;
      world.now += 60_000;
      world.timers.length = 0;
      ping?.run();
    }
    expect(world.link.state).toBe('open');
  });

  test('tries again at once when asked to, and not twice', async () => {
    const world = new World();
    await world.start();
    world.drop();
    world.events.retryNow();
    expect(world.sockets).toHaveLength(2);
    world.events.retryNow();
    world.pass(9000);
    expect(world.sockets).toHaveLength(2);
  });

  test('late news of an old socket changes nothing', async () => {
    const world = new World();
    await world.start();
    world.reconnect();
    const count = world.links.length;
    world.sockets[0]?.listeners.onClose?.(1006, '');
    world.sockets[0]?.listeners.onOpen?.();
    expect(world.links).toHaveLength(count);
  });

  test('knows the clock of the server from its pongs', async () => {
    const world = new World();
    await world.start();
    world.open();
    expect(world.events.clock.known).toBe(false);
    world.answer();
    expect(world.events.clock.now(world.now)).toBe(world.now * 1000);
  });
});
