// Ready-to-paste texts that put the first marker, metric or data record on a stream's timeline. Pure.
import { quoted, type Snippet, type SnippetTarget, shell, streamAddress } from './snippets.ts';

interface Example {
  /** `markers`: last part of the address, and first of the snippets' ids. */
  readonly what: 'markers' | 'metrics' | 'data';
  /** Body as JSON. */
  readonly json: string;
  /** Call of the Python client on `stream`. */
  readonly python: string;
  /** Body as TypeScript. */
  readonly typescript: string;
  readonly note: string;
}

/** How to send a marker. */
export function markerSnippets(target: SnippetTarget): Snippet[] {
  return snippets(target, {
    what: 'markers',
    json: '{"label": "spike", "kind": "event"}',
    python: "stream.marker('spike', kind='event')",
    typescript: "{ label: 'spike', kind: 'event' }",
    note: 'At the newest frame; "frame" or "timestamp" name another one.',
  });
}

/** How to send metrics. */
export function metricSnippets(target: SnippetTarget): Snippet[] {
  return snippets(target, {
    what: 'metrics',
    json: '{"values": {"mean": 812.4, "spikes": 3}}',
    python: "stream.metric({'mean': 812.4, 'spikes': 3})",
    typescript: '{ values: { mean: 812.4, spikes: 3 } }',
    note: 'At the newest frame; "frame" or "timestamp" name another one. null is a gap.',
  });
}

/** How to send data records. */
export function dataSnippets(target: SnippetTarget): Snippet[] {
  return snippets(target, {
    what: 'data',
    json: '{"cell": 7, "boxes": [{"x": 40, "y": 60, "w": 32, "h": 24, "label": "cell"}]}',
    python: "stream.data({'cell': 7, 'boxes': [{'x': 40, 'y': 60, 'w': 32, 'h': 24, 'label': 'cell'}]})",
    typescript: "{ cell: 7, boxes: [{ x: 40, y: 60, w: 32, h: 24, label: 'cell' }] }",
    note: 'Any JSON object. "boxes", in pixels of the source, are drawn over the picture.',
  });
}

function snippets(target: SnippetTarget, { what, json, python, typescript, note }: Example): Snippet[] {
  const address = `${streamAddress(target)}/${what}`;
  const curl = ['curl'];
  if (target.token) curl.push('-H "Authorization: Bearer $SLUICE_TOKEN"');
  curl.push("-H 'Content-Type: application/json'", `-d ${shell(json)}`, shell(address));
  const pythonToken = target.token ? ", token=os.environ['SLUICE_TOKEN']" : '';
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the template belongs to the text that is shown.
  const header = target.token ? '{ authorization: `Bearer ${process.env.SLUICE_TOKEN}`, ' : '{ ';
  return [
    { id: `${what}-curl`, title: 'curl', note, language: 'shell', text: curl.join(' \\\n  ') },
    {
      id: `${what}-python`,
      title: 'Python',
      note: 'Install the client once, in the Sluice folder: pip install ./clients/python',
      language: 'python',
      text: [
        ...(target.token ? ['import os'] : []),
        'from sluice import Sluice',
        '',
        `stream = Sluice(${quoted(target.base)}${pythonToken}).stream(${quoted(target.stream)})`,
        python,
      ].join('\n'),
    },
    {
      id: `${what}-typescript`,
      title: 'TypeScript',
      note: 'Needs no package.',
      language: 'typescript',
      text: [
        `await fetch(${quoted(address)}, {`,
        "  method: 'POST',",
        `  headers: ${header}'content-type': 'application/json' },`,
        `  body: JSON.stringify(${typescript}),`,
        '});',
      ].join('\n'),
    },
  ];
}
