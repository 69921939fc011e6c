"""Processors as functions."""

from __future__ import annotations

import asyncio
import inspect
import logging
from typing import Any, Callable, Dict, List, Mapping, Optional, Union

from ._input import push_frame
from .decorators import call, handlers_of
from .frame_overlay import OverlayConfig
from .frame_processor import FrameProcessor, VideoProcessingResult
from .frame_skipper import FrameSkipConfig
from .frames import AudioFrame, VideoFrame
from .registry import HandlerRegistry
from .server import StreamServer

__all__ = ["StreamProcessor", "VideoProcessingResult"]

logger = logging.getLogger(__name__)

Function = Optional[Callable[..., Any]]


class StreamProcessor:
    """
    A processor of functions, ``async`` or plain (these run in a thread)::

        async def invert(frame: VideoFrame):
            return frame.replace_tensor(1 - frame.tensor)

        StreamProcessor(video_processor=invert, port=8000).run()

    video_processor
        Called with each picture: gives a VideoFrame, a tensor or array, None (it passes as it is) or ``VideoProcessingResult.WITHHELD``. If it
        raises, the picture passes.
    audio_processor
        Called with each block of sound: gives a list of AudioFrame, or None.
    model_loader
        Called once, before the first stream.
    param_updater
        Called with new params. What it raises is the answer of the request.
    on_stream_start, on_stream_stop
        Called with the params of a stream, and at its end.
    server_kwargs
        Of :class:`StreamServer`: host, token, ...
    """

    @classmethod
    def from_handlers(cls, handler_instance: Any, **options: Any) -> "StreamProcessor":
        """Finds the handlers of an object, which decorators have marked."""
        if inspect.isclass(handler_instance):
            raise TypeError(f"from_handlers: the class {handler_instance.__name__} received; expected an object: {handler_instance.__name__}()")
        registry = HandlerRegistry()
        for handler, info in handlers_of(handler_instance):
            registry.register(handler, info)
        if registry.get("video") is None and registry.get("audio") is None:
            raise ValueError(f"{type(handler_instance).__name__} has no handler for frames; mark one with @video_handler or @audio_handler")
        made = cls(
            video_processor=registry.get("video"),
            audio_processor=registry.get("audio"),
            model_loader=registry.get("model_loader"),
            param_updater=registry.get("param_updater"),
            on_stream_start=registry.get("stream_start"),
            on_stream_stop=registry.get("stream_stop"),
            **options,
        )
        made._handler_registry = registry
        return made

    def __init__(
        self,
        video_processor: Function = None,
        audio_processor: Function = None,
        model_loader: Function = None,
        param_updater: Function = None,
        on_stream_start: Function = None,
        on_stream_stop: Function = None,
        send_data_interval: Optional[float] = 0.333,
        name: str = "stream-processor",
        port: int = 8000,
        frame_skip_config: Optional[FrameSkipConfig] = None,
        overlay_config: Optional[OverlayConfig] = None,
        validate_signature: bool = True,
        **server_kwargs: Any,
    ) -> None:
        functions = {
            "video_processor": video_processor,
            "audio_processor": audio_processor,
            "model_loader": model_loader,
            "param_updater": param_updater,
            "on_stream_start": on_stream_start,
            "on_stream_stop": on_stream_stop,
        }
        for label, function in functions.items():
            if function is not None and not callable(function):
                raise TypeError(f"{label}: {function!r} received; expected a function")
            if validate_signature and function is not None:
                _check_signature(label, function)
        if video_processor is None and audio_processor is None:
            raise ValueError("a stream processor needs video_processor or audio_processor")
        self.video_processor, self.audio_processor = video_processor, audio_processor
        # A subclass may have methods of these names.
        for label in ("model_loader", "param_updater", "on_stream_start", "on_stream_stop"):
            if not hasattr(type(self), label):
                setattr(self, label, functions[label])
        self.send_data_interval, self.name, self.port = send_data_interval, name, port
        self.frame_skip_config, self.overlay_config, self.server_kwargs = frame_skip_config, overlay_config, server_kwargs
        self._handler_registry: Optional[HandlerRegistry] = None
        self._frame_processor = _Functions(functions, name)
        self.server = StreamServer(
            frame_processor=self._frame_processor,
            port=port,
            frame_skip_config=frame_skip_config,
            overlay_config=overlay_config,
            name=name,
            send_data_interval=send_data_interval,
            **server_kwargs,
        )

    async def send_data(self, data: str) -> bool:
        """A text for the data channel of the stream at hand, or of all. False if none runs."""
        if not isinstance(data, str):
            raise TypeError(f"send_data: {type(data).__name__} received; expected a str (json.dumps(...))")
        return self.server.tell("data", text=data)

    async def send_monitoring_event(self, event: Mapping[str, Any], event_type: str = "custom_monitoring_event") -> bool:
        """A dict for the events channel of the stream at hand, or of all. False if none runs."""
        if not isinstance(event, Mapping):
            raise TypeError(f"send_monitoring_event: {type(event).__name__} received; expected a dict")
        return self.server.tell("event", event=dict(event), eventType=event_type)

    async def send_input_frame(self, frame: Union[VideoFrame, AudioFrame]) -> bool:
        """Gives a picture to the input of a stream that has no subscribe_url: it takes the way of all others. False if that cannot be."""
        return await push_frame(self.server, frame)

    def set_loading_overlay(self, active: bool) -> bool:
        """Shows the overlay instead of the pictures of the stream at hand, or of all; the processor is not called meanwhile. False if none runs."""
        return self.server.tell("loading", active=bool(active))

    def set_target_fps(self, target_fps: Optional[float]) -> bool:
        """Frames per second that the processor is given; None = as they come. False if no stream runs."""
        return self.server.set_target_fps(target_fps)

    async def run_forever(self) -> None:
        """Serves until it is cancelled. Raises SluiceError if the server cannot start."""
        await self.server.run_forever()

    def run(self) -> None:
        """Serves until Ctrl-C or SIGTERM."""
        try:
            asyncio.run(self.run_forever())
        except KeyboardInterrupt:
            pass


