import { readdir, readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { OPTIONS, SETTINGS } from '../../server/options.ts';
import { StreamAddress } from '../address.ts';
import { CHECKS, runChecks } from './checks.ts';
import type { Check, CheckedRow, Finding } from './finding.ts';

const context = { address: new StreamAddress('http://lab.test/live/cam', 'http://lab.test/'), facts: {} };
const check = (id: string, run: Check['run'], needsServer = true): Check => ({ id, label: id, needsServer, limitMs: 100, run });
const fine: Finding = { verdict: 'ok', text: '' };

async function verdicts(checks: readonly Check[], signal = new AbortController().signal) {
  const told: (readonly CheckedRow[])[] = [];
  const rows = await runChecks(checks, context, (each) => told.push(each), signal);
  return { told, found: rows.map(({ finding }) => finding?.verdict ?? null), texts: rows.map(({ finding }) => finding?.text) };
}

it('rows are told one after the other; one that hangs or throws does not keep the others', async () => {
  const { told, found, texts } = await verdicts([
    check('a', () => fine),
    check('b', () => new Promise(() => {})),
    check('c', () => Promise.reject(new Error('no such thing'))),
    check('d', () => fine),
  ]);
  expect(found).toEqual(['ok', 'failed', 'failed', 'ok']);
  expect(texts.slice(1, 3)).toEqual(['No answer within 0.1 s.', 'It could not be tried: no such thing.']);
  expect(told.map((rows) => rows.filter(({ finding }) => finding).length)).toEqual([0, 1, 2, 3, 4]);
});

it('without the server only what needs none is tried', async () => {
  const { found } = await verdicts([
    check('http', () => ({ verdict: 'failed', text: '' }), false),
    check('stream', () => fine),
    check('mse', () => fine, false),
  ]);
  expect(found).toEqual(['failed', 'skipped', 'ok']);
});

it('an end in between tells nothing more', async () => {
  const abort = new AbortController();
  const { told } = await verdicts(
    [
      check('a', () => {
        abort.abort();
        return fine;
      }),
      check('b', () => fine),
    ],
    abort.signal,
  );
  expect(told).toHaveLength(1);
});

it('ids are told apart, and every setting that is named exists', async () => {
  expect(new Set(CHECKS.map(({ id }) => id)).size).toBe(CHECKS.length);
  const known = new Set([...OPTIONS.map(({ key }) => key), ...Object.keys(SETTINGS)]);
  const folder = new URL('.', import.meta.url);
  const named: string[] = [];
  for (const file of await readdir(folder)) {
    if (!file.endsWith('-checks.ts')) continue;
    const text = await readFile(new URL(file, folder), 'utf8');
    for (const [, list = ''] of text.matchAll(/settings: (?:refused \? )?\[([^\]]*)\]/g)) {
      named.push(...[...list.matchAll(/'([^']+)'/g)].map(([, name]) => name!));
    }
  }
  expect(named).toContain('webrtc.iceServers');
  for (const name of named) expect(known, name).toContain(name);
});
