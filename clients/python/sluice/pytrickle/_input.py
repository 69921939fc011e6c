"""Pictures that a program gives to the input of a stream."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Union

from .._client import Sluice
from .._errors import SluiceError
from ._arrays import rgb_of_tensor
from .frames import MICROSECOND, AudioFrame, VideoFrame

if TYPE_CHECKING:
    from .server import StreamServer

logger = logging.getLogger(__name__)


async def push_frame(server: StreamServer, frame: Union[VideoFrame, AudioFrame]) -> bool:
    if not isinstance(frame, (VideoFrame, AudioFrame)):
        raise TypeError(f"send_input_frame: {type(frame).__name__} received; expected a VideoFrame")
    client = server.current_client
    if client is None or server.url is None:
        logger.debug("no stream runs: the frame goes nowhere")
        return False
    if isinstance(frame, AudioFrame):
        raise SluiceError("bad-value", "send_input_frame: sound received; only pictures can be given to the input")
    stream = server._streams[client.request_id]
    if stream.request.get("subscribe_url"):
        logger.warning("%s has a subscribe_url: its pictures come from there, and none are taken beside them", client.request_id)
        return False
    return await asyncio.to_thread(_push, server, stream, frame)


def _push(server: StreamServer, stream: Any, frame: VideoFrame) -> bool:
    if stream.input is None:
        # An address that stands for all of them is none to connect to.
        url = (server.url or "").replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")
        stream.input = Sluice(url, server._token).stream(stream.name)
    at = int(frame.timestamp * frame.time_base / MICROSECOND)
    pixels = rgb_of_tensor(frame.tensor)
    try:
        return stream.input.push(pixels, timestamp=at or None).dropped is None
    except SluiceError as error:
        if error.code == "bad-timestamp":
            return stream.input.push(pixels).dropped is None
        raise
