// Marks on the timeline when something moves, and boxes round what does.   npx node examples/processors/motion-markers.ts [PORT]
import { createServer, defineProcessor, type LibraryServer } from '../../src/index.ts';

const [columns, rows] = [64, 36];

const motion = defineProcessor({
  name: 'motion',
  load: () => ({ before: null as Float32Array | null, moving: 0 }),
  video(frame, { state, metric, marker, data }) {
    const light = frame.tensor({ channels: 'gray', width: columns, height: rows });
    const { before } = state;
    // A tensor is lent as the frame is: what shall stay is copied.
    state.before = light.slice();
    if (!before) return null;
    let [count, left, right, top, bottom] = [0, columns, 0, rows, 0];
    for (const [i, value] of light.entries()) {
      if (Math.abs(value - before[i]!) < 0.08) continue;
      count++;
      left = Math.min(left, i % columns);
      right = Math.max(right, (i % columns) + 1);
      top = Math.min(top, Math.floor(i / columns));
      bottom = Math.max(bottom, Math.floor(i / columns) + 1);
    }
    const share = count / light.length;
    metric({ motion: share });
    if (count) {
      const [w, h] = [frame.width / columns, frame.height / rows];
      data({ boxes: [{ x: left * w, y: top * h, w: (right - left) * w, h: (bottom - top) * h }] });
    }
    // One marker when it begins: the same id again would change it.
    if (share > 0.01 && state.moving === 0) marker({ label: 'something moves', kind: 'motion' });
    state.moving = share > 0.01 ? 10 : Math.max(0, state.moving - 1);
    // The picture passes as it is.
    return null;
  },
});

export function add(server: LibraryServer) {
  server.stream('watched', { source: { type: 'pattern', kind: 'checkerboard', width: 640, height: 360, fps: 30 }, processors: [motion] });
}

if (import.meta.main) {
  const server = await createServer({ port: Number(process.argv[2] ?? 8000) });
  add(server);
  console.log(`Open ${server.url}`);
}
