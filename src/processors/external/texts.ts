// The texts of a program that runs an external processor. What it leaves out has its default; what is not known is ignored, so that newer
// programs work with older servers.
import { z } from 'zod';

const MetricValue = z.union([z.number(), z.null()]);

const Marker = z.object({
  label: z.string().min(1).max(500),
  kind: z.string().min(1).max(64).optional(),
  id: z.string().min(1).max(128).optional(),
  frame: z.number().int().positive().optional(),
  timestamp: z.number().int().optional(),
  endFrame: z.number().int().positive().optional(),
  end: z.number().int().optional(),
  open: z.boolean().optional(),
  data: z.json().optional(),
});
export type ProgramMarker = z.output<typeof Marker>;

const findings = {
  metrics: z.record(z.string(), z.union([MetricValue, z.array(MetricValue).max(1024)])).optional(),
  markers: z.array(Marker).max(1000).optional(),
  data: z.array(z.record(z.string(), z.json())).max(1000).optional(),
};
/** What a frame gave. */
const FoundText = z.object(findings);
export type FoundText = z.output<typeof FoundText>;

/** The first text. */
export const HelloText = z.object({
  type: z.literal('hello'),
  protocol: z.number().int(),
  token: z.string(),
  name: z.string().max(200).optional(),
  video: z.boolean().default(true),
  audio: z.boolean().default(false),
  generates: z.boolean().default(false),
  ids: z.enum(['frame', 'own']).optional(),
  params: z.record(z.string(), z.json()).nullable().default(null),
  memory: z.boolean().default(false),
});
export type HelloText = z.output<typeof HelloText>;

export const ProgramText = z.discriminatedUnion('type', [
  z.object({ type: z.literal('progress'), message: z.string().max(500), share: z.number().nullable().default(null) }),
  z.object({ type: z.literal('ready') }),
  /** It wants 4:2:0 pictures in this form. */
  z.object({ type: z.literal('format'), format: z.literal('rgb24') }),
  z.object({ type: z.literal('mapped'), memory: z.number().int(), ok: z.boolean().default(true) }),
  z.object({
    type: z.literal('done'),
    job: z.number().int(),
    result: z.enum(['pass', 'withhold', 'made', 'failed']),
    /** So many pictures, or blocks of sound, come next. */
    count: z.number().int().min(0).max(64).default(0),
    error: z.string().max(2000).optional(),
    ...findings,
  }),
  z.object({
    type: z.literal('found'),
    frame: z.number().int().nonnegative().default(0),
    timestamp: z.number().int().optional(),
    ...findings,
  }),
  z.object({ type: z.literal('log'), message: z.string().max(2000), values: z.record(z.string(), z.json()).default({}) }),
  z.object({ type: z.literal('bye'), reason: z.string().max(500).optional() }),
]);
export type ProgramText = z.output<typeof ProgramText>;
