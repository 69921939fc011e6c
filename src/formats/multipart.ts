// multipart/x-mixed-replace (MJPEG), written so that a picture is shown as soon as it is sent: browsers end a part at the next
// boundary, so each part is followed by one at once instead of when the next picture comes (RFC 2046 5.1.1).
import { ascii } from './bytes.ts';

/** Boundary between parts; JPEG data cannot contain it by accident in front of a line end. */
export const MULTIPART_BOUNDARY = 'sluice-frame';

/** Value of the response's Content-Type header. */
export const MULTIPART_CONTENT_TYPE = `multipart/x-mixed-replace; boundary=${MULTIPART_BOUNDARY}`;

/** What stands round the parts. */
export interface MultipartMarks {
  /** The first bytes of the body. */
  readonly start: Uint8Array;
  /** Goes behind the content of each part. */
  readonly next: Uint8Array;
  /** Ends the body: an empty part (its boundary was sent before) and the closing boundary. */
  readonly end: Uint8Array;
}

export function multipartMarks(boundary: string): MultipartMarks {
  return { start: ascii(`--${boundary}\r\n`), next: ascii(`\r\n--${boundary}\r\n`), end: ascii(`\r\n\r\n--${boundary}--\r\n`) };
}

export interface PartInfo {
  readonly contentType: string;
  /** Bytes of the content. */
  readonly length: number;
  /** Frame id. */
  readonly id: number;
  /** Capture time, µs UTC. */
  readonly timestamp: number;
}

/** Headers of a part, up to its content. */
export function multipartHead(part: PartInfo): Uint8Array {
  return ascii(
    `Content-Type: ${part.contentType}\r\nContent-Length: ${part.length}\r\nX-Sluice-Frame: ${part.id}\r\nX-Sluice-Timestamp: ${part.timestamp}\r\n\r\n`,
  );
}
