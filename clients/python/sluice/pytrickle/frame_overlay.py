"""What is shown while a processor gives no pictures. The server draws it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any, Dict, Optional


class OverlayMode(Enum):
    PROGRESSBAR = "progressbar"
    """A picture with a message and a bar."""
    PASSTHROUGH = "passthrough"
    """The pictures as they come in."""


@dataclass
class OverlayConfig:
    mode: OverlayMode = OverlayMode.PROGRESSBAR
    message: str = "Loading..."
    progress: Optional[float] = None
    """0 to 1; None = the bar moves to and fro."""
    enabled: bool = True
    auto_timeout_seconds: Optional[float] = 1.5
    """Without a processed picture for so long it is shown; None = only by hand."""
    frame_count_to_disable: int = 1
    """Processed pictures in a row that end it."""

    def __post_init__(self) -> None:
        if not isinstance(self.mode, OverlayMode):
            try:
                self.mode = OverlayMode(self.mode)
            except ValueError:
                raise ValueError(f"mode: {self.mode!r} received; expected OverlayMode.PROGRESSBAR or OverlayMode.PASSTHROUGH") from None
        if self.progress is not None and not 0 <= float(self.progress) <= 1:
            raise ValueError(f"progress: {self.progress!r} received; expected 0 to 1, or None")

    def is_overlay_mode(self) -> bool:
        return self.mode == OverlayMode.PROGRESSBAR

    def is_passthrough_mode(self) -> bool:
        return self.mode == OverlayMode.PASSTHROUGH

    def _lines(self) -> Dict[str, Any]:
        return {
            "mode": self.mode.value,
            "message": self.message,
            "progress": self.progress,
            "enabled": self.enabled,
            "autoTimeoutSeconds": self.auto_timeout_seconds,
            "frameCountToDisable": self.frame_count_to_disable,
        }
