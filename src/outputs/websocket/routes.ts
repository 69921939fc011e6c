// Media over WebSocket: `/live/{stream}/ws?codec=…`. A new codec is one file and one row here.
import { z } from 'zod';
import { SluiceError } from '../../core/errors.ts';
import type { Output, OutputContext } from '../output.ts';
import { LosslessQuery, PictureQuery } from '../picture-query.ts';
import { viewerParams } from '../viewer-params.ts';
import { serveH264 } from './h264.ts';
import { servePictures } from './pictures.ts';

const CODECS = ['h264', 'jpeg', 'raw', 'lossless'] as const;

/** Silence after which somebody who acknowledged pictures is gone. */
const SILENT_MS = 4200;

const Query = PictureQuery.extend({
  ...LosslessQuery.shape,
  codec: z.enum(CODECS).default('jpeg'),
  adapt: z.enum(['off', 'auto', 'fps']).default('off'),
}).refine(({ codec, adapt }) => adapt === 'off' || codec !== 'lossless', {
  path: ['adapt'],
  message: 'with codec=lossless only off: nothing may change the values',
});

export function openWebSocket(context: OutputContext): Output {
  const parse = (query: URLSearchParams) => {
    const parsed = Query.safeParse(Object.fromEntries(query));
    if (parsed.success) return parsed.data;
    const issue = parsed.error.issues[0]!;
    const field = issue.path.join('.');
    throw new SluiceError('bad-value', `${field}: ${JSON.stringify(query.get(field))} received; ${issue.message}`, {
      field,
      received: query.get(field),
    });
  };
  context.upgrades.route(
    '/live/:stream/ws',
    (ws, _request, params, query) => {
      const stream = context.registry.get(params.stream!);
      const { codec, quality, width, fps, adapt, ...lossless } = parse(query);
      const meter = context.meter(`ws-${codec}`, stream.name);
      const values = codec === 'raw' ? null : viewerParams(context.liveViews, stream, codec);
      if (codec === 'h264') serveH264(ws, stream, { fps, width }, meter, values!);
      else servePictures(ws, stream, codec, { quality, width, fps, adapt, ...(codec === 'lossless' ? { lossless } : {}) }, meter, values);
    },
    {
      // Browsers answer pings by themselves, whatever their pages do; programs that take raw and lossless pictures may compute for a while.
      silenceMs: (query) => (query.get('codec') === 'raw' || query.get('codec') === 'lossless' ? undefined : SILENT_MS),
      before: (_request, params, query) => {
        const stream = context.registry.get(params.stream!);
        const { codec } = parse(query);
        if (codec !== 'raw') context.liveViews.admit(stream, codec);
      },
    },
  );
  return {};
}
