"""Frames as pytrickle has them: pictures as tensors, sound as arrays."""

from __future__ import annotations

import copy
import time
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Dict, List, Optional

from .._errors import SluiceError
from .._pictures import np
from ._arrays import is_torch, need_numpy, rgb_of, rgb_of_tensor, tensor_of

if TYPE_CHECKING:
    from .._processors import AudioFrame as LentSound
    from .._processors import VideoFrame as Lent

DEFAULT_WIDTH = 512
DEFAULT_HEIGHT = 512

MICROSECOND = Fraction(1, 1_000_000)
"""Unit of the timestamps of frames that come from a stream: capture time since the Unix epoch."""


class SideData:
    """What a program wants to keep with a frame."""

    skipped: bool = True
    input: Any = None


class InputFrame:
    """What pictures and sound have in common."""

    timestamp: int
    """In units of ``time_base``. Of frames from a stream: capture time, µs since the Unix epoch."""
    time_base: Fraction
    log_timestamps: Dict[str, float]
    side_data: SideData


class VideoFrame(InputFrame):
    """A picture. ``tensor`` is made when it is first asked for."""

    def __init__(self, tensor: Any, timestamp: int, time_base: Fraction, log_timestamps: Optional[Dict[str, float]] = None) -> None:
        if tensor is None:
            raise SluiceError("bad-value", "VideoFrame: tensor: None received; expected a tensor or an array")
        self._tensor = tensor
        self._lent: Optional[Lent] = None
        self._touched = self._converted = False
        self.timestamp = timestamp
        self.time_base = time_base
        self.log_timestamps = log_timestamps or {}
        self.side_data = SideData()

    @classmethod
    def _of(cls, lent: Lent) -> VideoFrame:
        """A picture as it came over the link."""
        frame = cls.__new__(cls)
        frame._tensor, frame._lent, frame._touched, frame._converted = None, lent, False, False
        frame.timestamp, frame.time_base = lent.timestamp, MICROSECOND
        frame.log_timestamps = {"frame_init": time.time()}
        frame.side_data = SideData()
        return frame

    @property
    def tensor(self) -> Any:
        """float32 [1, H, W, 3] from 0 to 1: torch where it is installed, otherwise numpy. Memory of its own; may be changed in place."""
        if self._tensor is None:
            self._tensor = tensor_of(self._rgb())
        return self._tensor

    @tensor.setter
    def tensor(self, tensor: Any) -> None:
        self._tensor = tensor

    @property
    def array(self) -> Any:
        """uint8 (H, W, 3), numpy; not in pytrickle. Of rgb24 it is the frame's own memory: changing it and returning the frame costs no copy."""
        if self._tensor is not None:
            return rgb_of_tensor(self._tensor)
        made = self._rgb()
        if self._lent.format == "rgb24":  # type: ignore[union-attr]
            self._touched = True
        return made

    def _rgb(self) -> Any:
        self._converted = True
        return rgb_of(self._lent)  # type: ignore[arg-type]

    @classmethod
    def from_tensor(cls, tensor: Any, timestamp: int = 0) -> VideoFrame:
        """A frame of a tensor or an array, with its time in µs since the Unix epoch; 0 = now, when it is sent."""
        return cls(tensor, timestamp, MICROSECOND)

    @classmethod
    def from_av_video(cls, tensor: Any, timestamp: int, time_base: Fraction) -> VideoFrame:
        return cls(tensor, timestamp, time_base)

    @classmethod
    def from_av_frame_with_timing(cls, av_frame: Any, original_frame: VideoFrame) -> VideoFrame:
        """Of a picture of PyAV, with the time of another frame."""
        return cls(tensor_of(av_frame.to_ndarray(format="rgb24")), original_frame.timestamp, original_frame.time_base)

    def replace_tensor(self, new_tensor: Any) -> VideoFrame:
        """
        The same frame with other pixels, of any size: a torch tensor or a numpy array (H, W, C) or (C, H, W), also with a batch of one; 1, 3 or
        4 channels; floats from 0 to 1 (or 255), or integers. Raises SluiceError where it is none of these.
        """
        _check_picture(new_tensor)
        frame = VideoFrame(new_tensor, self.timestamp, self.time_base, dict(self.log_timestamps))
        frame.side_data = self.side_data
        return frame

    def to_av_frame(self, tensor: Any = None) -> Any:
        """An ``av.VideoFrame`` rgb24 of a tensor, of its own where none is given. Needs PyAV."""
        av = _need_av()
        return av.VideoFrame.from_ndarray(rgb_of_tensor(self.tensor if tensor is None else tensor), format="rgb24")

    def _keep(self) -> None:
        """The memory that it was lent goes back: who holds it longer gets a copy."""
        if self._lent is not None and self._tensor is None:
            lent = copy.copy(self._lent)
            lent.pixels = memoryview(bytearray(lent.pixels))
            lent._array = lent._place = None
            self._lent = lent

    def __repr__(self) -> str:
        size = f"{self._lent.width}x{self._lent.height}" if self._tensor is None and self._lent else str(tuple(getattr(self._tensor, "shape", ())))
        return f"<sluice.pytrickle.VideoFrame {size} at {self.timestamp}>"


