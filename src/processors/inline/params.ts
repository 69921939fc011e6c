// Params that several built-ins have.
import { z } from 'zod';

export const Color = z
  .string()
  .regex(/^#[0-9a-fA-F]{6}$/, 'a colour such as #ff8800')
  .meta({ control: 'color' });

/** A side of a picture, pixels. */
export const Side = z.number().int().min(1).max(16_384).meta({ unit: 'px' });

/** A place in a picture, pixels from the left or the top. */
export const Place = z.number().int().min(0).max(16_383).meta({ unit: 'px' });

export const Share = z.number().min(0).max(1).meta({ control: 'range', step: 0.01 });

export const POSITIONS = ['top-left', 'top', 'top-right', 'left', 'center', 'right', 'bottom-left', 'bottom', 'bottom-right'] as const;
export type Position = (typeof POSITIONS)[number];

/** How text lies in the picture. */
export const lettering = (position: Position) => ({
  position: z.enum(POSITIONS).default(position).meta({ title: 'Position', group: 'Place' }),
  size: z
    .number()
    .int()
    .min(0)
    .max(1000)
    .default(0)
    .describe('height of a line in pixels, in steps of 12; 0 = a 24th of the picture')
    .meta({ title: 'Size', unit: 'px', group: 'Place' }),
  color: Color.default('#ffffff').meta({ title: 'Colour', control: 'color', group: 'Look' }),
  background: z
    .enum(['box', 'outline', 'none'])
    .default('box')
    .describe('what keeps it readable on any ground')
    .meta({ title: 'Background', group: 'Look' }),
});
