// Ready-to-paste texts for one stream of this server: how to push frames into it and how to show it elsewhere. Pure.

/** What the texts are made for. */
export interface SnippetTarget {
  /** The server's address as this page sees it; ends with a slash. */
  readonly base: string;
  readonly stream: string;
  /** The server asks for a token: the texts take it from the environment variable SLUICE_TOKEN. */
  readonly token: boolean;
  /** Size of the pictures, where it is known. */
  readonly width?: number | null;
  readonly height?: number | null;
}

export interface Snippet {
  readonly id: string;
  readonly title: string;
  /** What it does and needs, in a sentence. */
  readonly note: string;
  readonly language: 'shell' | 'python' | 'typescript' | 'html' | 'address';
  readonly text: string;
}

/** How to push frames into the stream. */
export function pushSnippets(target: SnippetTarget): Snippet[] {
  return [
    {
      id: 'curl',
      title: 'curl',
      note: 'One picture. JPEG, PNG and .npy files are understood.',
      language: 'shell',
      text: curl(target),
    },
    {
      id: 'python',
      title: 'Python',
      note: 'A live picture from numpy. Install the client once, in the Sluice folder: pip install ./clients/python',
      language: 'python',
      text: python(target),
    },
    {
      id: 'typescript',
      title: 'TypeScript',
      note: 'A live picture from raw pixels. Needs no package: run it with node push.ts.',
      language: 'typescript',
      text: typescript(target),
    },
    {
      id: 'ffmpeg',
      title: 'FFmpeg',
      note: 'Anything that FFmpeg can read. Run it in the Sluice folder.',
      language: 'shell',
      text: ffmpeg(target),
    },
  ];
}

/** How to show the stream on other pages and in other programs. */
export function embedSnippets(target: SnippetTarget): Snippet[] {
  const live = liveAddress(target);
  return [
    {
      id: 'element',
      title: 'On a web page',
      note: 'The player as an HTML element. It gives the id and the capture time of the picture on the screen.',
      language: 'html',
      text: [
        `<script type="module" src="${html(`${target.base}player.js`)}"></script>`,
        `<sluice-player src="${html(live)}" controls autoplay></sluice-player>`,
      ].join('\n'),
    },
    {
      id: 'chart',
      title: 'Charts on a web page',
      note: 'The metrics of the stream, locked to the picture of the player on the same page.',
      language: 'html',
      text: [
        `<script type="module" src="${html(`${target.base}chart.js`)}"></script>`,
        `<sluice-chart src="${html(live)}" window="60s"></sluice-chart>`,
      ].join('\n'),
    },
    {
      id: 'iframe',
      title: 'As a frame',
      note: 'For notebooks, wikis and wherever scripts are not allowed.',
      language: 'html',
      text: `<iframe src="${html(`${target.base}embed/${name(target)}`)}" width="960" height="540" style="border: 0" allow="fullscreen; autoplay"></iframe>`,
    },
    {
      id: 'page',
      title: 'The player alone',
      note: 'A page with nothing else on it.',
      language: 'address',
      text: `${target.base}embed/${name(target)}`,
    },
    {
      id: 'hls',
      title: 'HLS',
      note: 'For VLC, ffplay, Safari and other players; a few seconds behind in plain players.',
      language: 'address',
      text: `${live}/hls/index.m3u8`,
    },
    {
      id: 'trickle',
      title: 'Trickle',
      note: 'For pytrickle and other clients of Livepeer: an MPEG transport stream in segments, made while somebody reads it.',
      language: 'address',
      text: `${target.base}trickle/${name(target)}`,
    },
    { id: 'mjpeg', title: 'MJPEG', note: 'For an <img>, OpenCV and old devices.', language: 'address', text: `${live}/mjpeg` },
    {
      id: 'snapshot',
      title: 'One picture',
      note: 'The newest one; add ?frame=ID for an older one.',
      language: 'address',
      text: `${live}/snapshot.jpg`,
    },
    {
      id: 'npy',
      title: 'One picture for numpy',
      note: 'The same in full depth: np.load(io.BytesIO(urlopen(address).read())).',
      language: 'address',
      text: `${live}/snapshot.npy`,
    },
  ];
}

