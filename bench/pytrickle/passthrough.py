"""pytrickle's own StreamProcessor that gives every frame back: passthrough.py PORT."""

import logging
import sys

import bridge  # noqa: F401
from pytrickle import AudioFrame, StreamProcessor, VideoFrame


async def video(frame: VideoFrame) -> VideoFrame:
    return frame


async def audio(frame: AudioFrame) -> list:
    return [frame]


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    StreamProcessor(video_processor=video, audio_processor=audio, name="passthrough", port=int(sys.argv[1]), host="127.0.0.1").run()
