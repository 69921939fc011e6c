import { describe, expect, test } from 'vitest';
import { DataInput, MarkerInput, MetricInput } from '../../src/api/timeline.ts';
import type { SnippetTarget } from './snippets.ts';
import { dataSnippets, markerSnippets, metricSnippets } from './timeline-snippets.ts';

const open: SnippetTarget = { base: 'https://lab.example/user/x/proxy/8000/', stream: 'my.scope', token: false };
const KINDS = [
  ['markers', markerSnippets, MarkerInput],
  ['metrics', metricSnippets, MetricInput],
  ['data', dataSnippets, DataInput],
] as const;

describe.each(KINDS)('%s', (what, snippets, schema) => {
  test('bound to the address of this stream, with its prefix', () => {
    const [curl, python, typescript] = snippets(open);
    const address = `https://lab.example/user/x/proxy/8000/api/streams/my.scope/${what}`;
    expect(curl!.text).toContain(address);
    expect(typescript!.text).toContain(`'${address}'`);
    expect(python!.text).toContain("Sluice('https://lab.example/user/x/proxy/8000/').stream('my.scope')");
  });

  test('what curl and fetch send is what the server takes', async () => {
    const [curl, , typescript] = snippets(open);
    const json = /-d '(.*)'/.exec(curl!.text)![1]!;
    expect(schema.safeParse(JSON.parse(json)).success).toBe(true);
    const sent: string[] = [];
    const run = new Function('fetch', `return (async () => {${typescript!.text}})()`) as (fetch: unknown) => Promise<void>;
    await run(async (_url: string, init: { body: string }) => sent.push(init.body));
    expect(JSON.parse(sent[0]!)).toEqual(JSON.parse(json));
  });

  test('the token comes from the environment, and only where one is needed', () => {
    for (const each of snippets({ ...open, token: true })) expect(each.text).toContain('SLUICE_TOKEN');
    for (const each of snippets(open)) expect(each.text).not.toContain('SLUICE_TOKEN');
  });

  test('ids are unique on a page with all of them', () => {
    const ids = KINDS.flatMap(([, make]) => make(open).map((each) => each.id));
    expect(new Set(ids).size).toBe(ids.length);
  });
});
