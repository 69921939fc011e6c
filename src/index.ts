// Sluice as a library: `import { createServer } from 'sluice'`.

export type { AudioFrame } from './core/audio.ts';
export { SluiceError } from './core/errors.ts';
export {
  type CallbackContext,
  defineSource,
  type FrameOptions,
  frame,
  type NodeContext,
  type NodeItem,
  type NodePart,
  type NodeSource,
} from './nodes/node.ts';
export type { NodeStats } from './nodes/node-run.ts';
export type { NodeRunner } from './nodes/runner.ts';
export {
  audioHandler,
  modelLoader,
  onStreamStart,
  onStreamStop,
  paramUpdater,
  type StreamContext,
  type StreamHandlers,
  videoHandler,
} from './processor-server/handlers.ts';
export type { InputFrame } from './processor-server/input-frame.ts';
export type { StreamProcessorOptions } from './processor-server/options.ts';
export type { StreamProcessorServer } from './processor-server/processor-server.ts';
export type { CustomRoute, Middleware } from './processor-server/routes.ts';
export { runStreamProcessor } from './processor-server/run.ts';
export type { Picture, ProcessorContext, ProcessorDefinition, VideoFrame } from './processors/define.ts';
export { defineProcessor, WITHHOLD } from './processors/define.ts';
export { boxesOf, type FoundBox } from './processors/onnx/boxes.ts';
export { type OnnxAnswer, type OnnxOptions, onnx } from './processors/onnx/onnx.ts';
export { defineConfig } from './server/config.ts';
export { createServer, type FrameInput, fromStream, type LibraryServer, type LibraryStream, runNodes } from './server/library.ts';
export type { NodeOptions, RunNodesOptions } from './server/nodes.ts';
export { JsonPublisher, JsonSubscriber } from './trickle/json.ts';
export { LocalPublisher } from './trickle/local-publisher.ts';
export { LocalSubscriber } from './trickle/local-subscriber.ts';
export { TricklePublisher } from './trickle/publisher.ts';
export type { ChannelEnd, ChannelFigures, ChannelPublisher, ChannelSubscriber, SegmentReader, SegmentWriter } from './trickle/segments.ts';
export { TrickleServer } from './trickle/server.ts';
export { TrickleSubscriber } from './trickle/subscriber.ts';
