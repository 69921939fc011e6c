import { describe, expect, it } from 'vitest';
import { ERRORS, type ErrorCode, SluiceError, toSluiceError } from './errors.ts';

describe('the table of errors', () => {
  it.each(Object.entries(ERRORS))('%s has a status of an error and a sentence', (code, kind) => {
    expect(code).toMatch(/^[a-z]+(-[a-z]+)*$/);
    expect(kind.status).toBeGreaterThanOrEqual(400);
    expect(kind.status).toBeLessThan(600);
    expect(kind.title).toMatch(/^[A-Z].*\.$/);
  });
});

describe('SluiceError', () => {
  it('becomes a problem document with its details', () => {
    const error = new SluiceError('bad-value', 'width: 0 received; expected 1 or more', { field: 'width', received: 0 });
    expect(error.status).toBe(400);
    expect(error.toProblem()).toEqual({
      type: 'urn:sluice:error:bad-value',
      title: 'A value is not allowed.',
      status: 400,
      code: 'bad-value',
      detail: 'width: 0 received; expected 1 or more',
      field: 'width',
      received: 0,
    });
  });

  it('lets no detail hide a standard member', () => {
    const details = { type: 'x', title: 'x', status: 200, code: 'x', detail: 'x', more: 'x' };
    expect(new SluiceError('gone', 'no longer', details).toProblem()).toEqual({
      type: 'urn:sluice:error:gone',
      title: ERRORS.gone.title,
      status: 410,
      code: 'gone',
      detail: 'no longer',
      more: 'x',
    });
  });

  it('keeps its cause out of the document', () => {
    const error = new SluiceError('internal', 'broken', {}, new Error('/secret/path'));
    expect((error.cause as Error).message).toBe('/secret/path');
    expect(JSON.stringify(error.toProblem())).not.toContain('secret');
  });
});

describe('toSluiceError', () => {
  it('leaves its own kind as it is', () => {
    const error = new SluiceError('gone', 'no longer');
    expect(toSluiceError(error, 'bad-value')).toBe(error);
  });

  it('knows its own kind again after it crossed a thread', () => {
    const { code, message, details } = new SluiceError('source-failed', 'no such file', { field: 'url' });
    const back = toSluiceError(structuredClone({ code, message, details }));
    expect(back).toBeInstanceOf(SluiceError);
    expect(back).toMatchObject({ code: 'source-failed', message: 'no such file', details: { field: 'url' } });
  });

  it.each([
    [new Error('x'), 'x'],
    ['x', 'x'],
    [Object.assign(new Error('x'), { code: 'ENOENT' }), 'x'],
    [{ code: 'toString', message: 'y' }, '[object Object]'],
    [null, 'null'],
    [undefined, 'undefined'],
  ])('makes anything else (%s) the fallback', (thrown, message) => {
    const error = toSluiceError(thrown, 'encoder-failed' satisfies ErrorCode);
    expect(error.code).toBe('encoder-failed');
    expect(error.message).toBe(message);
  });
});
