"""One running stream: its frames come over the local socket of external processors and go to the frame processor."""

from __future__ import annotations

import asyncio
import contextvars
import threading
import weakref
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional

from .._errors import SluiceError
from .._host import Host
from .._nodes import Picture
from .._pictures import np
from .._processors import WITHHOLD, Handler
from .._processors import AudioFrame as LentSound
from .._processors import VideoFrame as Lent
from ._arrays import rgb_of, rgb_of_tensor
from .decorators import call, picture_answer, sound_answer
from .frame_processor import VideoProcessingResult
from .frames import AudioFrame, VideoFrame, _channels_of

if TYPE_CHECKING:
    from .frame_processor import FrameProcessor

current: contextvars.ContextVar[Optional[str]] = contextvars.ContextVar("sluice_stream", default=None)
"""The stream whose frame or call is at hand; tasks that handlers start inherit it."""

_END_SECONDS = 5.0


class RunningStream:
    """What :class:`Host` needs of a processor, and its handlers."""

    ids = None
    schema = None
    made = None

    def __init__(self, name: str, request: Mapping[str, Any], program: Mapping[str, Any], processor: FrameProcessor, loop: asyncio.AbstractEventLoop) -> None:
        self.name = self.stream = name
        self.id = "processor"
        self.request = request
        self.input: Any = None
        self._processor = processor
        self._host = Host(self, None, loop=loop, address=program)  # type: ignore[arg-type]
        self._asked: Any = None
        self._thread = threading.Thread(target=self._live, name=f"sluice {name}", daemon=True)
        self.error: Optional[Exception] = None

    def begin(self) -> None:
        self._thread.start()

    def _live(self) -> None:
        try:
            self._host.live()
        except Exception as error:
            self.error = error

    async def end(self) -> None:
        """Waits until the server has let go of the connection, which it does in its own order."""
        self._host._stop.set()
        if self.input is not None:
            await asyncio.to_thread(self.input.close)
        if self._thread.is_alive():
            await asyncio.to_thread(self._thread.join, _END_SECONDS)
        self._host.stop()

    @property
    def frames(self) -> int:
        return self._host.frames

    # -- what Host asks for

    def has(self, what: str) -> bool:
        return what == "video" or (what == "audio" and self._processor._takes("audio"))

    def handlers(self) -> Dict[str, Handler]:
        made = {"video": Handler(self._video)}
        if self.has("audio"):
            made["audio"] = Handler(self._audio)
        return made

    async def _video(self, lent: Lent) -> Any:
        current.set(self.name)
        frame = VideoFrame._of(lent)
        result = await call(self._processor.process_video_async, frame)
        answer = _picture(result, frame, lent)
        if frame._converted and lent.format in ("yuv420p", "nv12"):
            self._ask_for_rgb()
        # The memory goes back with the answer: a program that keeps the frame gets a copy.
        held = weakref.ref(frame)
        del frame, result
        kept = held()
        if kept is not None:
            kept._keep()
        return answer

    def _ask_for_rgb(self) -> None:
        """The server makes RGB of 4:2:0 in a millisecond; it is asked when a handler has looked at the picture."""
        link = self._host._link
        if link is not None and link is not self._asked:
            self._asked = link
            link.send({"type": "format", "format": "rgb24"})

    async def _audio(self, lent: LentSound) -> Any:
        current.set(self.name)
        frame = AudioFrame._of(lent)
        return _sound(sound_answer(await call(self._processor.process_audio_async, frame), frame), frame, lent)


def _picture(result: Any, frame: VideoFrame, lent: Lent) -> Any:
    result = picture_answer(result, frame)
    if result is None:
        return None
    if result is VideoProcessingResult.WITHHELD:
        return WITHHOLD
    if not isinstance(result, VideoFrame):
        raise SluiceError("bad-value", f"{type(result).__name__} was returned; expected a VideoFrame, a tensor, None or VideoProcessingResult.WITHHELD")
    source = result._lent
    if result._tensor is None and source is not None:
        if source is lent:
            return lent if result._touched else None
        return Picture(source.pixels, width=source.width, height=source.height, format=source.format)
    made = rgb_of_tensor(result._tensor)
    # A handler that only looked at the tensor leaves the picture as it was; whether it did is seen by the values alone.
    if source is lent and made.shape == (lent.height, lent.width, 3) and np.array_equal(made, rgb_of(lent)):
        return None
    return Picture(made, format="rgb24")


def _sound(result: Any, frame: AudioFrame, lent: LentSound) -> Any:
    if result is None:
        return None
    if not isinstance(result, (list, tuple)) or not all(isinstance(item, AudioFrame) for item in result):
        raise SluiceError("bad-value", f"{type(result).__name__} was returned; expected a list of AudioFrame, one, samples, or None")
    if not result:
        return WITHHOLD
    if len(result) == 1 and result[0] is frame and _unchanged(frame, lent):
        return None
    blocks: List[LentSound] = []
    at = lent.timestamp
    for item in result:
        block = _block(item, lent, at)
        at = block.timestamp + block.samples * 1_000_000 // block.rate
        blocks.append(block)
    return blocks


def _unchanged(frame: AudioFrame, lent: LentSound) -> bool:
    before = lent.array.reshape(1, -1) if lent.format == "s16" else lent.array
    return frame.samples is not None and getattr(frame.samples, "shape", None) == before.shape and bool(np.array_equal(frame.samples, before))


_FAR_MICROS = 10_000_000


def _block(item: AudioFrame, lent: LentSound, earliest: int) -> LentSound:
    """A block of the program as the link takes it: int16 packed or float32 planar."""
    samples = item._planar()
    kind = samples.dtype.kind
    block = LentSound.__new__(LentSound)
    block.id, block.received, block.rate = lent.id, lent.received, int(item.rate)
    block.channels, block.samples = _channels_of(item.layout), samples.shape[1]
    if kind == "f" and item.format.startswith(("s16", "s32")):
        # Floats under the name of integers: what they were computed from decides their scale.
        peak = float(np.abs(samples).max(initial=0))
        if peak > 1.5:
            samples = samples / (2.0**15 if item.format.startswith("s16") else 2.0**31)
    if kind == "f":
        block.format = "fltp"
        block.data = memoryview(np.ascontiguousarray(samples, "<f4").reshape(-1).view("u1"))
    elif kind in "iu":
        bits = samples.dtype.itemsize * 8
        wide = samples.astype(np.int64) - (2 ** (bits - 1) if kind == "u" else 0)
        sixteen = wide >> (bits - 16) if bits > 16 else wide << (16 - bits)
        block.format = "s16"
        block.data = memoryview(np.ascontiguousarray(sixteen.T, "<i2").reshape(-1).view("u1"))
    else:
        raise SluiceError("bad-value", f"samples: dtype {samples.dtype} received; expected integers or floats")
    meant = int(item.timestamp * item.time_base * 1_000_000) if item.time_base else lent.timestamp
    block.timestamp = max(earliest, meant) if abs(meant - lent.timestamp) < _FAR_MICROS else earliest
    return block
