"""The state that the server tells."""

from __future__ import annotations

from enum import Enum
from typing import Any, Dict, Optional


class PipelineState(Enum):
    LOADING = "LOADING"
    IDLE = "IDLE"
    OK = "OK"
    ERROR = "ERROR"


class StreamState:
    """As ``GET /health`` says it; kept by the server."""

    def __init__(self) -> None:
        self.state = PipelineState.LOADING
        self.error_message: Optional[str] = None
        self.active_streams = 0

    @property
    def startup_complete(self) -> bool:
        return self.state is not PipelineState.LOADING

    @property
    def pipeline_ready(self) -> bool:
        return self.state in (PipelineState.IDLE, PipelineState.OK)

    @property
    def active_client(self) -> bool:
        return self.active_streams > 0

    def is_error(self) -> bool:
        return self.state is PipelineState.ERROR

    def get_state(self) -> Dict[str, Any]:
        return {"status": self.state.value, "pipeline_ready": self.pipeline_ready, "active_streams": self.active_streams}

    def get_pipeline_state(self) -> Dict[str, Any]:
        return {**self.get_state(), "state": self.state.value, "error_message": self.error_message, "startup_complete": self.startup_complete}
