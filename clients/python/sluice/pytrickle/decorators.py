"""Marks functions as handlers; ``StreamProcessor.from_handlers(object)`` finds them."""

from __future__ import annotations

import asyncio
import functools
import inspect
import logging
from typing import Any, Callable, List, Optional

from ._arrays import is_torch
from .._pictures import np
from .frames import AudioFrame, VideoFrame
from .registry import KINDS, HandlerFn, HandlerInfo

logger = logging.getLogger(__name__)

_MARKS = ("_trickle_handler", "_trickle_handler_type", "_trickle_handler_info")


def trickle_handler(handler_type: str, description: Optional[str] = None, validate_signature: bool = True) -> Callable[[HandlerFn], HandlerFn]:
    """Marks a function as the handler of a kind, and leaves it as it is."""
    if handler_type not in KINDS:
        raise ValueError(f"handler_type: {handler_type!r} received; expected one of {', '.join(KINDS)}")

    def decorator(function: HandlerFn) -> HandlerFn:
        if not callable(function):
            raise TypeError(f"a handler must be a function; {function!r} received")
        if validate_signature:
            _look_at_signature(function, handler_type)
        info = HandlerInfo(handler_type, description or f"{handler_type} handler: {function.__name__}", str(inspect.signature(function)))
        for mark, value in zip(_MARKS, (True, handler_type, info)):
            setattr(function, mark, value)
        return function

    return decorator


def _look_at_signature(function: HandlerFn, handler_type: str) -> None:
    names = [name for name in inspect.signature(function).parameters if name != "self"]
    if handler_type in ("video", "audio") and not names:
        raise TypeError(f"{function.__name__} takes no frame; a {handler_type} handler is called with one: def {function.__name__}(frame)")
    if handler_type == "param_updater" and not names:
        raise TypeError(f"{function.__name__} takes no params; it is called with a dict: def {function.__name__}(params)")


async def call(function: HandlerFn, *args: Any, **more: Any) -> Any:
    """Awaits a coroutine function; calls any other in a thread."""
    if inspect.iscoroutinefunction(inspect.unwrap(getattr(function, "__func__", function))) or inspect.iscoroutinefunction(function):
        return await function(*args, **more)
    made = await asyncio.to_thread(function, *args, **more)
    return await made if inspect.isawaitable(made) else made


def _wrap(function: HandlerFn, handler_type: str, answer: Callable[[Any, Any], Any], what: str) -> HandlerFn:
    marked = trickle_handler(handler_type, f"{what}: {getattr(function, '__name__', function)}")(function)

    @functools.wraps(marked)
    async def wrapper(*args: Any, **more: Any) -> Any:
        return answer(await call(marked, *args, **more), more["frame"] if "frame" in more else (args[-1] if args else None))

    for mark in _MARKS:
        setattr(wrapper, mark, getattr(marked, mark))
    return wrapper


def picture_answer(result: Any, frame: Any) -> Any:
    """What a video handler may give: a frame, a tensor or array, None, WITHHELD."""
    if isinstance(frame, VideoFrame) and (is_torch(result) or (np is not None and isinstance(result, np.ndarray))):
        return frame.replace_tensor(result)
    return result


def sound_answer(result: Any, frame: Any) -> Any:
    """What an audio handler may give: a list of blocks, a block, samples, None."""
    if isinstance(result, AudioFrame):
        return [result]
    if isinstance(frame, AudioFrame) and (is_torch(result) or (np is not None and isinstance(result, np.ndarray))):
        return [frame.replace_samples(result)]
    return result


def _nothing(_result: Any, _frame: Any) -> None:
    return None


def video_handler(function: HandlerFn) -> HandlerFn:
    """Called with each picture: gives a VideoFrame, a tensor or array, None (it passes as it is) or VideoProcessingResult.WITHHELD."""
    return _wrap(function, "video", picture_answer, "Video handler")


def audio_handler(function: HandlerFn) -> HandlerFn:
    """Called with each block of sound: gives a list of AudioFrame, one, its samples, or None (it passes as it is)."""
    return _wrap(function, "audio", sound_answer, "Audio handler")


def model_loader(function: HandlerFn) -> HandlerFn:
    """Called once, before the first stream."""
    return _wrap(function, "model_loader", _nothing, "Model loader")


def param_updater(function: HandlerFn) -> HandlerFn:
    """Called with new params while a stream runs."""
    return _wrap(function, "param_updater", _nothing, "Parameter updater")


def on_stream_start(function: HandlerFn) -> HandlerFn:
    """Called with the params of a stream before its first frame."""
    return _wrap(function, "stream_start", _nothing, "Stream start handler")


def on_stream_stop(function: HandlerFn) -> HandlerFn:
    """Called when a stream has ended."""
    return _wrap(function, "stream_stop", _nothing, "Stream stop handler")


def handlers_of(holder: Any) -> List[Any]:
    """Handlers of an object with what is known of each."""
    found = []
    for name in dir(holder):
        if name.startswith("_"):
            continue
        handler = getattr(holder, name)
        info = getattr(handler, "_trickle_handler_info", None)
        if info is not None:
            found.append((handler, info))
    return found
