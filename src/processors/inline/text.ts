// Text over the picture, in its pixels: every viewer, recording and snapshot has it.
import { z } from 'zod';
import { defineProcessor } from '../define.ts';
import { burnText, fillTemplate } from './burn-text.ts';
import { lettering } from './params.ts';

export const processor = defineProcessor({
  name: 'text',
  params: z.strictObject({
    text: z
      .string()
      .max(1000)
      .default('{stream} {id}')
      .describe('{id}, {date}, {time} (UTC), {stream}, {width}, {height}, {format} and keys of the metadata are filled in')
      .meta({ title: 'Text' }),
    ...lettering('top-left'),
  }),
  video(frame, { params, stream }) {
    const text = fillTemplate(params.text, frame, stream);
    if (text.trim() === '') return null;
    burnText(frame, text, params);
    return frame;
  },
});
