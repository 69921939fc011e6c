"""The local socket between a processor and its server: texts, pictures and sound, as docs/processors.md has it."""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import select
import socket
import struct
import threading
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Tuple, Union

from ._errors import SluiceError
from ._pictures import _FORMATS, _HEADER
from ._processors import AudioFrame, VideoFrame

PROTOCOL = 1
_IN_MEMORY = 1
_SOUND = struct.Struct("<4sBBHIIQqq")
_NAMES = {number: name for name, (number, _, _) in _FORMATS.items()}
_BUFFER = 1 << 16
_SOCKET_BUFFER = 1 << 22


class Lost(Exception):
    """The connection has ended."""


class Place(NamedTuple):
    """Where a frame lies in the shared memory: an answer that is not larger may be left there."""

    offset: int
    pixels: memoryview


class Answer(NamedTuple):
    """A picture on its way back. ``offset``: it lies in the shared memory already."""

    header: bytes
    payload: memoryview
    offset: Optional[int]


class Link:
    """An open connection. Read by one thread; any may write."""

    def __init__(self, address: Mapping[str, Any], alive: Optional[int] = None) -> None:
        if "path" in address:
            if not hasattr(socket, "AF_UNIX"):
                raise SluiceError("unreachable", "this Python has no Unix sockets")
            self._socket = socket.socket(socket.AF_UNIX)
            where: Any = address["path"]
        else:
            self._socket = socket.socket(socket.AF_INET)
            where = (address["host"], address["port"])
        try:
            self._socket.connect(where)
            for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
                self._socket.setsockopt(socket.SOL_SOCKET, option, _SOCKET_BUFFER)
        except OSError:
            self._socket.close()
            raise
        self.local = "path" in address
        # The end of a pipe that closes with the program that watches over this one.
        self._alive = alive
        self._lock = threading.Lock()
        self._buffer = memoryview(bytearray(_BUFFER))
        self._start = self._end = 0
        self._maps: Dict[int, mmap.mmap] = {}

    # -- reading

    def _fill(self, target: memoryview) -> int:
        if self._alive is not None:
            ready, _, _ = select.select([self._socket, self._alive], [], []) if self._alive < 1024 else ([self._socket], [], [])
            if self._alive in ready:
                raise SystemExit(0)
        try:
            got = self._socket.recv_into(target)
        except OSError as error:
            raise Lost(str(error)) from None
        if got == 0:
            raise Lost("the server closed the connection")
        return got

    def _take(self, count: int) -> memoryview:
        """The next bytes, valid until the next call. Few: at most the buffer's size."""
        if self._start + count > _BUFFER:
            left = self._end - self._start
            self._buffer[:left] = bytes(self._buffer[self._start : self._end])
            self._start, self._end = 0, left
        while self._end - self._start < count:
            self._end += self._fill(self._buffer[self._end :])
        self._start += count
        return self._buffer[self._start - count : self._start]

    def _into(self, target: memoryview) -> None:
        """The next bytes, straight into their place."""
        have = min(len(target), self._end - self._start)
        target[:have] = self._buffer[self._start : self._start + have]
        self._start += have
        while have < len(target):
            have += self._fill(target[have:])

    def _text(self) -> Dict[str, Any]:
        magic, length = struct.unpack("<4sI", self._take(8))
        if magic != b"SLT1":
            raise Lost(f"a text was expected, {bytes(magic)!r} came")
        if length <= _BUFFER:
            value = json.loads(bytes(self._take(length)))
        else:
            data = bytearray(length)
            self._into(memoryview(data))
            value = json.loads(data)
        return value if isinstance(value, dict) else {}

    def receive(self) -> Tuple[Dict[str, Any], Union[VideoFrame, AudioFrame, None]]:
        """Waits for the next text, with the picture or sound that it announces. Raises Lost."""
        while True:
            text = self._text()
            kind = text.get("type")
            if kind == "memory":
                self._map(text)
            elif kind == "video":
                return text, self._video(text)
            elif kind == "audio":
                return text, self._audio()
            else:
                return text, None

    def _video(self, text: Mapping[str, Any]) -> VideoFrame:
        head = _HEADER.unpack(self._take(_HEADER.size))
        magic, length, _, number, width, height, _, size, id, timestamp, metadata, bits, flags = head
        if magic != b"SLF1" or number not in _NAMES:
            raise Lost(f"a picture was expected, {bytes(magic)!r} came")
        rest = bytearray(length - _HEADER.size)
        self._into(memoryview(rest))
        frame = VideoFrame.__new__(VideoFrame)
        frame.id, frame.timestamp, frame.received = id, timestamp, text.get("received", 0)
        frame.width, frame.height, frame.format, frame.significant_bits = width, height, _NAMES[number], bits
        frame.metadata = json.loads(rest[:metadata]) if metadata else {}
        frame._array = frame._place = None
        if flags & _IN_MEMORY:
            (offset,) = struct.unpack("<Q", self._take(8))
            memory = self._maps[text["memory"]]
            for old in [each for each in self._maps if each < text["memory"]]:
                del self._maps[old]
            frame.pixels = memoryview(memory)[offset : offset + size]
            frame._place = Place(offset, frame.pixels)
        else:
            frame.pixels = memoryview(bytearray(size))
            self._into(frame.pixels)
        return frame

    def _audio(self) -> AudioFrame:
        magic, number, channels, _, rate, samples, id, timestamp, received = _SOUND.unpack(self._take(_SOUND.size))
        if magic != b"SLA1":
            raise Lost(f"sound was expected, {bytes(magic)!r} came")
        block = AudioFrame.__new__(AudioFrame)
        block.id, block.timestamp, block.received, block.rate, block.channels, block.samples = id, timestamp, received, rate, channels, samples
        block.format = ("s16", "fltp")[number]
        block.data = memoryview(bytearray(samples * channels * (2, 4)[number]))
        self._into(block.data)
        return block

    def _map(self, text: Mapping[str, Any]) -> None:
        """Takes the file of the shared memory into this program. If that fails, pictures go on coming through the socket."""
        ok = True
        try:
            file = os.open(text["path"], os.O_RDWR)
            try:
                self._maps[text["memory"]] = mmap.mmap(file, text["bytes"])
            finally:
                os.close(file)
        except (OSError, ValueError):
            ok = False
        self.send({"type": "mapped", "memory": text["memory"], "ok": ok})

    # -- writing

    def send(self, text: Mapping[str, Any], parts: Optional[List[Any]] = None) -> None:
        """A text, and what it announces: bytes and memoryviews. Raises Lost."""
        body = json.dumps(text, allow_nan=False, separators=(",", ":")).encode()
        try:
            with self._lock:
                self._write([struct.pack("<4sI", b"SLT1", len(body)) + body, *(parts or [])])
        except OSError as error:
            raise Lost(str(error)) from None

    def _write(self, parts: List[Any]) -> None:
        if not hasattr(self._socket, "sendmsg"):
            for part in parts:
                self._socket.sendall(part)
            return
        # One call for all of it, without joining the parts.
        sent = self._socket.sendmsg(parts)
        for part in parts:
            if sent < len(part):
                self._socket.sendall(memoryview(part)[sent:])
            sent = max(0, sent - len(part))

    def answer(self, text: Mapping[str, Any], pictures: List[Answer]) -> None:
        parts: List[Any] = []
        for header, payload, offset in pictures:
            parts.append(header)
            parts.append(payload if offset is None else struct.pack("<Q", offset))
        self.send(text, parts)

    def sound(self, text: Mapping[str, Any], blocks: List[Tuple[AudioFrame, int, int, int, memoryview]]) -> None:
        """Blocks with their format's number, channels, samples and bytes."""
        parts: List[Any] = []
        for block, number, channels, samples, data in blocks:
            head = _SOUND.pack(b"SLA1", number, channels, 0, block.rate, samples, block.id, block.timestamp, block.received)
            parts += [head, data]
        self.send(text, parts)

    def interrupt(self) -> None:
        """Wakes the thread that reads."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.close()
