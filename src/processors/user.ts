// What a user's processor file gets from `import … from 'sluice'`: small, so that its thread starts fast.
import { createRequire } from 'node:module';

export { SluiceError } from '../core/errors.ts';
export * from './define.ts';
export type { FoundBox } from './onnx/boxes.ts';
export type { OnnxAnswer, OnnxOptions } from './onnx/onnx.ts';

// Most processors run no model: what belongs to models is read when it is used.
const extension = import.meta.url.slice(import.meta.url.lastIndexOf('.'));
const read = createRequire(import.meta.url);
const models = () => read(`./onnx/onnx${extension}`) as typeof import('./onnx/onnx.ts');

export const onnx: typeof import('./onnx/onnx.ts').onnx = (options) => models().onnx(options);
export const boxesOf: typeof import('./onnx/onnx.ts').boxesOf = (...args) => models().boxesOf(...args);
