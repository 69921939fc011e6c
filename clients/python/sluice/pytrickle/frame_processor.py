"""Processors as classes."""

from __future__ import annotations

import asyncio
import logging
from enum import Enum
from typing import Any, Awaitable, Callable, Dict, List, Optional

from .decorators import call
from .frames import AudioFrame, VideoFrame
from .state import StreamState

logger = logging.getLogger(__name__)

ErrorCallback = Callable[[str, Optional[Exception]], Awaitable[None]]


class VideoProcessingResult(Enum):
    WITHHELD = "withheld"
    """Returned by a processor: there is no picture for this frame."""


class FrameProcessor:
    """
    Override ``process_video_async``, ``process_audio_async`` or both; plain functions are taken too and run in a thread. A frame passes as it
    is where they give None or raise.

    Arguments that are given to ``__init__`` are those of ``load_model``.
    """

    def __init__(self, error_callback: Optional[ErrorCallback] = None, **init_kwargs: Any) -> None:
        self.error_callback = error_callback
        self.state: Optional[StreamState] = None
        self._init_kwargs = init_kwargs
        self._model_loaded = False
        self._model_load_lock: Optional[asyncio.Lock] = None

    def attach_state(self, state: StreamState) -> None:
        self.state = state

    async def ensure_model_loaded(self, **kwargs: Any) -> None:
        """Calls ``load_model`` once, however often it is called."""
        # A subclass need not have called __init__; and of Python 3.9 a lock belongs to the loop it was made in.
        if getattr(self, "_model_load_lock", None) is None:
            self._model_load_lock = asyncio.Lock()
        async with self._model_load_lock:  # type: ignore[union-attr]
            if not getattr(self, "_model_loaded", False):
                await call(self.load_model, **{**getattr(self, "_init_kwargs", {}), **kwargs})
                self._model_loaded = True

    async def load_model(self, **kwargs: Any) -> None:
        """Opens what is needed, once, before the first stream."""

    async def process_video_async(self, frame: VideoFrame) -> Any:
        """Gives a VideoFrame, a tensor or array, None, or ``VideoProcessingResult.WITHHELD``."""
        return frame

    async def process_audio_async(self, frame: AudioFrame) -> Optional[List[AudioFrame]]:
        """Gives a list of AudioFrame, or None."""
        return [frame]

    async def update_params(self, params: Dict[str, Any]) -> None:
        """New params while a stream runs. What it raises is the error of the request."""

    async def on_stream_start(self, params: Dict[str, Any]) -> None:
        """Before the first frame of a stream."""

    async def on_stream_stop(self) -> None:
        """When a stream has ended."""

    def _takes(self, what: str) -> bool:
        """Whether it does something with pictures (``video``) or sound (``audio``)."""
        name = f"process_{what}_async"
        return getattr(type(self), name, None) is not getattr(FrameProcessor, name) or name in vars(self)
