"""Sluice: live frames from a Python program in any browser.

    from sluice import Sluice

    scope = Sluice("http://127.0.0.1:8000").stream("scope")
    scope.push(array)                        # numpy, JPEG or PNG bytes, raw bytes
    scope.metric({"mean": array.mean()})     # belongs to that very frame
    scope.marker("spike")

or nodes, that only yield: see `node` and `run`; or what changes the pictures of a stream: see `processor`.

Standard library only; numpy is used where it is installed. Python 3.9 or newer.
"""

from ._client import Sluice
from ._errors import Receipt, SluiceError
from ._frames import Frame
from ._nodes import Context, Data, Marker, Node, Picture, Runner, node
from ._processors import WITHHOLD, AudioFrame, Param, Processor, ProcessorContext, VideoFrame, processor
from ._run import run, start
from ._stream import Stream
from ._version import __version__

__all__ = [
    "WITHHOLD",
    "AudioFrame",
    "Context",
    "Data",
    "Frame",
    "Marker",
    "Node",
    "Param",
    "Picture",
    "Processor",
    "ProcessorContext",
    "Receipt",
    "Runner",
    "Sluice",
    "SluiceError",
    "Stream",
    "VideoFrame",
    "__version__",
    "node",
    "processor",
    "run",
    "start",
]
