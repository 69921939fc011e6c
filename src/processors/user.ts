// What a user's processor file gets from `import … from 'sluice'`: small, so that its thread starts fast.
export { SluiceError } from '../core/errors.ts';
export * from './define.ts';
