"""Processors: what a program does with the pictures and the sound of a stream, and which settings it has."""

from __future__ import annotations

import inspect
import json
from typing import Any, Callable, Dict, Mapping, NamedTuple, Optional, Sequence

from ._errors import SluiceError
from ._nodes import Marker
from ._pictures import np
from ._values import _json, _numbers


class _Withhold:
    def __repr__(self) -> str:
        return "WITHHOLD"


WITHHOLD = _Withhold()
"""Returned by a processor: this picture (or sound) is not shown."""

_HANDLERS = ("video", "audio", "generate")
_CALLS = (*_HANDLERS, "load", "on_start", "on_stop", "on_params")


class Param(NamedTuple):
    """A setting that may change while the processor runs. Its type is that of the default."""

    default: Any
    min: Optional[float] = None
    max: Optional[float] = None
    step: Optional[float] = None
    options: Optional[Sequence[Any]] = None
    """What is allowed, one of these."""
    title: Optional[str] = None
    description: Optional[str] = None
    unit: Optional[str] = None
    group: Optional[str] = None
    control: Optional[str] = None
    """range, number, switch, select, text, color or trigger; else the form chooses."""

    def schema(self, name: str) -> Dict[str, Any]:
        kinds = {bool: "boolean", int: "integer", float: "number", str: "string"}
        kind = kinds.get(type(self.default))
        if kind is None:
            raise SluiceError("bad-value", f"{name}: {self.default!r} received; expected a default that is bool, int, float or str")
        # A range with a fraction makes the setting a fraction, whatever the default looks like.
        if kind == "integer" and any(isinstance(bound, float) for bound in (self.min, self.max, self.step)):
            kind = "number"
        names = dict(minimum=self.min, maximum=self.max, enum=self.options and list(self.options))
        told = dict(title=self.title, description=self.description, unit=self.unit, group=self.group, control=self.control, step=self.step)
        return {"type": kind, "default": self.default, **{key: value for key, value in {**names, **told}.items() if value is not None}}


class Params(Dict[str, Any]):
    """The settings that hold: ``params["level"]`` or ``params.level``."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"no setting is called {name}") from None


class VideoFrame:
    """A picture, lent until the handler has returned: copy what is to be kept."""

    __slots__ = ("id", "timestamp", "received", "width", "height", "format", "significant_bits", "metadata", "pixels", "_array", "_place")

    id: int
    timestamp: int
    """Capture time in µs since the Unix epoch."""
    received: int
    """When the server got it, µs."""
    width: int
    height: int
    format: str
    """Named as in FFmpeg: rgb24, gray16le, ..."""
    significant_bits: int
    metadata: Dict[str, Any]
    pixels: memoryview
    """The bytes, tightly packed. They may be changed: return the frame itself then."""

    @property
    def array(self) -> Any:
        """The samples as a numpy array without a copy: (H, W), (H, W, C), or (H * 3/2, W) in 4:2:0. May be changed in place."""
        if self._array is None:
            if np is None:
                raise SluiceError("bad-value", "array needs numpy; without it use pixels, a memoryview")
            self._array = _as_array(self.pixels, self.format, self.width, self.height)
        return self._array

    def __repr__(self) -> str:
        return f"<sluice.VideoFrame {self.id} {self.width}x{self.height} {self.format}>"


def _as_array(pixels: memoryview, format: str, width: int, height: int) -> Any:
    from ._pictures import _FORMATS

    _, channels, item = _FORMATS[format]
    array = np.frombuffer(pixels, {1: "u1", 2: "<u2", 4: "<f4"}[item])
    if channels == 0:
        return array.reshape(height * 3 // 2, width) if width % 2 == 0 and height % 2 == 0 else array
    return array.reshape(height, width) if channels == 1 else array.reshape(height, width, channels)


class AudioFrame:
    """A block of sound, lent until the handler has returned."""

    __slots__ = ("id", "timestamp", "received", "rate", "channels", "samples", "format", "data")

    id: int
    timestamp: int
    """Capture time of the first sample in µs since the Unix epoch."""
    received: int
    rate: int
    """Hz"""
    channels: int
    samples: int
    """Of each channel."""
    format: str
    """s16: interleaved; fltp: floats from -1 to 1, one channel after the other."""
    data: memoryview

    @property
    def array(self) -> Any:
        """s16: int16 (samples, channels); fltp: float32 (channels, samples). May be changed in place."""
        if np is None:
            raise SluiceError("bad-value", "array needs numpy; without it use data, a memoryview")
        if self.format == "s16":
            return np.frombuffer(self.data, "<i2").reshape(self.samples, self.channels)
        return np.frombuffer(self.data, "<f4").reshape(self.channels, self.samples)


class ProcessorContext:
    """What a handler gets beside the frame."""

    def __init__(self, id: str, stream: str, params: Params, send: Callable[[Dict[str, Any]], None], stopping: Callable[[], bool]) -> None:
        self.id = id
        """Of the processor in its stream."""
        self.stream = stream
        self.params = params
        self._send = send
        self._stopping = stopping
        self._found: Dict[str, Any] = {}

    @property
    def stopping(self) -> bool:
        """True when the program is to end: for handlers that take long."""
        return self._stopping()

    def metric(self, values: Mapping[str, Any]) -> None:
        """Numbers of the frame at hand: numbers, vectors of up to 1,024, None = gap."""
        self._found.setdefault("metrics", {}).update(_numbers(values))

    def marker(self, label: str, kind: str = "event", **more: Any) -> None:
        """An event at the frame at hand, or where ``frame`` and ``timestamp`` say; the others as in :class:`Marker`."""
        given = {key: value for key, value in Marker(label, kind, **more)._asdict().items() if value not in (None, False)}
        if "end_frame" in given:
            given["endFrame"] = given.pop("end_frame")
        self._found.setdefault("markers", []).append(_json(given, "marker"))

    def data(self, record: Mapping[str, Any]) -> None:
        """A JSON record of the frame at hand; ``{"boxes": [{"x", "y", "w", "h", "label"}]}`` in source pixels is drawn over the picture."""
        self._found.setdefault("data", []).append(_json(record, "data"))

    def log(self, message: str, **values: Any) -> None:
        """Into the log of the server."""
        self._send({"type": "log", "message": message[:2000], "values": _json(values, "values")})

    def progress(self, message: str, share: Optional[float] = None) -> None:
        """In ``load``: what is being done, and how much of it, 0 to 1. Drawn over the picture until the processor is ready."""
        self._send({"type": "progress", "message": message[:500], "share": share})


class Processor:
    """What stands behind a processor of a stream. Made by :func:`processor`; a function is still callable as it was."""

    def __init__(self, made: Any, stream: str, id: str, handler: str, params: Any, ids: Optional[str], name: Optional[str]) -> None:
        self.made = made
        self.stream = stream
        self.id = id
        self.ids = ids
        self.handler = handler
        self.name = name or getattr(made, "__name__", id)
        self.schema = _schema(params if params is not None else _declared(made))
        if not any(self.has(call) for call in _HANDLERS):
            raise SluiceError("bad-value", f"{self.name} has no handler; expected a function, or a class with {', '.join(_HANDLERS)}")

    def has(self, call: str) -> bool:
        return hasattr(self.made, call) if inspect.isclass(self.made) else call == self.handler

    def handlers(self) -> Dict[str, "Handler"]:
        """Its handlers; of a class those of a new object."""
        if not inspect.isclass(self.made):
            return {self.handler: Handler(self.made)}
        made = self.made()
        return {call: Handler(getattr(made, call)) for call in _CALLS if hasattr(made, call)}

    def __call__(self, *args: Any, **more: Any) -> Any:
        return self.made(*args, **more)

    def __repr__(self) -> str:
        return f"<sluice.Processor {self.name!r} for {self.stream!r}>"


class Handler:
    """A function of the user: it is given as much as it takes."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.asynchronous = inspect.iscoroutinefunction(function)
        kinds = [parameter.kind for parameter in inspect.signature(function).parameters.values()]
        positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        self.takes = 99 if inspect.Parameter.VAR_POSITIONAL in kinds else sum(kind in positional for kind in kinds)

    def __call__(self, *args: Any) -> Any:
        return self.function(*args[: self.takes])


