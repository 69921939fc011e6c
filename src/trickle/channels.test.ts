import { describe, expect, it } from 'vitest';
import { CHANGES, TrickleChannels } from './channels.ts';

async function feed(channels: TrickleChannels): Promise<unknown[]> {
  const changes = channels.get(CHANGES)!;
  const all: unknown[] = [];
  for (let seq = Math.max(0, changes.latest - 5); seq < changes.latest; seq++) {
    const answer = changes.read(seq);
    if (answer.found) all.push(JSON.parse(Buffer.concat(await Array.fromAsync(answer.view)).toString()));
  }
  return all;
}

describe('the channels of a server', () => {
  it('are made once, found and deleted, and the feed tells it', async () => {
    const channels = new TrickleChannels({ changefeed: true });
    const seen: string[] = [];
    channels.events.on('added', ({ name }) => seen.push(`+${name}`));
    channels.events.on('removed', ({ name }) => seen.push(`-${name}`));
    const cam = channels.open('cam', { contentType: 'video/mp2t' });
    expect(channels.open('cam', { contentType: 'text/plain' })).toBe(cam);
    expect(cam.contentType).toBe('video/mp2t');
    channels.open('mic');
    expect([channels.delete('cam'), channels.delete('cam')]).toEqual([true, false]);
    expect(await feed(channels)).toEqual([{ added: [CHANGES] }, { added: ['cam'] }, { added: ['mic'] }, { removed: ['cam'] }]);
    expect(seen).toEqual(['+cam', '+mic', '-cam']);
  });

  it('are removed when nothing came for a while, but for those of this program', () => {
    let now = 0;
    const channels = new TrickleChannels({ now: () => now, idle: 1000 });
    channels.open('idle');
    channels.open('_kept');
    channels.open('own', { owner: 'the stream own' });
    const input = channels.open('busy').write(0);
    now = 900;
    input.write(new Uint8Array(1));
    now = 1000;
    expect(channels.sweep()).toEqual([]);
    now = 1500;
    expect(channels.sweep()).toEqual(['idle']);
    now = 2000;
    expect(channels.sweep()).toEqual(['busy']);
    expect(channels.stats().map(({ name }) => name)).toEqual(['_kept', 'own']);
  });

  it.each(['', '.', '..', 'a/b', 'a b', 'ü', 'a\n', 'x'.repeat(201), '%41'])('do not take the name %j', (name) => {
    const channels = new TrickleChannels();
    expect(() => channels.open(name)).toThrow('expected 1 to 200 of');
    expect([channels.size, channels.refused]).toEqual([0, 1]);
  });

  it('have limits and owners', () => {
    const channels = new TrickleChannels({ limits: { channels: 2, bytes: 30_000 } });
    channels.open('a', { owner: 'the stream a' });
    const b = channels.open('b');
    expect(() => channels.open('c')).toThrow('there are 2 channels, as many as are allowed');
    expect(() => channels.open('b', { owner: 'the stream b' })).toThrow('is written by others');
    const input = b.write(0);
    expect([input.write(new Uint8Array(20_000)), input.write(new Uint8Array(20_000))]).toEqual(['taken', 'full']);
    channels.close();
    expect([channels.size, channels.held]).toEqual([0, 0]);
    expect(() => channels.open('d')).toThrow('closing');
  });
});
