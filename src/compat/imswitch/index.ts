// What clients of ImSwitch's live view expect: Socket.IO under `/imswitch/socket.io/`, REST under `/imswitch/api/LiveViewController/`, built on
// the live views of detectors.
import type { CompatContext } from '../compat.ts';
import { Controller } from './controller.ts';
import { Feeds } from './feeds.ts';
import { mjpegStream } from './mjpeg.ts';
import { ImswitchParams } from './params.ts';
import { API_PATHS, controllerRoutes, readJsonBodies, route } from './routes.ts';
import { openSockets } from './sockets.ts';
import { type SocketFormat, SocketViewer } from './viewer.ts';
import { WebRtcPeers } from './webrtc.ts';

const SETTINGS_PATHS = ['/imswitch/api/SettingsController', '/SettingsController'];
const FORMATS: readonly string[] = ['msgpack', 'frame_meta'] satisfies SocketFormat[];

export function openImswitch(context: CompatContext): void {
  const { registry, liveViews, meter, settings, signal } = context;
  const params = new ImswitchParams();
  registry.events.on('removed', ({ stream }) => params.forget(stream.name));
  const feeds = new Feeds({ registry, liveViews, params, meter });
  signal.addEventListener('abort', () => feeds[Symbol.dispose](), { once: true });

  const controller = new Controller({ registry, liveViews, params });
  const peers = new WebRtcPeers(context, controller, params);
  context.app.register((scope, _options, registered) => {
    readJsonBodies(scope);
    controllerRoutes(scope, controller);
    const mjpeg = mjpegStream(context, controller, params);
    for (const path of API_PATHS) scope.get(`${path}/mjpeg_stream`, { schema: { hide: true } }, mjpeg);
    // The first page asked under another name.
    const offers = [...API_PATHS, '/imswitch/api/liveview', '/liveview'];
    route(scope, 'POST', 'webrtc_offer', ({ body, request }) => peers.offer(body, request), offers);
    route(scope, 'POST', 'webrtc_ice_candidate', ({ detector, body }) => peers.addCandidate(detector, body));
    // What its page asks beside that to offer the detectors.
    route(scope, 'GET', 'getDetectorNames', () => liveViews.detectors().map(({ name }) => name), SETTINGS_PATHS);
    registered();
  });

  openSockets({
    ...context,
    onClient: (socket, query) => {
      const asked = query.get('format') ?? settings.imswitch.format;
      const format = FORMATS.includes(asked) ? (asked as SocketFormat) : null;
      const viewer = new SocketViewer({ socket, format, detector: query.get('detectorName') });
      feeds.add(viewer);
      socket.once('disconnect', () => feeds.remove(viewer));
    },
  });
}