def _check_signature(label: str, function: Callable[..., Any]) -> None:
    """Says at once what would fail with the first call."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return
    if label == "model_loader":
        return
    given = () if label == "on_stream_stop" else (None,)
    try:
        signature.bind(*given)
    except TypeError as error:
        what = {"param_updater": "a dict of params", "on_stream_start": "a dict of params", "on_stream_stop": "nothing"}.get(label, "a frame")
        raise TypeError(f"{label}: {getattr(function, '__name__', function)}{signature} received; it is called with {what}: {error}") from None


class _Functions(FrameProcessor):
    """Functions as a frame processor."""

    def __init__(self, functions: Dict[str, Function], name: str) -> None:
        super().__init__()
        self.name = name
        self._functions = functions

    def _takes(self, what: str) -> bool:
        return self._functions[f"{what}_processor"] is not None

    async def _call(self, label: str, *args: Any, **more: Any) -> Any:
        function = self._functions[label]
        return None if function is None else await call(function, *args, **more)

    async def load_model(self, **kwargs: Any) -> None:
        await self._call("model_loader", **kwargs)

    async def process_video_async(self, frame: VideoFrame) -> Any:
        return await self._call("video_processor", frame)

    async def process_audio_async(self, frame: AudioFrame) -> Optional[List[AudioFrame]]:
        return await self._call("audio_processor", frame)

    async def update_params(self, params: Dict[str, Any]) -> None:
        if not params:
            return
        given = dict(params)
        if given.pop("load_model", False):
            await self.ensure_model_loaded()
        if given:
            await self._call("param_updater", given)

    async def on_stream_start(self, params: Dict[str, Any]) -> None:
        await self._call("on_stream_start", params or {})

    async def on_stream_stop(self) -> None:
        await self._call("on_stream_stop")


