// `mjpeg_stream` of ImSwitch: an endless multipart answer with its boundary. It begins the live view where that is needed, which goes on when the
// viewer leaves, and ends with it. Each viewer has a queue of its own: nobody takes pictures from anybody.
import type { FastifyReply, FastifyRequest } from 'fastify';
import { SluiceError } from '../../core/errors.ts';
import { serveMultipart } from '../../outputs/multipart-viewer.ts';
import type { Stream } from '../../pipeline/stream.ts';
import type { CompatContext } from '../compat.ts';
import type { Controller } from './controller.ts';
import type { ImswitchParams } from './params.ts';
import { renditionOf } from './renditions.ts';
import { errorAnswer, flag } from './routes.ts';

const HEADERS = {
  'content-type': 'multipart/x-mixed-replace;boundary=frame',
  'cache-control': 'no-cache, no-store, must-revalidate',
  pragma: 'no-cache',
  expires: '0',
  'x-accel-buffering': 'no',
};

/** Makes the handler. */
export function mjpegStream({ liveViews, meter, mayChange, signal }: CompatContext, controller: Controller, params: ImswitchParams) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
    const query = request.query as Record<string, string | undefined>;
    const name = query.detectorName || null;
    if (!flag(query.startStream, true)) {
      if (!mayChange(request))
        throw new SluiceError('forbidden', 'The view token was received; stopping a live view needs the token for everything.');
      controller.stop(name);
      return { status: 'success', message: 'stream stopped' };
    }
    let stream: Stream;
    try {
      stream = controller.viewed(name, 'mjpeg');
      const running = controller.running(stream.name);
      // Who may only watch, watches; its picture keeps the source awake for as long.
      const answer = !running && mayChange(request) ? controller.start(stream.name, 'mjpeg', null, false) : null;
      if (answer && answer.status !== 'success') return answer;
      if (running && running !== 'mjpeg') {
        return {
          status: 'error',
          message: `${stream.name} is viewed by ${running}; stop that first`,
          detector: stream.name,
          protocol: running,
        };
      }
    } catch (thrown) {
      return errorAnswer(thrown);
    }

    const abort = new AbortController();
    const started = controller.running(stream.name) === 'mjpeg';
    const off = liveViews.events.on('stopped', (view) => {
      if (started && view.stream === stream.name && view.protocol === 'mjpeg') abort.abort();
    });
    try {
      await serveMultipart(reply, stream, {
        boundary: 'frame',
        headers: HEADERS,
        name: 'imswitch-mjpeg',
        output: meter('mjpeg', stream.name),
        rendition: () => stream.rendition(renditionOf('mjpeg', params.effective('mjpeg', stream.name))),
        onSettings: (changed) => params.onChange(changed),
        signal: AbortSignal.any([abort.signal, signal]),
      });
    } finally {
      off();
    }
    return reply;
  };
}
