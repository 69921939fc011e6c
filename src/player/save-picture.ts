// Saves exactly the shown frame as a file: from its values where the page has them, else from the server.
import { SluiceError } from '../core/errors.ts';
import { FORMATS, type Picture } from '../core/frame.ts';
import { fileTime, type Micros, toTicks } from '../core/time.ts';
import { encodePng } from '../formats/png.ts';
import { encodeTiff } from '../formats/tiff.ts';
import type { StreamAddress } from './address.ts';
import type { ShownFrame } from './transport.ts';

export type SavedType = 'png' | 'tiff';

export interface SaveRequest {
  readonly address: StreamAddress;
  readonly frame: ShownFrame | null;
  /** The frame's values; `null` where the page has only its looks. */
  readonly picture: Picture | null;
  readonly type: SavedType;
}

/** Hands a file to the browser; gives words about it. Rejects with a SluiceError if the frame cannot be had any more. */
export async function savePicture({ address, frame, picture, type }: SaveRequest): Promise<string> {
  if (!frame) throw new SluiceError('unavailable', 'There is no frame on the screen yet.');
  // PNG has no floats: they would be squeezed into 16 bits.
  const kind = picture && FORMATS[picture.format].depth === 32 ? 'tiff' : type;
  const name = `${address.name}_${fileTime(frame.timestamp as Micros)}_f${frame.id}.${kind}`;
  // Planar video has no values of its own for a file.
  if (picture && FORMATS[picture.format].bytesPerPixel) {
    download(new Blob([await encode(picture, frame, kind)], { type: `image/${kind}` }), name);
    return `Saved ${name}${kind === type ? '' : ': PNG cannot hold float values'}.`;
  }
  const { blob, lossy } = await ask(address, frame, kind);
  download(blob, name);
  return `Saved ${name}${lossy ? ': of this frame only the compressed video is kept' : ''}.`;
}

async function encode(picture: Picture, { id, timestamp }: ShownFrame, type: SavedType): Promise<Uint8Array<ArrayBuffer>> {
  const identity = JSON.stringify({ id, timestamp, pts: toTicks(timestamp as Micros), repeat: false });
  if (type === 'tiff') return encodeTiff(picture, identity) as Uint8Array<ArrayBuffer>;
  const text = { Sluice: identity, 'Creation Time': new Date(timestamp / 1000).toISOString() };
  return (await encodePng(picture, { deflate, text })) as Uint8Array<ArrayBuffer>;
}

async function deflate(raw: Uint8Array): Promise<Uint8Array> {
  const stream = new Blob([raw as Uint8Array<ArrayBuffer>]).stream().pipeThrough(new CompressionStream('deflate'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function ask(address: StreamAddress, frame: ShownFrame, type: SavedType): Promise<{ blob: Blob; lossy: boolean }> {
  const signal = AbortSignal.timeout(15_000);
  const response = await fetch(address.live(`snapshot.${type}`, { frame: frame.id }), { signal, cache: 'no-store' }).catch(
    (cause: unknown) => {
      throw new SluiceError('unavailable', `The server at ${address.host} does not answer.`, {}, cause);
    },
  );
  if (!response.ok) {
    const { detail } = (await response.json().catch(() => ({}))) as { detail?: unknown };
    throw new SluiceError('unknown-frame', typeof detail === 'string' ? detail : `Frame ${frame.id} is not kept any more.`);
  }
  return { blob: await response.blob(), lossy: response.headers.has('x-sluice-lossy') };
}

/** As if somebody had clicked a link to the file. */
export function download(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
