"""How many frames a processor is given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Optional


@dataclass
class FrameSkipConfig:
    """Frames are left out when the processor is slower than they come."""

    target_fps: Optional[float] = None
    """Frames per second that it is given; None = as they come."""
    adaptation_cooldown: float = 0.5
    """Seconds between two adaptations."""
    max_queue_size: int = 15
    """Frames that may wait."""
    max_cleanup_frames: int = 50
    """Frames that are dropped at once at most."""

    def __post_init__(self) -> None:
        if self.target_fps is not None and not 0 < float(self.target_fps) <= 1000:
            raise ValueError(f"target_fps: {self.target_fps!r} received; expected more than 0, or None")
        if int(self.max_queue_size) < 1:
            raise ValueError(f"max_queue_size: {self.max_queue_size!r} received; expected 1 or more")

    def _lines(self) -> Dict[str, Any]:
        return {
            "targetFps": self.target_fps,
            "adaptationCooldown": self.adaptation_cooldown,
            "maxQueueSize": self.max_queue_size,
            "maxCleanupFrames": self.max_cleanup_frames,
        }
