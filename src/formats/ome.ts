// OME-XML (schema 2016-06) of a time series in one OME-TIFF: sizes, pixel size, capture time of each plane, and the frame ids.
import { FORMATS, type PixelFormat } from '../core/frame.ts';
import { formatMicros, type Micros } from '../core/time.ts';

const SCHEMA = 'http://www.openmicroscopy.org/Schemas/OME/2016-06';
/** Name of the annotation that holds frame ids and capture times. */
const FRAMES = 'urn:sluice:frames';

export interface OmeSeries {
  readonly name: string;
  readonly format: PixelFormat;
  /** Pixels. */
  readonly width: number;
  readonly height: number;
  readonly significantBits: number;
  /** µm; `null` = not known. */
  readonly pixelSize: number | null;
  /** Frame ids and capture times (µs) in the order of the pages. */
  readonly ids: readonly number[];
  readonly timestamps: readonly number[];
}

const TYPES = { 8: 'uint8', 16: 'uint16', 32: 'float' } as const;

/** The description of the first page. ASCII. */
export function omeXml(series: OmeSeries): string {
  const { name, format, width, height, significantBits, pixelSize, ids, timestamps } = series;
  const { channels, depth } = FORMATS[format];
  const size =
    pixelSize === null
      ? ''
      : ` PhysicalSizeX="${pixelSize}" PhysicalSizeXUnit="&#181;m" PhysicalSizeY="${pixelSize}" PhysicalSizeYUnit="&#181;m"`;
  const first = timestamps[0] ?? 0;
  const planes = timestamps.map(
    (timestamp, i) => `<Plane TheZ="0" TheC="0" TheT="${i}" DeltaT="${((timestamp - first) / 1e6).toFixed(6)}" DeltaTUnit="s"/>`,
  );
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<OME xmlns="${SCHEMA}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="${SCHEMA} ${SCHEMA}/ome.xsd" Creator="Sluice">`,
    `<Image ID="Image:0" Name="${escaped(name)}">`,
    ...(ids.length ? [`<AcquisitionDate>${formatMicros(first as Micros).slice(0, 23)}</AcquisitionDate>`] : []),
    `<Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="${TYPES[depth]}" SignificantBits="${significantBits || depth}" SizeX="${width}" SizeY="${height}" SizeC="${channels}" SizeZ="1" SizeT="${ids.length}" BigEndian="false" Interleaved="${channels > 1}"${size}>`,
    `<Channel ID="Channel:0:0" SamplesPerPixel="${channels}"/>`,
    `<TiffData IFD="0" PlaneCount="${ids.length}"/>`,
    ...planes,
    '</Pixels><AnnotationRef ID="Annotation:0"/></Image>',
    `<StructuredAnnotations><XMLAnnotation ID="Annotation:0" Namespace="${FRAMES}"><Value><Frames xmlns="${FRAMES}" format="${format}" ids="${ids.join(' ')}" timestamps="${timestamps.join(' ')}"/></Value></XMLAnnotation></StructuredAnnotations>`,
    '</OME>',
  ].join('\n');
}

/** Seconds from the first plane of each page, as others have written them in OME-XML; `null` where that cannot be said of every page. */
export function readPlaneTimes(xml: string, pages: number): number[] | null {
  if (!xml.includes('<OME') && !xml.includes(':OME')) return null;
  const times: number[] = [];
  for (const [plane] of xml.matchAll(/<(?:\w+:)?Plane\s[^>]*>/g)) {
    const value = Number(/\sDeltaT="([^"]*)"/.exec(plane)?.[1] ?? 'none');
    if (!Number.isFinite(value)) return null;
    const unit = UNITS[/\sDeltaTUnit="([^"]*)"/.exec(plane)?.[1] ?? 's'];
    if (unit === undefined) return null;
    times.push(value * unit);
  }
  return times.length === pages ? times : null;
}

/** Seconds of a unit. */
const UNITS: Record<string, number> = { s: 1, ms: 1e-3, µs: 1e-6, '&#181;s': 1e-6, ns: 1e-9, min: 60, h: 3600 };

function escaped(text: string): string {
  const names: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
  return text.replace(/[&<>"]|[^\x20-\x7e]/gu, (char) => names[char] ?? `&#${char.codePointAt(0)};`);
}
