"""Frames out of a server: uncompressed pictures over one WebSocket, each with its id and capture time."""

from __future__ import annotations

import json
import random
import time
from typing import TYPE_CHECKING, Any, Iterator, NamedTuple, Optional, Tuple
from urllib.parse import quote, urlencode

from ._errors import SluiceError
from ._pictures import _FORMATS, _HEADER, np
from ._socket import _BINARY, _CLOSE, _PING, _PONG, _TEXT, _Closed, _Retry, _Socket

if TYPE_CHECKING:
    from ._client import Sluice

# Larger than any picture that a server takes.
_MAX_MESSAGE = 1 << 31


class Frame(NamedTuple):
    """One picture."""

    id: int
    """Integer from 1, unique in its stream for ever: bind markers and metrics to it."""
    timestamp: int
    """Capture time in µs since the Unix epoch."""
    array: Any
    """Pixels, a numpy array of its own: (H, W) or (H, W, C); 4:2:0 as one array of H * 3/2 rows (flat if a side is odd)."""


class _Watch(_Socket):
    """A socket that gets large binary messages: they are read into memory of their own, without a copy in between."""

    def _message(self) -> Tuple[int, Any]:
        self._need(2)
        length = self._buffer[1] & 0x7F
        start = 2 + {126: 2, 127: 8}.get(length, 0)
        self._need(start)
        if start > 2:
            length = int.from_bytes(self._buffer[2:start], "big")
        if length > _MAX_MESSAGE:
            raise _Closed(1009, f"the server sent a message of {length} bytes")
        opcode = self._buffer[0] & 0x0F
        data = bytearray(length)
        have = min(length, len(self._buffer) - start)
        data[:have] = self._buffer[start : start + have]
        self._buffer = self._buffer[start + have :]
        view = memoryview(data)
        while have < length:
            with self._lock:
                got = self._sock.recv_into(view[have:])
            if got == 0:
                raise _Closed()
            have += got
        return opcode, data

    def _need(self, count: int) -> None:
        while len(self._buffer) < count:
            self._wait()

    def picture(self) -> bytearray:
        """Waits for the next picture, answers pings meanwhile. Raises _Closed or OSError."""
        while True:
            opcode, data = self._message()
            if opcode == _BINARY:
                return data  # type: ignore[no-any-return]
            if opcode == _PING:
                self.send(_PONG, b"", memoryview(data))
            elif opcode == _CLOSE:
                raise _Closed(int.from_bytes(data[:2], "big") if len(data) >= 2 else 1005, bytes(data[2:]).decode("utf-8", "replace"))


def frames(sluice: "Sluice", name: str, width: Optional[int], fps: Optional[float]) -> Iterator[Frame]:
    if np is None:
        raise SluiceError("bad-value", "frames() gives arrays and needs numpy")
    query = {"codec": "raw", "width": width, "fps": fps}
    path = f"{sluice._prefix}live/{quote(name)}/ws?{urlencode({key: value for key, value in query.items() if value is not None})}"
    began = False
    deadline = time.monotonic() + sluice._retry
    pause = 0.1
    while True:
        try:
            sock = _Watch(sluice, path)
        except _Retry as error:
            # A server that cannot be reached in the first place is an error at once.
            if not began or time.monotonic() > deadline:
                raise SluiceError("unreachable", f"{sluice.url} cannot be reached: {error}") from None
            time.sleep(pause * (0.5 + random.random()))
            pause = min(2.0, pause * 2)
            continue
        except SluiceError as error:
            if began and error.code == "unknown-stream":
                return
            raise
        began = True
        pause = 0.1
        try:
            while True:
                frame = _parse(sock.picture())
                deadline = time.monotonic() + sluice._retry
                yield frame
                # Asked for the next one: this one is done with.
                ack = json.dumps({"type": "ack", "id": frame.id}).encode()
                sock.send(_TEXT, ack[:0], memoryview(ack))
        except (_Closed, OSError):
            # Whether the stream is gone or the connection was lost is said when it connects again.
            time.sleep(pause)
        finally:
            sock.free()


def _parse(data: bytearray) -> Frame:
    magic, start, encoding, number, width, height, _, size, id, timestamp, _, _, _ = _HEADER.unpack_from(data)
    known = [key for key, value in _FORMATS.items() if value[0] == number]
    if magic != b"SLF1" or encoding != 0 or not known or start + size > len(data):
        raise SluiceError("bad-frame", f"{len(data)} bytes received that are not a raw frame; is the server newer than this client?")
    _, channels, item = _FORMATS[known[0]]
    dtype = {1: "u1", 2: "<u2", 4: "<f4"}[item]
    array = np.frombuffer(data, dtype, count=size // item, offset=start)
    if channels == 1:
        array = array.reshape(height, width)
    elif channels:
        array = array.reshape(height, width, channels)
    elif width % 2 == 0 and height % 2 == 0:
        array = array.reshape(height * 3 // 2, width)
    return Frame(id, timestamp, array)
