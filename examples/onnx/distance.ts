// The same model from code, with a meaning of its own: how far the two squares are apart, as a metric, and a marker when they meet.
// (In a project of your own the import is from 'sluice'.)
import { boxesOf, type FoundBox, onnx } from '../../src/processors/user.ts';
import { LABELS } from './make-model.ts';

const labels = [...LABELS];
const NEAR = 150;
let near = false;

const middle = ({ x, y, w, h }: FoundBox) => ({ x: x + w / 2, y: y + h / 2 });

export default onnx({
  name: 'distance',
  model: new URL('./squares.onnx', import.meta.url),
  labels,
  post: (outputs, { place, context }) => {
    const { threshold, nms, limit } = context.params;
    const found = boxesOf(outputs, { labels, boxes: 'yolo', unit: 'pixels', threshold, nms, limit }, place);
    const [red, blue] = labels.map((label) => found.find((box) => box.label === label));
    if (!red || !blue) {
      context.metric({ distance: null });
      return null;
    }
    const [a, b] = [middle(red), middle(blue)];
    const distance = Math.hypot(a.x - b.x, a.y - b.y);
    context.metric({ distance });
    if (distance < NEAR && !near) context.marker({ label: 'the squares meet', kind: 'meeting' });
    near = distance < NEAR;
    return null;
  },
});