def _declared(made: Any) -> Dict[str, Param]:
    return {key: value for key, value in vars(made).items() if isinstance(value, Param)} if inspect.isclass(made) else {}


def _schema(params: Any) -> Optional[Dict[str, Any]]:
    if not params:
        return None
    if isinstance(params, Mapping) and isinstance(params.get("properties"), Mapping):
        return dict(json.loads(json.dumps(params)))
    if not isinstance(params, Mapping):
        raise SluiceError("bad-value", f"params: {params!r} received; expected a dict of names and Param(...), or a JSON Schema")
    properties = {key: (value if isinstance(value, Param) else Param(value)).schema(key) for key, value in params.items()}
    return {"type": "object", "properties": properties, "additionalProperties": False}


def processor(
    stream: str,
    id: str = "external",
    *,
    params: Optional[Mapping[str, Any]] = None,
    handler: str = "video",
    ids: Optional[str] = None,
    name: Optional[str] = None,
) -> Callable[[Any], Processor]:
    """Makes a processor of a function or a class::

        @processor(stream="cam", params={"amount": Param(1.0, min=0, max=1)})
        def invert(frame, ctx):
            frame.array[...] = 255 - frame.array
            return frame

        run(invert)

    The stream's configuration says where it stands: ``processors: [{ use: external }]``. A function is called for each picture; a class may
    have ``load(ctx)``, ``video(frame, ctx)``, ``audio(block, ctx)``, ``generate(ctx)``, ``on_start(ctx)``, ``on_stop(ctx)`` and
    ``on_params(params, ctx)``, plain or ``async``, and settings as ``level = Param(...)``.

    What ``video`` returns: None (the picture passes as it is), the frame (changed in place), an array or bytes, a
    :class:`Picture`, :data:`WITHHOLD`, or with ``ids="own"`` a list of pictures.

    id
        Of the processor in the stream's configuration: ``{ id: invert, use: external }``.
    params
        Settings: names and :class:`Param`, or just their defaults; or a whole JSON Schema.
    handler
        What a function is: ``video``, ``audio`` or ``generate`` (makes pictures without input).
    """
    if handler not in _HANDLERS:
        raise SluiceError("bad-value", f"handler: {handler!r} received; expected {', '.join(_HANDLERS)}")
    if ids not in (None, "frame", "own"):
        raise SluiceError("bad-value", f"ids: {ids!r} received; expected frame or own")
    return lambda made: Processor(made, stream, id, handler, params, ids, name)
