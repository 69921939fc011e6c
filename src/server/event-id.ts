// Where a client is in the events of markers and data: which store, up to which change, and when. It comes back as `Last-Event-ID` or
// `after`, and what was missed is sent.

export interface EventPlace {
  /** Names the store: the count of another one means nothing. */
  readonly epoch: string;
  /** Changes up to here have been sent. */
  readonly sequence: number;
  /** Server UTC, µs: metrics are kept by time. */
  readonly time: number;
}

export function eventId({ epoch, sequence, time }: EventPlace): string {
  return `${epoch}-${sequence}-${time}`;
}

/** Reads an id; `null` if it is none. */
export function readEventId(text: string): EventPlace | null {
  const match = /^([0-9a-f]{1,16})-(\d{1,15})-(\d{1,16})$/.exec(text.trim());
  return match ? { epoch: match[1]!, sequence: Number(match[2]), time: Number(match[3]) } : null;
}