def _check_picture(tensor: Any) -> None:
    """What can be said without touching its values."""
    shape = getattr(tensor, "shape", None)
    if shape is None:
        raise SluiceError("bad-value", f"replace_tensor: {type(tensor).__name__} received; expected a torch tensor or a numpy array")
    from ._arrays import _batch, _order

    if len(shape) == 4:
        _batch(shape, "replace_tensor")
        shape = shape[1:]
    _order(shape, "replace_tensor")


def _need_av() -> Any:
    try:
        import av
    except ImportError:
        raise SluiceError("bad-value", "to_av_frame needs PyAV (the module av), which is not installed") from None
    return av


_LAYOUTS = {1: "mono", 2: "stereo"}


class AudioFrame(InputFrame):
    """A block of sound. ``samples`` are as PyAV gives them: planar (channels, samples), packed (1, samples * channels)."""

    samples: Any
    format: str
    """s16, s16p, s32, flt, fltp, ...: with p at its end, planar."""
    layout: str
    """mono, stereo"""
    rate: int
    """Hz"""
    nb_samples: int
    """Of each channel."""

    def __init__(self, frame: Any) -> None:
        if frame.pts is None:
            raise ValueError("Audio frame has no timestamp")
        self._fill(frame.to_ndarray(), frame.format.name, frame.layout.name, frame.sample_rate, frame.pts, frame.time_base)
        self.nb_samples = frame.samples

    def _fill(self, samples: Any, format: str, layout: str, rate: int, timestamp: int, time_base: Fraction) -> None:
        self.samples, self.format, self.layout, self.rate = samples, format, layout, rate
        self.timestamp, self.time_base = timestamp, time_base
        self.nb_samples = samples.shape[-1] if samples.ndim > 1 else len(samples)
        self.log_timestamps = {}
        self.side_data = SideData()
        self._lent: Optional[LentSound] = None

    @classmethod
    def _of(cls, lent: LentSound) -> AudioFrame:
        """A block as it came over the link."""
        need_numpy("sound")
        frame = cls.__new__(cls)
        array = lent.array.copy()
        packed = lent.format == "s16"
        frame._fill(array.reshape(1, -1) if packed else array, lent.format, _LAYOUTS.get(lent.channels, f"{lent.channels}c"), lent.rate, lent.timestamp, MICROSECOND)
        frame.nb_samples = lent.samples
        frame.log_timestamps = {"frame_init": time.time()}
        frame._lent = lent
        return frame

    @classmethod
    def from_av_audio(cls, av_frame: Any) -> AudioFrame:
        return cls(av_frame)

    def replace_samples(self, samples: Any) -> AudioFrame:
        """The same block with other samples."""
        return self.from_audio_frame(samples=samples)

    def from_audio_frame(self, samples: Any = None, timestamp: Optional[int] = None) -> AudioFrame:
        """A block like this one with other samples, or another time."""
        if samples is not None and not hasattr(samples, "shape"):
            raise SluiceError("bad-value", f"samples: {type(samples).__name__} received; expected a numpy array or a torch tensor")
        frame = AudioFrame.__new__(AudioFrame)
        frame._fill(self.samples if samples is None else samples, self.format, self.layout, self.rate, self.timestamp if timestamp is None else timestamp, self.time_base)
        if samples is None:
            frame.nb_samples = self.nb_samples
        frame.log_timestamps = dict(self.log_timestamps)
        frame.side_data = self.side_data
        frame._lent = self._lent
        return frame

    @classmethod
    def from_tensor(
        cls, tensor: Any, format: str = "s16", layout: str = "mono", sample_rate: int = 48000, timestamp: int = 0, time_base: Optional[Fraction] = None
    ) -> AudioFrame:
        """A block of floats from -1 to 1, (channels, samples)."""
        need_numpy("sound")
        samples = np.asarray(tensor.detach().cpu().numpy() if is_torch(tensor) else tensor)
        samples = samples[None] if samples.ndim == 1 else samples
        kind = format.rstrip("p")
        if kind in ("s16", "s32"):
            scale = 2.0 ** (int(kind[1:]) - 1)
            samples = np.clip(samples.astype(np.float64) * scale, -scale, scale - 1).astype(np.int16 if kind == "s16" else np.int32)
        else:
            samples = samples.astype(np.float32)
        if not format.endswith("p"):
            samples = np.ascontiguousarray(samples.T).reshape(1, -1)
        frame = cls.__new__(cls)
        frame._fill(samples, format, layout, sample_rate, timestamp, time_base or Fraction(1, sample_rate))
        if not format.endswith("p"):
            frame.nb_samples //= _channels_of(layout)
        return frame

    def to_av_frame(self) -> Any:
        """An ``av.AudioFrame``. Needs PyAV."""
        av = _need_av()
        floats = self._planar()
        planar = self.format.endswith("p")
        samples = floats if planar else np.ascontiguousarray(floats.T).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(samples, format=self.format, layout=self.layout)
        frame.sample_rate, frame.pts, frame.time_base = self.rate, self.timestamp, self.time_base
        return frame

    def _planar(self) -> Any:
        """The samples as (channels, samples), whichever way they lie."""
        need_numpy("sound")
        samples = np.asarray(self.samples.detach().cpu().numpy() if is_torch(self.samples) else self.samples)
        channels = _channels_of(self.layout)
        if samples.ndim == 2 and samples.shape[0] == channels and (channels > 1 or self.format.endswith("p")):
            return samples
        if samples.ndim == 2 and samples.shape[1] == channels and samples.shape[0] > 1:
            return samples.T
        flat = samples.reshape(-1)
        if samples.ndim > 2 or flat.size % channels:
            raise SluiceError("bad-value", f"samples: shape {samples.shape} received; expected {channels} channels of {self.format}")
        return flat.reshape(channels, -1) if self.format.endswith("p") else flat.reshape(-1, channels).T

    def __repr__(self) -> str:
        return f"<sluice.pytrickle.AudioFrame {self.nb_samples} samples {self.rate} Hz {self.layout} {self.format} at {self.timestamp}>"


def _channels_of(layout: str) -> int:
    known = {name: count for count, name in _LAYOUTS.items()}
    if layout in known:
        return known[layout]
    if layout.endswith("c") and layout[:-1].isdigit():
        return int(layout[:-1])
    raise SluiceError("bad-value", f"layout: {layout!r} received; expected mono or stereo")


class VideoOutput:
    """A processed picture, as pytrickle's own loops hand it on."""

    def __init__(self, frame: VideoFrame, request_id: str = "") -> None:
        self.frame = frame
        self.request_id = request_id

    def replace_tensor(self, tensor: Any) -> VideoOutput:
        return VideoOutput(self.frame.replace_tensor(tensor), self.request_id)

    tensor = property(lambda self: self.frame.tensor)
    timestamp = property(lambda self: self.frame.timestamp)
    time_base = property(lambda self: self.frame.time_base)
    log_timestamps = property(lambda self: self.frame.log_timestamps)


class AudioOutput:
    """Processed blocks of sound."""

    def __init__(self, frames: List[AudioFrame], request_id: str = "") -> None:
        self.frames = frames
        self.request_id = request_id

    @property
    def timestamp(self) -> int:
        return self.frames[0].timestamp if self.frames else 0
