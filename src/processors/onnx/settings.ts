// Settings of models: what picture they want and what their answers mean.
import { z } from 'zod';

const side = z.number().int().min(1).max(16_384);
const perChannel = z.array(z.number()).min(1).max(3);

/** How a picture becomes the input of a model. */
export const PreSettings = z.strictObject({
  size: z.tuple([side, side]).optional().describe('width and height of the input; default: what the model says, else those of the picture'),
  channels: z.enum(['rgb', 'bgr', 'gray']).optional().describe('default: gray for models with one channel, else rgb'),
  layout: z.enum(['nchw', 'nhwc']).optional().describe('order of the axes; default: where the model has its 1 or 3 channels'),
  range: z.number().positive().default(1).describe('value of full scale: 1 or 255'),
  mean: perChannel.optional().describe('taken off each channel, in the unit of `range`'),
  std: perChannel.optional().describe('each channel is divided by it'),
  fit: z
    .enum(['stretch', 'letterbox'])
    .default('stretch')
    .describe('letterbox: keeps the proportions, with gray (114 of 255) round the picture'),
});
export type PreSettings = z.output<typeof PreSettings>;

/** What the answer of a model is. */
export const POSTS = ['boxes', 'classify', 'segment', 'picture', 'values'] as const;
export type PostName = (typeof POSTS)[number];

/** How boxes stand in the answer. */
export const BOX_FORMS = ['auto', 'yolo', 'yolo-objectness', 'corners', 'ssd'] as const;

const share = z.number().min(0).max(1);

/** Settings that take hold between two frames. */
export const LIVE = {
  threshold: share
    .default(0.5)
    .describe('least score of a box or class; least value of a mask')
    .meta({ title: 'Threshold', group: 'Findings', control: 'range', step: 0.01 }),
  nms: share
    .default(0.45)
    .describe('boxes of one class that overlap by more than this share are one')
    .meta({ title: 'Overlap', group: 'Findings', control: 'range', step: 0.01 }),
  limit: z.number().int().min(1).max(1000).default(100).describe('boxes or classes at most').meta({ title: 'Limit', group: 'Findings' }),
  track: z
    .boolean()
    .default(false)
    .describe('number boxes so that the same thing keeps its number')
    .meta({ title: 'Tracks', group: 'Findings', control: 'switch' }),
  opacity: share
    .default(0.5)
    .describe('how strongly masks cover the picture; 0 = not at all')
    .meta({ title: 'Masks', group: 'Findings', control: 'range', step: 0.05 }),
};

/** Settings of the model itself: only in the configuration, since another one is another processor. */
const MODEL = {
  model: z.string().min(1).max(4096).describe('path of the ONNX file; in a configuration file relative to it'),
  pre: PreSettings.prefault({}).describe('how the picture becomes the input'),
  post: z.enum(POSTS).default('boxes').describe('what the output is'),
  labels: z.array(z.string().max(200)).max(10_000).default([]).describe('names of the classes in their order'),
  boxes: z
    .enum(BOX_FORMS)
    .default('auto')
    .describe(
      'yolo: [1, 4 + classes, N], middle and size; yolo-objectness: [1, N, 5 + classes]; corners: [1, N, 6], two corners, score, class; ssd: outputs boxes, scores, labels; auto: by shapes and names',
    ),
  unit: z.enum(['pixels', 'share']).default('pixels').describe('unit of boxes: pixels of the input, or shares of it'),
  activation: z
    .enum(['auto', 'none', 'softmax', 'sigmoid'])
    .default('auto')
    .describe('makes scores of classes and masks; auto: none where they are shares already'),
  threads: z.number().int().min(1).max(64).optional().describe('threads of one run; default: half of the processors'),
  providers: z.array(z.string().min(1).max(40)).min(1).max(8).default(['cpu']).describe('of ONNX Runtime: cpu, cuda, coreml, dml'),
};

const fixed = Object.fromEntries(Object.entries(MODEL).map(([key, schema]) => [key, schema.meta({ readOnly: true })])) as typeof MODEL;

export const OnnxParams = z.strictObject({ ...fixed, ...LIVE });
export type OnnxParams = z.output<typeof OnnxParams>;
