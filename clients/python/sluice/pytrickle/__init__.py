"""pytrickle's interface on Sluice: change the import, keep the program.

    from sluice.pytrickle import StreamProcessor, VideoFrame

    async def invert(frame: VideoFrame):
        return frame.replace_tensor(1 - frame.tensor)

    StreamProcessor(video_processor=invert, port=8000).run()

The server runs beside the program and must be found: see README.md. Frames come over a local socket; there is no decoder, encoder or trickle
client in this process.
"""

from typing import Any

from .._version import __version__
from .decorators import audio_handler, model_loader, on_stream_start, on_stream_stop, param_updater, video_handler
from .frame_overlay import OverlayConfig, OverlayMode
from .frame_processor import ErrorCallback, FrameProcessor
from .frame_skipper import FrameSkipConfig
from .frames import AudioFrame, AudioOutput, VideoFrame, VideoOutput
from .server import StreamServer
from .state import StreamState
from .stream_processor import StreamProcessor, VideoProcessingResult
from .utils.register import RegisterCapability

__all__ = [
    "AudioFrame",
    "AudioOutput",
    "ErrorCallback",
    "FrameProcessor",
    "FrameSkipConfig",
    "OverlayConfig",
    "OverlayMode",
    "RegisterCapability",
    "StreamProcessor",
    "StreamServer",
    "StreamState",
    "VideoFrame",
    "VideoOutput",
    "VideoProcessingResult",
    "__version__",
    "audio_handler",
    "model_loader",
    "on_stream_start",
    "on_stream_stop",
    "param_updater",
    "video_handler",
]

_OF_THE_SERVER = (
    "TrickleClient", "TrickleProtocol", "TricklePublisher", "TrickleSubscriber", "TrickleComponent", "ComponentState", "BaseStreamManager",
    "TrickleStreamManager", "TrickleStreamHandler", "StreamHandler", "OverlayController", "FPSMeter", "FrameBuffer",
)  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _OF_THE_SERVER:
        raise AttributeError(f"{name} is not here: channels, queues and overlays are the server's; use StreamProcessor, or FrameProcessor with StreamServer")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
