// Id and capture time that a Sluice has put into a picture.
import type { Micros } from '../../core/time.ts';
import { NAL, nalType, readIdentitySei, splitAnnexB } from '../../formats/h264.ts';
import type { Identity } from '../../formats/identity.ts';
import type { TsUnit } from '../../formats/mpegts.ts';

/** The identity stands before the first slice. */
const HEAD_BYTES = 8192;
/** A capture time may lie so far ahead of the arrival, µs: beyond it the sender's clock is wrong. */
const MAX_AHEAD_US = 5_000_000;

/** `null`: it has none, or one of a clock that cannot be right. */
export function identityOf({ track, data }: TsUnit, arrival: Micros): Identity | null {
  if (track.codec !== 'h264') return null;
  for (const nal of splitAnnexB(data.subarray(0, HEAD_BYTES))) {
    const type = nalType(nal);
    if (type === NAL.sei) {
      const identity = readIdentitySei(nal);
      if (identity) return identity.timestamp > 0 && identity.timestamp <= arrival + MAX_AHEAD_US ? identity : null;
    }
    if (type >= NAL.slice && type <= NAL.idr) return null;
  }
  return null;
}
