"""What goes wrong, and what became of a frame."""

from __future__ import annotations

from typing import Any, Dict, Mapping, NamedTuple, Optional, Tuple


class SluiceError(Exception):
    """What went wrong, in a sentence.

    ``code`` is the server's word for it (``bad-frame``, ``unauthorized``, ``replaced``, ...) or one of this client: ``unreachable``
    (no server answers), ``closed``. ``detail`` is the sentence, ``status`` the HTTP status (0 = none), ``problem`` the server's whole
    problem document (RFC 9457).
    """

    def __init__(self, code: str, detail: str, status: int = 0, problem: Optional[Mapping[str, Any]] = None) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.status = status
        self.problem: Dict[str, Any] = dict(problem or {})

    def __reduce__(self) -> Tuple[Any, ...]:
        return type(self), (self.code, self.detail, self.status, self.problem)


class Receipt(NamedTuple):
    """What became of a pushed frame. ``id`` is 0 if it never got one; ``timestamp`` is its capture time in µs."""

    id: int
    timestamp: int
    dropped: Optional[str] = None
    """Why the frame was dropped: ``not-rising``, ``future``, ``ring``, ``decode``, ...; None = accepted."""
    detail: Optional[str] = None
    """The reason in a sentence."""
