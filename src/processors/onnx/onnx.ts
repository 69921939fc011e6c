// Models at work: `use: 'onnx'` in a configuration, `onnx({ … })` in code. The picture is prepared and the answer is read here; the model runs
// in a process of its own (`native/onnx.ts`).
import { availableParallelism } from 'node:os';
import { basename, dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { SluiceError } from '../../core/errors.ts';
import { OnnxModel, type Tensor, type TensorInfo } from '../../native/onnx.ts';
import type { LoadContext, ProcessorContext, ProcessorDefinition, VideoFrame, VideoResult } from '../define.ts';
import { classesOf, firstOf, maskOf, paintMask, pictureOf } from './answers.ts';
import { boxesOf, numbersOf, type Outputs } from './boxes.ts';

export { boxesOf };

import { PictureInput, type Placement, placementOf } from './pre.ts';
import { LIVE, OnnxParams, type PostName, type PreSettings } from './settings.ts';
import { Tracker } from './tracker.ts';

/** Metrics that one frame may have of classes. */
const CLASS_METRICS = 32;
const VALUES = 1024;

/** What a `post` function gets beside the outputs. */
export interface OnnxAnswer<Params = unknown> {
  readonly frame: VideoFrame;
  readonly context: ProcessorContext<Params, OnnxState>;
  /** Where the picture lies in the input, if `pre` is not a function of your own. */
  readonly place: Placement;
}

export interface OnnxOptions<Schema extends z.ZodObject = z.ZodObject>
  extends Partial<Omit<z.input<typeof OnnxParams>, 'model' | 'pre' | 'post'>> {
  readonly name?: string;
  /** Path of the ONNX file (relative: to the working directory) or its address: `new URL('./blob.onnx', import.meta.url)`. */
  readonly model: string | URL;
  /** Settings, or a function that makes all inputs of the model by name. */
  readonly pre?: z.input<typeof PreSettings> | ((frame: VideoFrame, inputs: readonly TensorInfo[]) => Inputs | Promise<Inputs>);
  /** What the output is, or a function that makes of it whatever a processor may give. */
  readonly post?: PostName | ((outputs: Outputs, answer: OnnxAnswer<z.output<Schema> & LiveParams>) => VideoResult | Promise<VideoResult>);
  /** Settings of your own beside `threshold`, `nms`, `limit`, `track`, `opacity`. */
  readonly params?: Schema;
}

type Inputs = Readonly<Record<string, Tensor>>;
type LiveParams = z.output<typeof LiveObject>;
const LiveObject = z.strictObject(LIVE);

/** A model at work. */
export class OnnxState {
  readonly model: OnnxModel;
  readonly input: PictureInput | null;
  readonly tracker = new Tracker();
  /** The last frame with a record of boxes had some. */
  boxes = false;

  constructor(model: OnnxModel, input: PictureInput | null) {
    this.model = model;
    this.input = input;
  }
}

/** What does not change while the model is loaded, and what takes its place where code does it. */
interface Plan {
  readonly settings: OnnxParams;
  readonly pre?: Extract<OnnxOptions['pre'], (...args: never[]) => unknown>;
  // biome-ignore lint/suspicious/noExplicitAny: the function knows its own params
  readonly post?: (outputs: Outputs, answer: OnnxAnswer<any>) => VideoResult | Promise<VideoResult>;
}

/** A processor that runs an ONNX model on each picture. */
export function onnx<Schema extends z.ZodObject = z.ZodObject<Record<never, never>>>(
  options: OnnxOptions<Schema>,
): ProcessorDefinition<z.ZodObject, OnnxState> {
  const { name, model, pre, post, params, ...rest } = options;
  const file = model instanceof URL ? fileURLToPath(model) : resolve(model);
  const settings = OnnxParams.parse({
    ...rest,
    model: file,
    ...(typeof pre === 'object' && { pre }),
    ...(typeof post === 'string' && { post }),
  });
  // What the code says are the defaults of the form.
  const live = Object.fromEntries(
    Object.entries<z.ZodType>(LIVE).map(([key, schema]) => [
      key,
      schema.default(settings[key as keyof typeof LIVE]).meta({ ...schema.meta() }),
    ]),
  );
  return define(name ?? basename(file), z.strictObject({ ...live, ...params?.shape }), (values) => ({
    settings: { ...settings, ...(values as LiveParams) },
    ...(typeof pre === 'function' && { pre }),
    ...(typeof post === 'function' && { post }),
  }));
}

/** The built-in: everything is a setting. */
export const processor = define('onnx', OnnxParams, (values) => ({ settings: values as OnnxParams }));

function define(name: string, params: z.ZodObject, planOf: (values: unknown) => Plan): ProcessorDefinition<z.ZodObject, OnnxState> {
  return {
    name,
    params,
    load: (context) => open(planOf(context.params), context),
    unload: ({ model }) => model.close(),
    video: (frame, context) => look(frame, planOf(context.params), context),
  };
}

async function open({ settings, pre }: Plan, { signal, progress }: Pick<LoadContext<unknown>, 'signal' | 'progress'>): Promise<OnnxState> {
  const { model: file, threads = Math.max(1, availableParallelism() >> 1), providers } = settings;
  const title = basename(file);
  const model = await OnnxModel.open({
    file,
    from: [dirname(resolve(file))],
    threads,
    providers,
    signal,
    progress: (message, share) => progress(share ? `Loading ${title}` : message, share),
  });
  try {
    const [first] = model.inputs;
    if (!first) throw new Error('the model has no input');
    const input = pre ? null : new PictureInput(first, settings.pre);
    if (input && model.inputs.length > 1) {
      const names = model.inputs.map(({ name }) => name).join(', ');
      throw new Error(`the model has several inputs (${names}); make them with a pre function in code`);
    }
    progress(`Warming up ${title}`, 0.7);
    // The first runs take longer: memory is laid out, kernels are chosen.
    if (input) {
      const { width, height, channels, layout, type } = input.shapeFor(640, 360);
      const count = channels === 'gray' ? 1 : 3;
      const dims = layout === 'nchw' ? [1, count, height, width] : [1, height, width, count];
      const size = count * height * width;
      const data = type === 'uint8' ? new Uint8Array(size) : new Float32Array(size);
      for (const share of [0.85, 1]) {
        await model.run({ [first.name]: { type, data, dims } }, signal);
        progress(`Warming up ${title}`, share);
      }
    }
    return new OnnxState(model, input);
  } catch (error) {
    await model.close();
    if (error instanceof SluiceError) throw error;
    throw new SluiceError(
      'bad-value',
      `model ${title}: ${error instanceof Error ? error.message : String(error)}`,
      { field: 'model' },
      error,
    );
  }
}

async function look(frame: VideoFrame, plan: Plan, context: ProcessorContext<unknown, OnnxState>): Promise<VideoResult> {
  const { settings, pre, post } = plan;
  const { state } = context;
  const { width, height } = frame;
  const started = performance.now();
  let inputs: Inputs;
  let place = placementOf(width, height, width, height, 'stretch');
  if (pre) inputs = await pre(frame, state.model.inputs);
  else {
    const prepared = state.input!.prepare(frame);
    inputs = { [state.model.inputs[0]?.name ?? '']: prepared.tensor };
    ({ place } = prepared);
  }
  const prepared = performance.now();
  const { outputs } = await state.model.run(inputs, context.signal);
  const ran = performance.now();
  try {
    const result = post ? await post(outputs, { frame, place, context }) : answer(outputs, { frame, place, settings, context, state });
    context.timing({ pre: prepared - started, run: ran - prepared, post: performance.now() - ran });
    return result;
  } catch (error) {
    // The built-in readers say what the answer looks like; the user has to choose another one.
    if (post || error instanceof SluiceError) throw error;
    throw new SluiceError(
      'processor-failed',
      `post ${settings.post}: ${error instanceof Error ? error.message : String(error)}`,
      {},
      error,
    );
  }
}

interface Looked {
  readonly frame: VideoFrame;
  readonly place: Placement;
  readonly settings: OnnxParams;
  readonly context: ProcessorContext<unknown, OnnxState>;
  readonly state: OnnxState;
}

function answer(outputs: Outputs, { frame, place, settings, context, state }: Looked): VideoResult {
  switch (settings.post) {
    case 'boxes': {
      const found = boxesOf(outputs, settings, place);
      const boxes = (settings.track ? state.tracker.next(found, frame.timestamp) : found).map(({ kind: _, x, y, w, h, ...rest }) => ({
        ...rest,
        x: tenth(x),
        y: tenth(y),
        w: tenth(w),
        h: tenth(h),
        score: Math.round(rest.score * 1000) / 1000,
      }));
      // A record without boxes takes those of the frame before off the picture; one is enough.
      if (boxes.length || state.boxes) context.data({ boxes });
      state.boxes = boxes.length > 0;
      return null;
    }
    case 'classify': {
      const { best, all } = classesOf(outputs, settings);
      context.data({ classes: best.map(({ label, score }) => ({ label, score: Math.round(score * 1000) / 1000 })) });
      if (all.length <= CLASS_METRICS) context.metric(Object.fromEntries(all.map(({ label, score }) => [metricName(label), score])));
      return null;
    }
    case 'segment': {
      const mask = maskOf(outputs, settings);
      if (mask.shares.length <= CLASS_METRICS) {
        context.metric(Object.fromEntries(mask.shares.map((share, i) => [metricName(settings.labels[i] ?? String(i)), share])));
      }
      if (!settings.opacity) return null;
      const pixels = Uint8Array.from(frame.rgb());
      paintMask(pixels, frame.width, frame.height, mask, settings.opacity);
      return { pixels, format: 'rgb24', significantBits: 8 };
    }
    case 'picture':
      return { ...pictureOf(outputs, settings.pre.range), format: 'rgb24', significantBits: 8 };
    case 'values': {
      for (const [name, tensor] of Object.entries(outputs)) {
        if (tensor.data.length > VALUES) {
          throw new Error(`output ${name} has ${tensor.data.length} values; expected at most ${VALUES}`);
        }
        const values = Array.from(numbersOf(tensor), (value) => (Number.isFinite(value) ? value : null));
        context.metric({ [metricName(name)]: values.length === 1 ? values[0]! : values });
      }
      firstOf(outputs);
      return null;
    }
  }
}

function tenth(value: number): number {
  return Math.round(value * 10) / 10;
}

/** Letters, digits and `. _ : -` only. */
function metricName(text: string): string {
  return text.replace(/[^A-Za-z0-9._:-]+/g, '-').slice(0, 64) || '-';
}
