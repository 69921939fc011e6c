// Capture time and id of the frame, burnt in.
import { z } from 'zod';
import { defineProcessor } from '../define.ts';
import { burnText, dateAndTime } from './burn-text.ts';
import { lettering } from './params.ts';

export const processor = defineProcessor({
  name: 'timecode',
  params: z.strictObject({
    show: z
      .enum(['time', 'date-time', 'id', 'all'])
      .default('all')
      .describe('capture time in UTC to the millisecond, the id of the frame, or all of it')
      .meta({ title: 'Show' }),
    ...lettering('bottom-left'),
  }),
  video(frame, { params }) {
    const { date, time } = dateAndTime(frame.timestamp);
    const id = `#${frame.id}`;
    burnText(frame, { time, 'date-time': `${date} ${time}`, id, all: `${date} ${time} ${id}` }[params.show], params);
    return frame;
  },
});
