"""The server of a frame processor. It runs beside this program, answers REST and trickle, and hands frames over."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import os
import signal
import threading
from typing import Any, Callable, Coroutine, Dict, List, Mapping, Optional, Union

from .._errors import SluiceError
from ._arrays import torch_or_none
from ._program import Program
from ._streams import RunningStream, current
from .decorators import call
from .frame_overlay import OverlayConfig
from .frame_processor import FrameProcessor
from .frame_skipper import FrameSkipConfig
from .state import PipelineState, StreamState

logger = logging.getLogger(__name__)

# How long streams may take to end.
_END_SECONDS = 6.0

# Options of pytrickle's server that are handlers of aiohttp, which answers no requests here.
_AIOHTTP = ("custom_routes", "middleware", "app_context", "app_kwargs")


class StreamClient:
    """A running stream, as ``server.current_client``."""

    def __init__(self, server: StreamServer, stream: str) -> None:
        self._server = server
        self.request_id = stream

    @property
    def running(self) -> bool:
        return self.request_id in self._server._streams

    def set_target_fps(self, target_fps: Optional[float]) -> None:
        self._server.set_target_fps(target_fps, self.request_id)

    async def publish_data(self, data: str) -> None:
        self._server.tell("data", self.request_id, text=data)


class StreamServer:
    """
    ``await StreamServer(frame_processor=..., port=8000).run_forever()``

    Streams are started by ``POST /stream/start``; up to ``max_streams`` run side by side, each under its ``gateway_request_id``.

    host
        Address that it listens on, this machine alone by default. Any other needs ``token=`` and ``view_token=`` (made and printed if not given)
        or ``anonymous="all"`` for a gateway that can send none.
    port
        0 = any; ``url`` is the address once it listens.
    max_streams
        Streams at a time.
    """

    def __init__(
        self,
        frame_processor: FrameProcessor,
        port: int = 8000,
        pipeline: str = "",
        capability_name: str = "",
        version: str = "0.0.1",
        cors_config: Optional[Mapping[str, Any]] = None,
        static_routes: Optional[List[Mapping[str, Any]]] = None,
        health_check_interval: float = 5.0,
        enable_default_routes: bool = True,
        route_prefix: str = "/",
        host: Optional[str] = None,
        on_startup: Optional[List[Callable[..., Any]]] = None,
        on_shutdown: Optional[List[Callable[..., Any]]] = None,
        publisher_timeout: Optional[float] = None,
        subscriber_timeout: Optional[float] = None,
        frame_skip_config: Optional[FrameSkipConfig] = None,
        overlay_config: Optional[OverlayConfig] = None,
        *,
        name: str = "stream-processor",
        send_data_interval: Optional[float] = 0.333,
        token: Optional[str] = None,
        view_token: Optional[str] = None,
        anonymous: Optional[str] = None,
        max_streams: int = 1,
        data_dir: Union[str, "os.PathLike[str]", None] = None,
        **more: Any,
    ) -> None:
        if not isinstance(frame_processor, FrameProcessor):
            raise TypeError(f"frame_processor: {frame_processor!r} received; expected an object of a class that is derived from FrameProcessor")
        if not (frame_processor._takes("video") or frame_processor._takes("audio")):
            raise ValueError(f"{type(frame_processor).__name__} has neither process_video_async nor process_audio_async")
        _refuse(more)
        if isinstance(port, bool) or not isinstance(port, int) or not 0 <= port <= 65535:
            raise ValueError(f"port: {port!r} received; expected an integer from 0 to 65535")
        for label, value, kind in (("frame_skip_config", frame_skip_config, FrameSkipConfig), ("overlay_config", overlay_config, OverlayConfig)):
            if value is not None and not isinstance(value, kind):
                raise TypeError(f"{label}: {value!r} received; expected {kind.__name__}(...) or None")
        self.frame_processor = frame_processor
        self.port, self.host, self.name, self.version = port, host, name, version
        self.pipeline = pipeline or os.getenv("PIPELINE", "byoc")
        self.capability_name = capability_name or os.getenv("CAPABILITY_NAME", os.getenv("MODEL_ID", ""))
        self.route_prefix, self.enable_default_routes = route_prefix, enable_default_routes
        self.frame_skip_config, self.overlay_config = frame_skip_config, overlay_config
        self.url: Optional[str] = None
        """Once it listens."""
        self._token: Optional[str] = None
        self.state = StreamState()
        if hasattr(frame_processor, "attach_state"):
            frame_processor.attach_state(self.state)
        self._more = {
            "dataInterval": send_data_interval,
            "healthCheckInterval": health_check_interval,
            "publisherTimeout": publisher_timeout,
            "subscriberTimeout": subscriber_timeout,
            "token": token,
            "viewToken": view_token,
            "anonymous": anonymous,
            "maxStreams": max_streams,
            "cors": cors_config and list(cors_config),
            "staticRoutes": static_routes and [{"prefix": each["prefix"], "path": os.fspath(each["path"])} for each in static_routes],
            "dataDir": None if data_dir is None else os.fspath(data_dir),
        }
        self._on_startup, self._on_shutdown = list(on_startup or []), list(on_shutdown or [])
        self._streams: Dict[str, RunningStream] = {}
        self._program: Optional[Program] = None
        self._loop: Optional[asyncio.AbstractEventLoop] = None
        self._tasks: "set[asyncio.Task[None]]" = set()
        self._heard: Optional["asyncio.Queue[Optional[Dict[str, Any]]]"] = None
        self._last_error: Optional[SluiceError] = None

    # -- its life

    async def run_forever(self) -> None:
        """Until it is cancelled, stopped, or SIGTERM. Raises SluiceError if the server cannot start or ends by itself."""
        if self._program is not None:
            raise RuntimeError("the server runs already")
        loop = self._loop = asyncio.get_running_loop()
        heard: "asyncio.Queue[Optional[Dict[str, Any]]]" = asyncio.Queue()
        self._heard, self._last_error = heard, None
        for hook in self._on_startup:
            await call(hook, self)

        def hear(line: Optional[Dict[str, Any]]) -> None:
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(heard.put_nowait, line)

        self._program = program = Program(hear)
        signalled = _on_term(loop, lambda: heard.put_nowait({"type": "end"}))
        try:
            program.send(self._configuration())
            while True:
                line = await heard.get()
                if line is None:
                    raise self._last_error or SluiceError("unreachable", f"the server ended by itself (exit code {await asyncio.to_thread(program.end)}); its log says why")
                if line.get("type") == "end":
                    return
                self._hear(line)
        finally:
            if signalled:
                loop.remove_signal_handler(signal.SIGTERM)
            await self._shut(program, heard)

    async def _shut(self, program: Program, heard: "asyncio.Queue[Optional[Dict[str, Any]]]") -> None:
        program.send({"type": "end"})
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._hear_the_end(heard), _END_SECONDS)
        for name in list(self._streams):
            await self._stop(name)
        await asyncio.shield(asyncio.to_thread(program.end))
        for task in list(self._tasks):
            task.cancel()
        self._program = None
        for hook in self._on_shutdown:
            with contextlib.suppress(Exception):
                await call(hook, self)

    async def _hear_the_end(self, heard: "asyncio.Queue[Optional[Dict[str, Any]]]") -> None:
        """Streams are stopped in the server's order, until it says nothing any more."""
        while self._program is not None and self._program.code is None:
            line = await heard.get()
            if line is None:
                return
            self._hear(line)

    async def stop(self) -> None:
        """Ends ``run_forever``."""
        if self._heard is not None:
            self._heard.put_nowait({"type": "end"})

    def _configuration(self) -> Dict[str, Any]:
        skip, overlay = self.frame_skip_config, self.overlay_config
        line = {
            "type": "configure",
            "name": self.name,
            "video": self.frame_processor._takes("video"),
            "audio": self.frame_processor._takes("audio"),
            "load": True,
            "host": self.host,
            "port": self.port,
            "routePrefix": self.route_prefix,
            "pipeline": self.pipeline,
            "capabilityName": self.capability_name,
            "version": self.version,
            "frameSkip": skip and skip._lines(),
            "overlay": overlay and overlay._lines(),
            **self._more,
        }
        return {key: value for key, value in line.items() if value is not None}

    # -- what the server says

    def _hear(self, line: Dict[str, Any]) -> None:
        kind = line.get("type")
        if kind == "listening":
            self.url = str(line["url"])
            self._token = line.get("token")
            logger.info("%s listens at %s", self.name, self.url)
        elif kind == "state":
            with contextlib.suppress(ValueError):
                self.state.state = PipelineState(line.get("state"))
        elif kind == "error":
            self._last_error = SluiceError(str(line.get("code")), str(line.get("detail")))
        elif kind in ("load", "start", "params", "stop"):
            self._keep(self._answer(kind, line))

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, kind: str, line: Dict[str, Any]) -> None:
        number = line.get("call")
        try:
            if kind == "load":
                await self._load()
            elif kind == "start":
                await self._start(line)
            elif kind == "params":
                current.set(line.get("stream"))
                await call(self.frame_processor.update_params, dict(line.get("params") or {}))
            else:
                await self._stop(str(line.get("stream")))
        except asyncio.CancelledError:
            self._say({"type": "failed", "call": number, "error": "the program ends"})
            raise
        except Exception as error:
            logger.error("%s failed: %s", kind, error, exc_info=None if isinstance(error, SluiceError) else error)
            self._say({"type": "failed", "call": number, "error": str(error)[:2000] or type(error).__name__})
        else:
            self._say({"type": "done", "call": number})

    async def _load(self) -> None:
        # Before the first frame needs it.
        await asyncio.to_thread(torch_or_none)
        await self.frame_processor.ensure_model_loaded()

    async def _start(self, line: Dict[str, Any]) -> None:
        name = str(line["stream"])
        stream = RunningStream(name, line.get("request") or {}, line["program"], self.frame_processor, asyncio.get_running_loop())
        self._streams[name] = stream
        self.state.active_streams = len(self._streams)
        current.set(name)
        try:
            await call(self.frame_processor.on_stream_start, dict(line.get("params") or {}))
        except Exception as error:
            logger.error("on_stream_start of %s failed: %s", name, error, exc_info=error)
        if self._streams.get(name) is stream:
            stream.begin()

    async def _stop(self, name: str) -> None:
        stream = self._streams.pop(name, None)
        self.state.active_streams = len(self._streams)
        if stream is None:
            return
        self._keep(stream.end())
        current.set(name)
        try:
            await call(self.frame_processor.on_stream_stop)
        except Exception as error:
            logger.error("on_stream_stop of %s failed: %s", name, error, exc_info=error)

    # -- what the program says

    def _say(self, line: Mapping[str, Any]) -> None:
        if self._program is not None:
            self._program.send(line)

    def here(self, stream: Optional[str] = None) -> Optional[str]:
        """The stream that is meant: the one given, the one whose handler runs, the only one. None: all of them."""
        name = stream or current.get()
        if name in self._streams:
            return name
        return next(iter(self._streams)) if len(self._streams) == 1 else None

    def tell(self, kind: str, stream: Optional[str] = None, **what: Any) -> bool:
        """False if no stream runs."""
        if not self._streams or self._program is None or (stream is not None and stream not in self._streams):
            return False
        name = self.here(stream)
        self._say({"type": kind, **({"stream": name} if name else {}), **what})
        return True

    def set_target_fps(self, target_fps: Optional[float], stream: Optional[str] = None) -> bool:
        if target_fps is not None and not 0 < float(target_fps) <= 1000:
            raise ValueError(f"target_fps: {target_fps!r} received; expected more than 0, or None")
        return self.tell("fps", stream, fps=target_fps)

    @property
    def current_client(self) -> Optional[StreamClient]:
        """The stream whose handler runs, else the newest; None without streams."""
        name = self.here() or next(reversed(list(self._streams)), None)
        return StreamClient(self, name) if name else None

    def get_state(self) -> Dict[str, Any]:
        return self.state.get_state()

    def get_health_state(self) -> Dict[str, Any]:
        return self.state.get_pipeline_state()

    def is_healthy(self) -> bool:
        return not self.state.is_error()

    def get_health_summary(self) -> str:
        return self.state.state.value


def _refuse(more: Mapping[str, Any]) -> None:
    """Options that mean nothing here: said by name."""
    for key, value in more.items():
        if key in _AIOHTTP:
            if value:
                raise ValueError(f"{key}: these are parts of aiohttp, which answers no requests here; run a web server of your own beside this one, or see runStreamProcessor")
        else:
            known = [name for name in inspect.signature(StreamServer.__init__).parameters if name not in ("self", "more")]
            raise TypeError(f"{key} is not an option; expected some of {', '.join(known)}")


def _on_term(loop: asyncio.AbstractEventLoop, end: Callable[[], None]) -> bool:
    """Ends at SIGTERM where that can be caught and nobody else does."""
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        return False
    try:
        loop.add_signal_handler(signal.SIGTERM, end)
    except (NotImplementedError, RuntimeError, ValueError):
        return False
    return True
