// A user's processor of sound: half as loud, and a metric of how loud it was; it throws on one block in fifty.
import { defineProcessor } from '../../src/processors/define.ts';

export default defineProcessor({
  audio: (block, { metric }) => {
    if (block.id % 50 === 0) throw new Error('the fiftieth');
    const planes = block.data.map((plane) => plane.map((value) => value / 2));
    metric({ loudest: Math.max(...planes[0]!) });
    return { data: planes };
  },
});
