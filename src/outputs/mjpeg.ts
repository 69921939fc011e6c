// MJPEG: one endless multipart answer per viewer, for `<img>` and foreign players. A viewer that does not read loses pictures, newest
// wins; nobody else notices.
import { ViewerName } from '../api/schema.ts';
import { MULTIPART_BOUNDARY, MULTIPART_CONTENT_TYPE } from '../formats/multipart.ts';
import { serveMultipart } from './multipart-viewer.ts';
import type { Output, OutputContext } from './output.ts';
import { given, jpegSettings, PictureQuery } from './picture-query.ts';
import { viewerParams } from './viewer-params.ts';

/** `viewer`: the page says over its events socket that this one is alive. */
const MjpegQuery = PictureQuery.extend({ viewer: ViewerName.optional() });

const HEADERS = {
  'content-type': MULTIPART_CONTENT_TYPE,
  'cache-control': 'no-store',
  'x-accel-buffering': 'no',
  'access-control-expose-headers': 'X-Sluice-Frame, X-Sluice-Timestamp',
};

export function openMjpeg(context: OutputContext): Output {
  const { app, registry, signal, liveViews, lifeSigns } = context;

  app.get<{ Params: { stream: string } }>('/live/:stream/mjpeg', async (request, reply) => {
    const stream = registry.get(request.params.stream);
    const query = MjpegQuery.parse(request.query);
    liveViews.admit(stream, 'mjpeg');
    const params = viewerParams(liveViews, stream, 'mjpeg');
    // The way is cut, whatever the socket believes.
    using _signs = query.viewer === undefined ? null : lifeSigns.watch(query.viewer, () => reply.raw.destroy());
    await serveMultipart(reply, stream, {
      boundary: MULTIPART_BOUNDARY,
      headers: HEADERS,
      name: 'mjpeg',
      output: context.meter('mjpeg', stream.name),
      rendition: () => stream.rendition(jpegSettings({ ...params.values, ...given(query) })),
      onSettings: (changed) => params.onChange(changed),
      signal,
    });
  });

  return {};
}
