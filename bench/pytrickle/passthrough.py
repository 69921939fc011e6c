"""A StreamProcessor that gives every frame back: passthrough.py PORT. Of pytrickle, or with FACE=sluice of sluice.pytrickle.

WORK=tensor: it makes the negative of each picture by its tensor.
"""

import logging
import os
import sys

if os.environ.get("FACE") == "sluice":
    from sluice.pytrickle import AudioFrame, StreamProcessor, VideoFrame
else:
    import bridge  # noqa: F401
    from pytrickle import AudioFrame, StreamProcessor, VideoFrame


async def same(frame: VideoFrame) -> VideoFrame:
    return frame


async def negative(frame: VideoFrame) -> VideoFrame:
    return frame.replace_tensor(1 - frame.tensor)


async def audio(frame: AudioFrame) -> list:
    return [frame]


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    video = negative if os.environ.get("WORK") == "tensor" else same
    StreamProcessor(video_processor=video, audio_processor=audio, name="passthrough", port=int(sys.argv[1]), host="127.0.0.1").run()