/** Base address of everything that is watched of the stream. */
export function liveAddress(target: SnippetTarget): string {
  return `${target.base}live/${name(target)}`;
}

/** Address of the stream in the REST interface. */
export function streamAddress(target: SnippetTarget): string {
  return `${target.base}api/streams/${name(target)}`;
}

function framesAddress(target: SnippetTarget): string {
  return `${streamAddress(target)}/frames`;
}

function curl(target: SnippetTarget): string {
  const lines = ['curl'];
  if (target.token) lines.push('-H "Authorization: Bearer $SLUICE_TOKEN"');
  lines.push("-H 'Content-Type: image/jpeg'", '--data-binary @picture.jpg', shell(framesAddress(target)));
  return lines.join(' \\\n  ');
}

function python(target: SnippetTarget): string {
  const { width, height } = sizeOf(target);
  const token = target.token ? ", token=os.environ['SLUICE_TOKEN']" : '';
  return [
    ...(target.token ? ['import os'] : []),
    'import time',
    'import numpy as np',
    'from sluice import Sluice',
    '',
    `stream = Sluice(${quoted(target.base)}${token}).stream(${quoted(target.stream)})`,
    `x = np.arange(${width})`,
    'while True:',
    `    row = 127 + 127 * np.sin(x / 40 + time.time() * 3)`,
    `    stream.push(np.tile(row, (${height}, 1)).astype(np.uint8))`,
    '    time.sleep(1 / 30)',
  ].join('\n');
}

function typescript(target: SnippetTarget): string {
  const { width, height } = sizeOf(target);
  const headers = ["'content-type': 'application/octet-stream'"];
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the template belongs to the text that is shown.
  if (target.token) headers.unshift('authorization: `Bearer ${process.env.SLUICE_TOKEN}`');
  return [
    `const [width, height] = [${width}, ${height}];`,
    `const address = ${quoted(`${framesAddress(target)}?format=gray&width=${width}&height=${height}`)};`,
    'const pixels = new Uint8Array(width * height);',
    '',
    'for (let row = 0; ; row = (row + 4) % height) {',
    '  pixels.fill(40).fill(220, row * width, (row + 60) * width);',
    "  const answer = await fetch(address, { method: 'POST', body: pixels, headers: {",
    `    ${headers.join(', ')},`,
    '  } });',
    '  if (!answer.ok) throw new Error(await answer.text());',
    '  await new Promise((done) => setTimeout(done, 33));',
    '}',
  ].join('\n');
}

function ffmpeg(target: SnippetTarget): string {
  const { width, height } = sizeOf(target);
  const size = `${width}x${height}`;
  const token = target.token ? ' --token "$SLUICE_TOKEN"' : '';
  return [
    'ffmpeg -v error -re -i clip.mp4',
    `-vf fps=30,scale=${width}:${height} -pix_fmt rgb24 -f rawvideo - |`,
    `npm run -s sluice -- push ${target.stream} -i - --size ${size} --format rgb24 --fps 30 --server ${shell(target.base)}${token}`,
  ].join(' \\\n  ');
}

function sizeOf(target: SnippetTarget): { width: number; height: number } {
  return target.width && target.height ? { width: target.width, height: target.height } : { width: 1280, height: 720 };
}

function name(target: SnippetTarget): string {
  return encodeURIComponent(target.stream);
}

/** For POSIX shells; plain addresses stay readable. */
export function shell(text: string): string {
  return /^[A-Za-z0-9_./:@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** A string literal that Python and TypeScript read alike. */
export function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

/** For an attribute in double quotes. */
function html(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;');
}
