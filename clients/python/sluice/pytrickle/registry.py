"""Which handlers there are."""

from __future__ import annotations

import logging
from typing import Any, Callable, Dict, NamedTuple, Optional

logger = logging.getLogger(__name__)

HandlerFn = Callable[..., Any]
KINDS = ("video", "audio", "model_loader", "param_updater", "stream_start", "stream_stop")


class HandlerInfo(NamedTuple):
    handler_type: str
    description: Optional[str] = None
    signature: Optional[str] = None


class HandlerRegistry:
    """The handlers of one object, one of each kind."""

    def __init__(self) -> None:
        self._handlers: Dict[str, HandlerFn] = {}
        self._info: Dict[str, HandlerInfo] = {}

    def register(self, handler: HandlerFn, info: HandlerInfo) -> None:
        if info.handler_type in self._handlers:
            logger.warning("Overwriting handler '%s': %s -> %s", info.handler_type, self._info[info.handler_type].description, info.description)
        self._handlers[info.handler_type] = handler
        self._info[info.handler_type] = info

    def get(self, handler_type: str) -> Optional[HandlerFn]:
        return self._handlers.get(handler_type)
