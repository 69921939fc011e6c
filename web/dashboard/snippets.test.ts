import { describe, expect, test } from 'vitest';
import { embedSnippets, pushSnippets, type Snippet, type SnippetTarget } from './snippets.ts';

const open: SnippetTarget = { base: 'http://127.0.0.1:8000/', stream: 'scope', token: false };
const textOf = (snippets: Snippet[], id: string) => snippets.find((each) => each.id === id)!.text;

describe('push', () => {
  test('curl is one command with the address of this stream', () => {
    expect(textOf(pushSnippets(open), 'curl')).toBe(
      "curl \\\n  -H 'Content-Type: image/jpeg' \\\n  --data-binary @picture.jpg \\\n  http://127.0.0.1:8000/api/streams/scope/frames",
    );
  });

  test('a path prefix stays in every address', () => {
    const target = { ...open, base: 'https://lab.example/user/x/proxy/8000/' };
    for (const each of pushSnippets(target)) expect(each.text).toContain('https://lab.example/user/x/proxy/8000/');
    for (const each of embedSnippets(target)) expect(each.text).toContain('https://lab.example/user/x/proxy/8000/');
  });

  test('the token comes from the environment, and only where one is needed', () => {
    for (const each of pushSnippets({ ...open, token: true })) expect(each.text).toContain('SLUICE_TOKEN');
    for (const each of pushSnippets(open)) expect(each.text).not.toContain('SLUICE_TOKEN');
  });

  test('known sizes are used, unknown ones are 720p', () => {
    expect(textOf(pushSnippets({ ...open, width: 1024, height: 512 }), 'ffmpeg')).toContain('--size 1024x512 --format rgb24 --fps 30');
    expect(textOf(pushSnippets({ ...open, width: null, height: null }), 'typescript')).toContain('[width, height] = [1280, 720]');
  });

  test('an address with characters of the shell cannot leave its quotes', () => {
    const target = { ...open, base: "http://h/a'b$(id);/" };
    expect(textOf(pushSnippets(target), 'curl')).toContain(String.raw`'http://h/a'\''b$(id);/api/streams/scope/frames'`);
    expect(textOf(pushSnippets(target), 'python')).toContain(String.raw`Sluice('http://h/a\'b$(id);/')`);
  });

  test('the TypeScript text is a program', () => {
    for (const token of [false, true]) {
      const text = textOf(pushSnippets({ ...open, token }), 'typescript');
      // Top-level await: the body of an async function parses alike.
      expect(() => new Function(`return async () => {${text}}`)).not.toThrow();
    }
  });
});

describe('embed', () => {
  test('element, frame and addresses', () => {
    const snippets = embedSnippets(open);
    expect(textOf(snippets, 'element')).toBe(
      '<script type="module" src="http://127.0.0.1:8000/player.js"></script>\n' +
        '<sluice-player src="http://127.0.0.1:8000/live/scope" controls autoplay></sluice-player>',
    );
    expect(textOf(snippets, 'iframe')).toContain('src="http://127.0.0.1:8000/embed/scope"');
    expect(textOf(snippets, 'hls')).toBe('http://127.0.0.1:8000/live/scope/hls/index.m3u8');
    expect(textOf(snippets, 'mjpeg')).toBe('http://127.0.0.1:8000/live/scope/mjpeg');
  });

  test('an address cannot leave its attribute', () => {
    const text = textOf(embedSnippets({ ...open, base: 'http://h/"><b>&/' }), 'element');
    expect(text).toContain('src="http://h/&quot;>&lt;b>&amp;/live/scope"');
  });
});
