// The docs name every setting, error and source param that exists, and link to files that exist.
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { SOURCE_PARAMS, StreamConfig } from '../src/api/schema.ts';
import { ERRORS } from '../src/core/errors.ts';
import { FORMATS } from '../src/core/frame.ts';
import { OPTIONS } from '../src/server/options.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (path: string) => readFile(resolve(root, path), 'utf8');

it('docs/configuration.md has the row of every setting, as the program knows it', async () => {
  const text = await read('docs/configuration.md');
  const cell = (value: string) => value.replaceAll('|', String.raw`\|`);
  for (const { key, flag, value, env, kind, fallback, help } of OPTIONS) {
    const no = kind === 'switch' && fallback === 'true' ? 'no-' : '';
    const row = `| \`${key}\` | \`--${no}${cell(flag)}${value ? ` ${cell(value)}` : ''}\` | \`${env}\` | ${fallback ? `\`${fallback}\`` : ''} | ${cell(help)} |`;
    expect(text).toContain(row);
  }
  const known = new Set(OPTIONS.map(({ key }) => key));
  const rows = text.slice(text.indexOf('## Settings'), text.indexOf('## Streams')).matchAll(/^\| `([\w.]+)` \|/gm);
  for (const [, key] of rows) expect(known).toContain(key);
});

it('docs/configuration.md names every key of a stream and every source param', async () => {
  const text = await read('docs/configuration.md');
  const streams = text.slice(text.indexOf('## Streams'));
  for (const key of Object.keys(StreamConfig.shape)) expect(streams).toContain(`\`${key}\``);
  for (const key of Object.keys(StreamConfig.shape.encode.unwrap().shape)) expect(streams).toContain(`\`${key}\``);
  for (const [type, params] of Object.entries(SOURCE_PARAMS)) {
    const row = streams.split('\n').find((line) => line.startsWith(`| \`${type}\` |`));
    expect(row, type).toBeDefined();
    for (const key of Object.keys(params.shape)) expect(row).toContain(`\`${key}\``);
  }
});

it('docs/protocols.md names every error with its status', async () => {
  const text = await read('docs/protocols.md');
  const rows = text.slice(text.indexOf('## Errors')).split('\n');
  for (const [code, { status }] of Object.entries(ERRORS)) {
    const row = rows.find((line) => line.includes(`\`${code}\``));
    expect(row, code).toBeDefined();
    expect(row!.split('|')[1], code).toContain(String(status));
  }
});

it('docs/pushing.md names every pixel format with its number', async () => {
  const text = await read('docs/pushing.md');
  for (const [name, { wire }] of Object.entries(FORMATS)) expect(text).toContain(`${wire} ${name}`);
});

it('links lead to files and headings that exist', async () => {
  const docs = (await readdir(resolve(root, 'docs'))).filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`);
  const pages = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'clients/python/README.md', ...docs];
  for (const page of pages) {
    for (const [, target = ''] of (await read(page)).matchAll(/(?<!!\[[^\]]*)\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(target)) continue;
      const [path = '', anchor] = target.split('#');
      const file = path === '' ? resolve(root, page) : resolve(root, dirname(page), path);
      expect(existsSync(file), `${page}: ${target}`).toBe(true);
      if (!anchor) continue;
      const headings = (await readFile(file, 'utf8')).matchAll(/^#+ (.+)$/gm);
      const anchors = [...headings].map(([, heading]) =>
        heading!
          .toLowerCase()
          .replace(/[^\w -]/g, '')
          .replaceAll(' ', '-'),
      );
      expect(anchors, `${page}: ${target}`).toContain(anchor);
    }
  }
});

it('ARCHITECTURE.md names files that exist', async () => {
  const text = await read('ARCHITECTURE.md');
  const paths = [...text.matchAll(/`((?:src|web|docs|test)\/[\w./-]+\.\w+)`/g)].map(([, path]) => path!);
  expect(paths.length).toBeGreaterThan(8);
  for (const path of paths) if (!path.includes('NAME')) expect(existsSync(resolve(root, path)), path).toBe(true);
  for (const [, path] of text.matchAll(/`((?:core|pipeline|timeline|sources|encoders|outputs|player)\/[\w./-]+\.ts)`/g)) {
    expect(existsSync(resolve(root, 'src', path!)), path).toBe(true);
  }
});
