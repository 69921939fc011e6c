"""What handlers return, as bytes for the server."""

from __future__ import annotations

from typing import Any, List, Mapping, Optional, Tuple

from ._errors import SluiceError
from ._link import _IN_MEMORY, Answer
from ._nodes import Picture
from ._pictures import _FORMATS, _HEADER, _frame, np
from ._processors import WITHHOLD, AudioFrame, VideoFrame

_NOTHING = "expected None, the frame, an array, bytes, a Picture or WITHHOLD"


def video_answer(result: Any, frame: Optional[VideoFrame], own: bool) -> Tuple[str, List[Answer]]:
    """``pass``, ``withhold``, or ``made`` with the pictures."""
    if result is None:
        return "pass", []
    if result is WITHHOLD:
        return "withhold", []
    if type(result) in (list, tuple) and not isinstance(result, Picture):
        items = [item for item in result if item is not WITHHOLD and item is not None]
        if not own and len(items) > 1:
            raise SluiceError("bad-value", f'{len(items)} pictures for one frame; a processor that gives several says ids="own"')
        # Only one of several may lie where the frame lay.
        return ("made" if items else "withhold"), [_answer(item, frame, own, len(items) == 1) for item in items]
    return "made", [_answer(result, frame, own, True)]


def _answer(item: Any, frame: Optional[VideoFrame], own: bool, alone: bool) -> Answer:
    place = frame._place if frame is not None else None
    if isinstance(item, VideoFrame):
        if item is not frame:
            raise SluiceError("bad-value", f"{item!r} was returned for {frame!r}; copy the array of a frame that is to be kept")
        return _there(frame, 0, None)
    pixels, timestamp, metadata, more = item, None, None, {}  # type: Any, Any, Any, Any
    if isinstance(item, Picture):
        pixels, timestamp, metadata = item.pixels, item.timestamp, item.metadata
        more = {key: getattr(item, key) for key in ("width", "height", "format", "stride", "significant_bits") if getattr(item, key)}
    if isinstance(pixels, (str, int, float, dict)):
        raise SluiceError("bad-value", f"{type(pixels).__name__} was returned; {_NOTHING}")
    made = _frame(pixels, timestamp if own else None, metadata, **{**dict(width=None, height=None, format=None, stride=0, significant_bits=0), **_like(pixels, frame, more)})
    if made.header[6] != 0:
        raise SluiceError("bad-value", "JPEG or PNG was returned; expected pixels")
    if place is not None and alone and len(made.payload) <= len(place.pixels):
        if not _same(made.payload, place.pixels):
            place.pixels[: len(made.payload)] = made.payload
        head = bytearray(made.header)
        head[46] = _IN_MEMORY
        return Answer(bytes(head), made.payload, place.offset)
    return Answer(made.header, made.payload, None)


def _like(pixels: Any, frame: Optional[VideoFrame], more: Mapping[str, Any]) -> Mapping[str, Any]:
    """What an answer does not say of itself is as it was, where that fits."""
    if frame is None or "format" in more:
        return more
    if hasattr(pixels, "shape") and not isinstance(pixels, memoryview):
        # A picture of the same kind: bgr24 stays bgr24, 4:2:0 stays 4:2:0.
        same = np is not None and frame.array.dtype == pixels.dtype and frame.array.ndim == pixels.ndim and frame.array.shape[2:] == pixels.shape[2:]
        planar = _FORMATS[frame.format][1] == 0
        if same and (not planar or frame.array.shape == pixels.shape):
            bits = more.get("significant_bits") or frame.significant_bits
            odd = dict(width=frame.width, height=frame.height) if planar else {}
            return {**more, **odd, "format": frame.format, "significant_bits": bits}
        return more
    return {"width": frame.width, "height": frame.height, "significant_bits": frame.significant_bits, **more, "format": frame.format}


def _same(a: memoryview, b: memoryview) -> bool:
    """Whether both begin at the same byte."""
    return np is not None and np.frombuffer(a, "u1").ctypes.data == np.frombuffer(b, "u1").ctypes.data


def _there(frame: VideoFrame, timestamp: int, metadata: Optional[bytes]) -> Answer:
    """The frame itself, changed in place."""
    place = frame._place
    number = _FORMATS[frame.format][0]
    size = len(frame.pixels)
    head = _HEADER.pack(b"SLF1", _HEADER.size, 0, number, frame.width, frame.height, 0, size, 0, timestamp, 0, frame.significant_bits, 0 if place is None else _IN_MEMORY)
    return Answer(head, frame.pixels, None if place is None else place.offset)


def audio_answer(result: Any, block: AudioFrame) -> Tuple[str, List[Tuple[AudioFrame, int, int, int, memoryview]]]:
    if result is None:
        return "pass", []
    if result is WITHHOLD:
        return "withhold", []
    items = result if type(result) in (list, tuple) else [result]
    return "made", [_sound(item, block) for item in items]


def _sound(item: Any, block: AudioFrame) -> Tuple[AudioFrame, int, int, int, memoryview]:
    number = 0 if block.format == "s16" else 1
    if isinstance(item, AudioFrame):
        return item, 0 if item.format == "s16" else 1, item.channels, item.samples, item.data
    if np is None or not hasattr(item, "shape"):
        data = memoryview(item).cast("B")
        samples, left = divmod(len(data), block.channels * (4 if number else 2))
        if left:
            raise SluiceError("bad-value", f"{len(data)} bytes of sound were returned; expected whole samples of {block.channels} channels {block.format}")
        return block, number, block.channels, samples, data
    array = np.asarray(item)
    if array.ndim != 2 or array.dtype.kind not in "fi":
        raise SluiceError("bad-value", f"{array.dtype} {array.shape} was returned; expected int16 (samples, channels) or float32 (channels, samples)")
    number = int(array.dtype.kind == "f")
    array = np.ascontiguousarray(array, "<f4" if number else "<i2")
    channels, samples = array.shape if number else array.shape[::-1]
    return block, number, channels, samples, memoryview(array.reshape(-1).view("u1"))
