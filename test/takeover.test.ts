// A pushing program that hangs is replaced by the next one at once; ids go on and none comes twice.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { PNG } from 'pngjs';
import { expect, test } from 'vitest';
import { ownTime } from './own-time.ts';
import { testServer } from './server.ts';

const program = fileURLToPath(new URL('programs/push-forever.ts', import.meta.url));

interface Pusher extends AsyncDisposable {
  readonly child: ChildProcess;
  readonly messages: { type: string; id?: number }[];
  acked(count: number): Promise<void>;
}

function startPusher(server: string, level: number): Pusher {
  const child = spawn(process.execPath, [program, server, 'scope', String(level)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const messages: { type: string; id?: number }[] = [];
  const lines = createInterface({ input: child.stdout! });
  lines.on('line', (line) => messages.push(JSON.parse(line)));
  const exited = once(child, 'exit');
  return {
    child,
    messages,
    acked: async (count) => {
      const enough = () => messages.filter(({ type }) => type === 'ack').length >= count;
      while (!enough()) await once(lines, 'line');
    },
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

test('a stopped program is replaced within a second', async () => {
  await using server = await testServer({});
  await using first = startPusher(server.url, 50);
  await first.acked(5);
  first.child.kill('SIGSTOP');
  await using second = startPusher(server.url, 200);
  await second.acked(1);
  using time = ownTime();
  const { data } = PNG.sync.read(Buffer.from(await (await server.fetch('live/scope/snapshot.png')).arrayBuffer()));
  expect(data[0]).toBe(200);
  expect(time.ms()).toBeLessThan(1000);
  await second.acked(10);
  first.child.kill('SIGCONT');
  const [code] = (await once(first.child, 'exit')) as [number];
  expect(code).toBe(0);
  expect(first.messages.some(({ type }) => type === 'replaced')).toBe(true);
  const ids = [...first.messages, ...second.messages].flatMap(({ type, id }) => (type === 'ack' ? [id!] : []));
  expect(new Set(ids).size).toBe(ids.length);
});

test('exclusive=1 is refused while another program publishes', async () => {
  await using server = await testServer({});
  await using first = startPusher(server.url, 50);
  await first.acked(1);
  const refused = await server.fetch('api/streams/scope/frames?width=2&height=2&format=gray&exclusive=1', {
    method: 'POST',
    body: new Uint8Array(4),
  });
  expect(refused.status).toBe(409);
  expect(await refused.json()).toMatchObject({ code: 'publisher-busy' });
  await first.acked(3);
});
