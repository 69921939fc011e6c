"""Capture times: integer µs since the Unix epoch."""

from __future__ import annotations

import contextlib
import operator
import re
from datetime import datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from typing import Any, Union

from ._errors import SluiceError

try:
    import numpy as np
except ImportError:  # Bytes can be pushed without it.
    np = None  # type: ignore[assignment]

Timestamp = Union[int, str, datetime, None]

_MIN_MICROS = 10**15
_MAX_MICROS = 5 * 10**15
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_RFC3339 = re.compile(r"(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}:\d{2})(?:\.(\d+))?([Zz]|[+-]\d{2}:\d{2})")


def _micros(value: Any) -> int:
    """Capture time in µs since the Unix epoch; 0 = the server's present time."""
    if value is None:
        return 0
    if isinstance(value, str):
        value = _read_text(value)
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise SluiceError("bad-timestamp", f"{value} has no time zone; expected one such as datetime.now(timezone.utc)")
        value = (value - _EPOCH) // timedelta(microseconds=1)
    elif np is not None and isinstance(value, np.datetime64):
        value = int(value.astype("datetime64[us]").astype("int64"))
    if isinstance(value, float) and value.is_integer() and value >= _MIN_MICROS:
        value = int(value)
    try:
        micros = operator.index(value)
        if not isinstance(value, bool) and _MIN_MICROS <= micros < _MAX_MICROS:
            return micros
    except TypeError:
        pass
    raise SluiceError("bad-timestamp", _what_was_meant(value))


def _device_micros(value: Any) -> int:
    """Integer µs of any zero; numpy integers too."""
    try:
        number = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = None
    if number is None or abs(number) >= 2**53:
        raise SluiceError(
            "bad-timestamp", f"device_timestamp: {value} received; expected an integer number of µs of the camera's own clock (any zero)"
        )
    return number


def _read_text(text: str) -> Any:
    match = _RFC3339.fullmatch(text.strip())
    if not match:
        with contextlib.suppress(ValueError):
            return int(text)
        return text
    date, clock, fraction, zone = match.groups()
    try:
        whole = datetime.fromisoformat(f"{date}T{clock}{'+00:00' if zone in 'Zz' else zone}")
    except ValueError:
        raise SluiceError("bad-timestamp", f"{text} is not a date of the calendar") from None
    return whole + timedelta(microseconds=int((fraction or "0").ljust(6, "0")[:6]))


def _what_was_meant(value: Any) -> str:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return (
            f"{value!r} is neither integer microseconds since the Unix epoch nor an aware datetime nor an RFC 3339 time "
            "such as 2026-11-20T12:38:01.25Z"
        )
    if number.is_finite():
        if _MIN_MICROS <= number < _MAX_MICROS:
            return f"{value} has a fraction; expected {round(number)}"
        for name, factor in (("seconds", 10**6), ("milliseconds", 10**3), ("nanoseconds", Decimal("0.001"))):
            if _MIN_MICROS <= number * factor < _MAX_MICROS:
                return f"{value} looks like {name}; expected {round(number * factor)}"
    return f"{value} is not a time; expected integer microseconds since the Unix epoch from {_MIN_MICROS} to {_MAX_MICROS}"
