"""Sluice: live frames from a Python program in any browser.

    from sluice import Sluice

    scope = Sluice("http://127.0.0.1:8000").stream("scope")
    scope.push(array)                        # numpy, JPEG or PNG bytes, raw bytes

Standard library only; numpy is used where it is installed. Python 3.9 or newer.
"""

from __future__ import annotations

import atexit
import base64
import contextlib
import hashlib
import http.client
import io
import json
import logging
import operator
import os
import random
import re
import select
import socket
import ssl
import struct
import threading
import time
import weakref
from collections import Counter, deque
from datetime import datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Deque, Dict, Iterator, Mapping, NamedTuple, Optional, Tuple, Union
from urllib.parse import parse_qs, quote, urlsplit

try:
    import numpy as np
except ImportError:  # Bytes can be pushed without it.
    np = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from ._frames import Frame

__all__ = ["Receipt", "Sluice", "SluiceError", "Stream"]
__version__ = "0.1.0"

Timestamp = Union[int, str, datetime, None]

_log = logging.getLogger("sluice")


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


# ---- frames

# Number in the frame header, channels (0 = planar 4:2:0), bytes of a sample. Names as in FFmpeg.
_FORMATS: Dict[str, Tuple[int, int, int]] = {
    "gray": (0, 1, 1),
    "gray16le": (1, 1, 2),
    "rgb24": (2, 3, 1),
    "bgr24": (3, 3, 1),
    "rgba": (4, 4, 1),
    "yuv420p": (5, 0, 1),
    "nv12": (6, 0, 1),
    "rgb48le": (7, 3, 2),
    "bayer_rggb16le": (8, 1, 2),
    "grayf32le": (9, 1, 4),
}
_ENCODINGS = {"raw": 0, "jpeg": 1, "png": 2}
_MAX_SIDE = 16_384
_MAX_METADATA = 65_480
_HEADER = struct.Struct("<4sHBBIIIIQqIHH")
_DTYPES = "bool, uint8, uint16, float32 or float64"
_SHAPES = "(H, W), (H, W, 1), (H, W, 3) or (H, W, 4)"


class _Frame(NamedTuple):
    header: bytes
    payload: memoryview


def _frame(
    picture: Any,
    timestamp: Timestamp,
    metadata: Optional[Mapping[str, Any]],
    width: Optional[int],
    height: Optional[int],
    format: Optional[str],
    stride: int,
    significant_bits: int,
    device_timestamp: Optional[int] = None,
) -> _Frame:
    encoding = "raw"
    raw = _raw_bytes(picture, width is not None)
    if raw is not None:
        payload = raw
        if width is None and height is None and format is None:
            encoding = _encoding_of(payload)
            width, height, format = 0, 0, "rgb24"
    else:
        payload, width, height, format = _from_array(picture, width, height, format)
    if encoding == "raw":
        width, height, format = _side(width, "width"), _side(height, "height"), _format(format)
        stride = _check_length(len(payload), format, width, height, stride)
    assert width is not None and height is not None and format is not None
    meta = b""
    if device_timestamp is not None and (metadata is None or isinstance(metadata, Mapping)):
        metadata = {**(metadata or {}), "deviceTimestamp": _device_micros(device_timestamp)}
    if metadata is not None:
        try:
            meta = json.dumps(metadata, allow_nan=False).encode()
        except (TypeError, ValueError) as error:
            raise SluiceError("bad-value", f"metadata: {error}; expected a dict that JSON can hold") from None
        if not isinstance(metadata, Mapping) or len(meta) > _MAX_METADATA:
            raise SluiceError("bad-value", f"metadata: {len(meta)} bytes of {type(metadata).__name__} received; expected a dict of at most {_MAX_METADATA} bytes of JSON")
    header_bytes = (_HEADER.size + len(meta) + 7) // 8 * 8
    header = _HEADER.pack(
        b"SLF1", header_bytes, _ENCODINGS[encoding], _FORMATS[format][0], width, height, stride, len(payload),
        0, _micros(timestamp), len(meta), significant_bits, 0,
    )  # fmt: skip
    return _Frame((header + meta).ljust(header_bytes, b"\0"), payload)


def _raw_bytes(picture: Any, described: bool) -> Optional[memoryview]:
    """The bytes of what is no array: bytes, bytearray, mmap, array.array, a flat memoryview. None: look at it as an array."""
    if hasattr(picture, "shape") and not (isinstance(picture, memoryview) and (picture.ndim == 1 or described)):
        return None
    try:
        view = memoryview(picture)
    except TypeError:
        return None
    return view.cast("B") if view.c_contiguous else memoryview(view.tobytes())


def _encoding_of(payload: memoryview) -> str:
    start = bytes(payload[:8])
    if start[:2] == b"\xff\xd8":
        return "jpeg"
    if start == b"\x89PNG\r\n\x1a\n":
        return "png"
    raise SluiceError("bad-frame", f"{len(payload)} bytes received that are neither JPEG nor PNG; raw pixels need width=, height= and format=")


def _side(value: Any, name: str) -> int:
    try:
        side = operator.index(value)
    except TypeError:
        side = 0
    if not 1 <= side <= _MAX_SIDE:
        raise SluiceError("bad-value", f"{name}: {value!r} received; expected an integer from 1 to {_MAX_SIDE}")
    return side


def _format(value: Any) -> str:
    name = "gray" if value == "gray8" else value
    if name not in _FORMATS:
        raise SluiceError("bad-value", f"format: {value!r} is not a pixel format; allowed are {', '.join(_FORMATS)}")
    return str(name)


def _check_length(received: int, format: str, width: int, height: int, stride: int) -> int:
    _, channels, item = _FORMATS[format]
    row = width * (channels or 1) * item
    stride = stride or row
    if stride < row:
        raise SluiceError("bad-frame", f"stride: {stride} received; expected at least {row} bytes (a row of {width} pixels {format})")
    expected = stride * height
    if channels == 0:
        half = (stride + 1) // 2
        expected += half * 2 * ((height + 1) // 2)
    if received != expected:
        raise SluiceError("bad-frame", f"expected {expected} bytes ({width}x{height} {format}, stride {stride}), received {received}")
    return stride


def _from_array(
    picture: Any, width: Optional[int], height: Optional[int], format: Optional[str]
) -> Tuple[memoryview, int, int, str]:
    """Pixels of an array as contiguous little-endian bytes: the array's own memory where it fits, else a copy."""
    if np is None:
        raise SluiceError("bad-value", f"{type(picture).__name__} received; without numpy push bytes with width=, height= and format=")
    array = np.asarray(picture)
    if array.dtype.kind not in "buf" or array.dtype.name not in ("bool", "uint8", "uint16", "float32", "float64"):
        raise SluiceError("bad-frame", f"dtype {array.dtype} received; expected {_DTYPES} (see numpy.ndarray.astype)")
    if format is not None and _FORMATS[_format(format)][1] == 0:
        # OpenCV's form of 4:2:0: one array of H * 3/2 rows.
        if array.ndim == 2 and array.dtype == np.uint8 and (width is None) == (height is None):
            rows, columns = array.shape
            return _bytes_of(array), width or columns, height or rows * 2 // 3, format
        raise SluiceError("bad-frame", f"{array.dtype} {array.shape} received; {format} needs uint8 (H * 3/2, W)")
    channels = 1 if array.ndim == 2 else array.shape[2] if array.ndim == 3 else 0
    if channels not in (1, 3, 4) or not all(1 <= side <= _MAX_SIDE for side in array.shape[:2]):
        hint = "; channels come last (numpy.moveaxis(a, 0, -1))" if array.ndim == 3 and array.shape[0] in (1, 3, 4) else ""
        raise SluiceError("bad-frame", f"shape {array.shape} received; expected {_SHAPES} with H and W from 1 to {_MAX_SIDE}{hint}")
    if (width, height) != (None, None) and (width, height) != (array.shape[1], array.shape[0]):
        raise SluiceError("bad-frame", f"width={width}, height={height} received with shape {array.shape}; leave them out for arrays")
    if array.dtype == np.bool_:
        array = array.astype(np.uint8) * np.uint8(255)
    elif array.dtype.kind == "f":
        array = array.astype("<f4", copy=False) if channels == 1 else _floats_to_bytes(array)
    elif array.dtype.itemsize == 2:
        # There is no 16-bit format with alpha.
        array = (array[:, :, :3] if channels == 4 else array).astype("<u2", copy=False)
        channels = min(channels, 3)
    item = array.dtype.itemsize
    natural = {1: {1: "gray", 3: "rgb24", 4: "rgba"}, 2: {1: "gray16le", 3: "rgb48le"}, 4: {1: "grayf32le"}}[item][channels]
    name = natural if format is None else _format(format)
    if _FORMATS[name][1:] != (channels, item):
        raise SluiceError("bad-frame", f"format: {name} received with {array.dtype} {array.shape}; expected {natural} or one of its kind")
    return _bytes_of(array), array.shape[1], array.shape[0], name


def _bytes_of(array: Any) -> memoryview:
    return memoryview(np.ascontiguousarray(array).reshape(-1).view(np.uint8))


def _floats_to_bytes(array: Any) -> Any:
    """Colour in floats: 0 to 1, or 0 to 255 if a value is above 2 (as the server reads .npy)."""
    values = array.astype(np.float32)
    scale = 1 if ((values > 2) & (values != np.inf)).any() else 255
    with np.errstate(invalid="ignore"):
        return np.nan_to_num(np.rint(np.clip(values * np.float32(scale), 0, 255))).astype(np.uint8)


# ---- time

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


# ---- one WebSocket (RFC 6455), client side

_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_TEXT, _BINARY, _CLOSE, _PING, _PONG = 1, 2, 8, 9, 10
# Closed by the server: 4001 = another program publishes, 1009 = a message was too large.
_REPLACED, _TOO_LARGE = 4001, 1009


class _Retry(Exception):
    """Trying again may help."""


class _Closed(Exception):
    def __init__(self, code: int = 1006, reason: str = "") -> None:
        super().__init__(reason or "the connection was lost")
        self.code = code


class _Socket:
    """An open WebSocket: writes whole messages, reads one at a time in another thread."""

    def __init__(self, sluice: "Sluice", path: str) -> None:
        self._timeout = sluice._timeout
        try:
            sock: socket.socket = socket.create_connection((sluice._host, sluice._port), timeout=self._timeout)
        except OSError as error:
            raise _Retry(str(error)) from None
        self._sock = sock
        # Two threads must not be inside one TLS connection; plain sockets can be read and written at once.
        self._tls = sluice._tls is not None
        self._lock = threading.Lock()
        self._buffer = b""
        # RFC 6455 5.3 wants an unpredictable key, so that a script in a browser cannot choose the bytes that an old proxy sees (10.3).
        # Where no proxy can look (this machine, TLS) a key of zeros does the same, and neither side has to touch each byte: it saves
        # the server 8 ms of CPU for 2 MB.
        self.masked = False
        try:
            self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.masked = not self._tls and sock.getpeername()[0] not in ("127.0.0.1", "::1", "::ffff:127.0.0.1")
            if sluice._tls:
                self._sock = sluice._tls.wrap_socket(sock, server_hostname=sluice._host)
            self._handshake(sluice, path)
        except BaseException as error:
            self._sock.close()
            if isinstance(error, ssl.SSLCertVerificationError):
                raise SluiceError("unreachable", f"{sluice.url}: {error.verify_message}; see ssl_context=") from None
            if isinstance(error, (OSError, _Closed)):
                raise _Retry(str(error) or type(error).__name__) from None
            raise

    def _handshake(self, sluice: "Sluice", path: str) -> None:
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [
            f"GET {path} HTTP/1.1",
            f"Host: {sluice._authority}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Key: {key}",
            f"User-Agent: sluice-python/{__version__}",
        ]
        if sluice._token:
            lines.append(f"Authorization: Bearer {sluice._token}")
        self._sock.sendall("\r\n".join([*lines, "", ""]).encode())
        while b"\r\n\r\n" not in self._buffer and len(self._buffer) < 65_536:
            self._fill()
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        first, _, rest = head.partition(b"\r\n")
        match = re.match(rb"HTTP/1\.[01] (\d{3})", first)
        if not match:
            raise SluiceError("unreachable", f"{sluice.url} does not speak HTTP: {first[:60]!r} received")
        headers = http.client.parse_headers(io.BytesIO(rest + b"\r\n\r\n"))
        status = int(match[1])
        if status != 101:
            self._refused(sluice, status, headers)
        accept = base64.b64encode(hashlib.sha1((key + _GUID).encode()).digest()).decode()
        if headers.get("Sec-WebSocket-Accept", "") != accept:
            raise SluiceError("unreachable", f"{sluice.url} is not a WebSocket server (wrong Sec-WebSocket-Accept)")

    def _refused(self, sluice: "Sluice", status: int, headers: http.client.HTTPMessage) -> None:
        length = min(int(headers.get("Content-Length", "0") or 0), 65_536)
        with contextlib.suppress(OSError, _Closed):
            while len(self._buffer) < length:
                self._fill()
        try:
            problem = json.loads(self._buffer[:length])
            error = SluiceError(str(problem["code"]), str(problem["detail"]), status, problem)
        except (ValueError, KeyError, TypeError):
            where = f" to {headers['Location']}" if 300 <= status < 400 and headers.get("Location") else ""
            error = SluiceError("unreachable", f"{sluice.url} answered {status}{where} instead of opening a WebSocket", status)
        if status in (408, 429, 502, 503, 504):
            raise _Retry(str(error))
        raise error

    def _fill(self) -> None:
        data = self._sock.recv(65_536)
        if not data:
            raise _Closed()
        self._buffer += data

    def send(self, opcode: int, head: bytes, payload: memoryview) -> None:
        """Writes one message of two parts. Raises OSError; the connection is then of no more use."""
        length = len(head) + len(payload)
        if length < 126:
            start = struct.pack(">BB", 0x80 | opcode, 0x80 | length)
        elif length < 65_536:
            start = struct.pack(">BBH", 0x80 | opcode, 0xFE, length)
        else:
            start = struct.pack(">BBQ", 0x80 | opcode, 0xFF, length)
        key = b"\0\0\0\0"
        if self.masked:
            key = os.urandom(4)
            # The header is a multiple of 4 long, so the key begins anew with the payload.
            head, payload = bytes(_xor(memoryview(head), key)), _xor(payload, key)
        with self._lock:
            self._write(start + key + head, payload)

    def _write(self, head: bytes, payload: memoryview) -> None:
        if self._tls or not hasattr(self._sock, "sendmsg"):
            self._sock.sendall(head)
            self._sock.sendall(payload)
            return
        # One call for both parts, without joining them.
        sent = self._sock.sendmsg([head, payload])
        if sent < len(head):
            self._sock.sendall(head[sent:])
            sent = len(head)
        if sent < len(head) + len(payload):
            self._sock.sendall(payload[sent - len(head) :])

    def receive(self) -> Dict[str, Any]:
        """Waits for the next text message, answers pings meanwhile. Raises _Closed or OSError."""
        while True:
            opcode, data = self._message()
            if opcode == _TEXT:
                try:
                    message = json.loads(data)
                except ValueError:
                    message = None
                if isinstance(message, dict):
                    return message
            elif opcode == _PING:
                self.send(_PONG, b"", memoryview(data))
            elif opcode == _CLOSE:
                code = struct.unpack(">H", data[:2])[0] if len(data) >= 2 else 1005
                raise _Closed(code, data[2:].decode("utf-8", "replace"))

    def _message(self) -> Tuple[int, bytes]:
        need = 2
        while True:
            while len(self._buffer) < need:
                self._wait()
            length = self._buffer[1] & 0x7F
            extra = {126: 2, 127: 8}.get(length, 0)
            if len(self._buffer) >= 2 + extra:
                if extra:
                    length = int.from_bytes(self._buffer[2 : 2 + extra], "big")
                if length > 1 << 20:
                    raise _Closed(1009, "the server sent a message of more than 1 MiB")
                if len(self._buffer) >= 2 + extra + length:
                    break
                need = 2 + extra + length
            else:
                need = 2 + extra
        opcode = self._buffer[0] & 0x0F
        data = self._buffer[2 + extra : 2 + extra + length]
        self._buffer = self._buffer[2 + extra + length :]
        return opcode, data

    def _wait(self) -> None:
        """Reads what comes next, however long that takes."""
        if not (isinstance(self._sock, ssl.SSLSocket) and self._sock.pending()):
            if hasattr(select, "poll"):
                # select() cannot see file numbers above 1023.
                poll = select.poll()
                poll.register(self._sock, select.POLLIN)
                poll.poll()
            else:
                select.select([self._sock], [], [])
        with self._lock if self._tls else contextlib.nullcontext():
            self._fill()

    def close(self, code: Optional[int] = None) -> None:
        """Ends the connection; a thread that waits in `receive` wakes up. With a code it is said politely first."""
        with contextlib.suppress(OSError):
            if code is not None:
                self.send(_CLOSE, struct.pack(">H", code), memoryview(b""))
                # The server answers and closes; what it still has to say is read by the other thread.
                return
            self._sock.shutdown(socket.SHUT_RDWR)

    def free(self) -> None:
        with contextlib.suppress(OSError):
            self._sock.close()


def _xor(data: memoryview, key: bytes) -> memoryview:
    """Masking of RFC 6455 5.3, many bytes at a time."""
    size = len(data)
    if np is not None and size >= 64:
        whole = size // 8 * 8
        out = np.empty(size, np.uint8)
        np.bitwise_xor(np.frombuffer(data[:whole], np.uint64), np.frombuffer(key * 2, np.uint64)[0], out=out[:whole].view(np.uint64))
        out[whole:] = [byte ^ key[i & 3] for i, byte in enumerate(data[whole:])]
        return memoryview(out)
    mask = (key * (size // 4 + 1))[:size]
    return memoryview((int.from_bytes(data, "little") ^ int.from_bytes(mask, "little")).to_bytes(size, "little"))


# ---- streams


class _Ticket:
    """A frame on its way. ``outcome``: None = open, False = the connection was lost."""

    __slots__ = ("outcome", "waited")

    def __init__(self, waited: bool) -> None:
        self.waited = waited
        self.outcome: Union[Receipt, SluiceError, bool, None] = None


class Stream:
    """A stream that this program publishes into, over one kept connection. Made by :meth:`Sluice.stream`.

    May be used from several threads. ``counts`` says how many frames were accepted and how many dropped, by reason; ``last`` is the
    newest receipt.
    """

    def __init__(self, sluice: "Sluice", name: str, exclusive: bool, in_flight: int) -> None:
        self.name = name
        self.counts: "Counter[str]" = Counter()
        self.last: Optional[Receipt] = None
        self._sluice = sluice
        self._path = f"{sluice._prefix}api/streams/{quote(name)}/frames{'?exclusive=1' if exclusive else ''}"
        self._in_flight = in_flight
        self._pushing = threading.Lock()
        # Guards everything below.
        self._changed = threading.Condition()
        self._socket: Optional[_Socket] = None
        self._thread: Optional[threading.Thread] = None
        self._waiting: Deque[_Ticket] = deque()
        self._wanted = False
        self._why = ""
        # An answer to a frame that nobody waits for; raised by the next call.
        self._error: Optional[SluiceError] = None
        # Ends the stream for good: replaced, closed, refused.
        self._fatal: Optional[SluiceError] = None
        self._warned: "set[str]" = set()

    def push(
        self,
        picture: Any,
        timestamp: Timestamp = None,
        metadata: Optional[Mapping[str, Any]] = None,
        *,
        device_timestamp: Optional[int] = None,
        width: Optional[int] = None,
        height: Optional[int] = None,
        format: Optional[str] = None,
        stride: int = 0,
        significant_bits: int = 0,
        wait: bool = True,
    ) -> Optional[Receipt]:
        """Sends one frame.

        picture
            An array of bool, uint8, uint16, float32 or float64 with shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), of any strides and
            byte order; or JPEG or PNG bytes; or raw bytes with ``width``, ``height``, ``format`` (gray, gray16le, rgb24, bgr24, rgba,
            yuv420p, nv12, rgb48le, bayer_rggb16le, grayf32le) and, for padded rows, ``stride`` in bytes. ``format="bgr24"`` with an
            array says what its channels mean.
        timestamp
            Capture time: integer µs since the Unix epoch, an aware datetime or an RFC 3339 string. None = now, by the server's clock.
        metadata
            A dict that goes with the frame as JSON, at most 65,480 bytes.
        device_timestamp
            Time of the camera's own clock: integer µs, any zero. The server maps it to UTC where no ``timestamp`` is given, or where the
            stream has ``clock: device``. Every new connection begins a new mapping.
        significant_bits
            Bits of a sample that carry signal: 12 for a 12-bit camera in uint16. 0 = all.
        wait
            True: returns the :class:`Receipt`; if the connection is lost, connects again and sends the frame once more. False: returns
            None as soon as the bytes are on their way (at most ``in_flight`` frames are); without a connection the frame is counted as
            dropped (``disconnected``), and what the server says against a frame is raised by the next call.

        Raises SluiceError: ``bad-frame``, ``bad-value``, ``bad-timestamp``, ``replaced`` (another program publishes now), ``unreachable``...
        """
        frame = _frame(picture, timestamp, metadata, width, height, format, stride, significant_bits, device_timestamp)
        with self._pushing:
            deadline = time.monotonic() + self._sluice._retry
            while True:
                sock = self._ready(wait, deadline)
                if sock is None:
                    return None
                ticket = _Ticket(wait)
                with self._changed:
                    self._waiting.append(ticket)
                try:
                    sock.send(_BINARY, frame.header, frame.payload)
                except OSError as error:
                    self._cut(sock, str(error))
                if not wait:
                    return None
                outcome = self._outcome(sock, ticket)
                if isinstance(outcome, Receipt):
                    return outcome

    def frames(self, *, width: Optional[int] = None, fps: Optional[float] = None) -> "Iterator[Frame]":
        """The frames of this stream, whoever pushes them, from now on: for detectors. Needs numpy.

        ``for id, timestamp, array in stream.frames(): ...`` gets uncompressed pictures in the order of their ids. A program that is
        slower than the frames come misses some (up to 8 wait for it, then the oldest go). A lost connection is made again; the
        iteration ends when the stream is removed, and raises SluiceError ``unreachable`` when the server stays away.

        width
            At most so many columns: smaller pictures are faster. 8-bit pictures are scaled, deeper ones lose rows and columns.
        fps
            At most so many pictures a second.
        """
        from ._frames import frames

        return frames(self._sluice, self.name, width, fps)

    def flush(self, timeout: Optional[float] = None) -> None:
        """Waits until every frame has been answered. Raises what the server had against one of them, or ``unreachable`` in the end."""
        with self._changed:
            done = self._changed.wait_for(lambda: not self._waiting, self._sluice._timeout if timeout is None else timeout)
            self._raise()
            if not done:
                raise SluiceError("unreachable", f"{self._sluice.url} did not answer in time")

    def close(self) -> None:
        """Waits up to two seconds for frames on their way, then ends the connection. May be called again."""
        with contextlib.suppress(SluiceError):
            self.flush(2)
        with self._changed:
            self._fatal = self._fatal or SluiceError("closed", f"{self.name} was closed by this program")
            sock, thread = self._socket, self._thread
            self._changed.notify_all()
        if sock:
            sock.close(1000)
        if thread:
            thread.join(1)
            if sock and thread.is_alive():
                sock.close()

    def __enter__(self) -> "Stream":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<sluice.Stream {self.name!r} at {self._sluice.url} {dict(self.counts)}>"

    @property
    def closed(self) -> bool:
        """True after `close` and after another program has taken over."""
        return self._fatal is not None

    # -- the pushing side

    def _raise(self) -> None:
        error, self._error = self._error, None
        if error or self._fatal:
            # The same error may be raised many times; its traceback must not grow.
            raise (error or self._fatal).with_traceback(None)  # type: ignore[union-attr]

    def _ready(self, wait: bool, deadline: float) -> Optional[_Socket]:
        """The connection, once it takes one more frame. None: there is none and the frame need not wait for one."""
        with self._changed:
            self._raise()
            if self._thread is None:
                # The first connection is made here, so that a wrong address or token is an error of this call.
                try:
                    self._socket = _Socket(self._sluice, self._path)
                except _Retry as error:
                    raise SluiceError("unreachable", f"{self._sluice.url} cannot be reached: {error}") from None
                self._thread = threading.Thread(target=self._run, name=f"sluice {self.name}", daemon=True)
                self._thread.start()
            while True:
                self._wanted = True
                if self._socket is None:
                    self._changed.notify_all()
                    if not wait:
                        self.counts["disconnected"] += 1
                        return None
                    if not self._changed.wait_for(lambda: self._socket or self._fatal, max(0.0, deadline - time.monotonic())):
                        raise SluiceError("unreachable", f"{self._sluice.url} cannot be reached: {self._why}")
                else:
                    if len(self._waiting) < self._in_flight:
                        return self._socket
                    sock = self._socket
                    if not self._changed.wait_for(lambda: len(self._waiting) < self._in_flight, self._sluice._timeout):
                        self._drop(sock, "the server does not answer")
                self._raise()

    def _outcome(self, sock: _Socket, ticket: _Ticket) -> Union[Receipt, bool]:
        with self._changed:
            if not self._changed.wait_for(lambda: ticket.outcome is not None, self._sluice._timeout):
                self._drop(sock, "the server does not answer")
            outcome = ticket.outcome
            if isinstance(outcome, SluiceError):
                raise outcome
            self._raise()
            return outcome or False

    def _cut(self, sock: _Socket, why: str) -> None:
        with self._changed:
            self._drop(sock, why)

    def _drop(self, sock: _Socket, why: str) -> None:
        """Forgets a connection; its thread cleans up. With the lock held."""
        if self._socket is sock:
            self._socket = None
            self._why = why
            # Set again by the next push: who pushes nothing takes no stream back from another program.
            self._wanted = False
            for ticket in self._waiting:
                ticket.outcome = False
                if not ticket.waited:
                    self.counts["disconnected"] += 1
            self._waiting.clear()
            self._changed.notify_all()
        sock.close()

    # -- the reading side, in its own thread

    def _run(self) -> None:
        delay = 0.05
        sock = self._socket
        while True:
            if sock is not None:
                delay = 0.05
                self._read(sock)
                sock.free()
            with self._changed:
                self._changed.wait_for(lambda: self._wanted or self._fatal)
                if self._fatal:
                    return
            sock = self._connect()
            if sock is None:
                time.sleep(delay * random.uniform(0.5, 1))
                delay = min(2.0, delay * 2)

    def _connect(self) -> Optional[_Socket]:
        try:
            sock = _Socket(self._sluice, self._path)
        except _Retry as error:
            self._why = str(error)
            return None
        except SluiceError as error:
            if error.code == "publisher-busy":
                # Our own lost connection, as long as the server has not noticed.
                self._why = error.detail
                return None
            with self._changed:
                self._fatal = error
                self._changed.notify_all()
            return None
        with self._changed:
            if self._fatal:
                sock.close()
            else:
                self._socket = sock
            self._changed.notify_all()
        return sock

    def _read(self, sock: _Socket) -> None:
        try:
            while True:
                self._answer(sock.receive())
        except _Closed as error:
            with self._changed:
                if error.code == _REPLACED:
                    self._replaced()
                elif error.code == _TOO_LARGE:
                    self._settle(SluiceError("frame-too-large", f"the frame is larger than this server takes: {error}", 413))
                self._drop(sock, str(error))
        except (OSError, ValueError) as error:
            self._cut(sock, str(error))

    def _answer(self, message: Dict[str, Any]) -> None:
        kind = message.get("type")
        with self._changed:
            if kind == "ack":
                self._settle(Receipt(int(message["id"]), int(message["timestamp"])))
            elif kind == "drop":
                reason = str(message.get("reason", "dropped"))
                self._settle(Receipt(0, int(message["timestamp"]), reason, message.get("detail")))
            elif kind == "error":
                detail = str(message.get("detail", "the server refused the frame"))
                self._settle(SluiceError(str(message.get("code", "internal")), detail, int(message.get("status", 0)), message))
            elif kind == "replaced":
                self._replaced()

    def _replaced(self) -> None:
        if not self._fatal:
            self._fatal = SluiceError("replaced", f"another program publishes into {self.name} now")
        self._changed.notify_all()

    def _settle(self, outcome: Union[Receipt, SluiceError]) -> None:
        """The server answers in the order of the frames."""
        ticket = self._waiting.popleft() if self._waiting else None
        if ticket:
            ticket.outcome = outcome
        if isinstance(outcome, Receipt):
            self.last = outcome
            self.counts[outcome.dropped or "accepted"] += 1
            if outcome.dropped and outcome.dropped not in self._warned:
                self._warned.add(outcome.dropped)
                _log.warning("%s: a frame was dropped (%s): %s", self.name, outcome.dropped, outcome.detail or "")
        else:
            self.counts[outcome.code] += 1
            if not (ticket and ticket.waited):
                self._error = outcome
        self._changed.notify_all()


class Sluice:
    """A Sluice server.

    url
        Its address, with the path prefix if it has one. ``?token=`` in it is understood.
    token
        The token for everything, if the server needs one.
    timeout
        Seconds to wait for a connection or an answer.
    retry
        Seconds for which a lost connection is tried again before ``push`` raises ``unreachable``. A server that cannot be reached in the
        first place is an error at once.
    ssl_context
        For https with a certificate of your own.

    Connections are made by the first push. Proxies of the environment (``http_proxy``) are not used.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8000",
        token: Optional[str] = None,
        *,
        timeout: float = 10.0,
        retry: float = 30.0,
        ssl_context: Optional[ssl.SSLContext] = None,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise SluiceError("bad-value", f"url: {url!r} received; expected an address such as http://127.0.0.1:8000")
        try:
            port = parts.port
        except ValueError:
            raise SluiceError("bad-value", f"url: {url!r} received; expected a port from 0 to 65535") from None
        self._token = token or "".join(parse_qs(parts.query).get("token", [])[:1])
        if self._token and not re.fullmatch(r"[!-~]+", self._token):
            raise SluiceError("bad-value", "token: expected visible ASCII characters without spaces")
        self._host = parts.hostname
        self._port = port or (443 if parts.scheme == "https" else 80)
        self._authority = parts.netloc.rpartition("@")[2]
        self._prefix = f"{parts.path.rstrip('/')}/"
        self._tls = (ssl_context or ssl.create_default_context()) if parts.scheme == "https" else None
        self._timeout = timeout
        self._retry = retry
        self.url = f"{parts.scheme}://{self._authority}{self._prefix}"
        self._streams: Dict[str, Stream] = {}
        _servers.add(self)

    def stream(self, name: str, *, exclusive: bool = False, in_flight: int = 3) -> Stream:
        """The stream of this name; the same object as before unless that one was closed or replaced. The first push makes the stream on
        the server and takes it over from a program that publishes into it (``exclusive=True``: raises ``publisher-busy`` instead).

        in_flight
            Frames that may be on their way with ``wait=False``, 1 to 4.
        """
        if not re.fullmatch(r"(?!\.+$)[A-Za-z0-9._-]{1,64}", name):
            raise SluiceError("bad-name", f"{name!r} is not a stream name; allowed are 1 to 64 characters of A-Z a-z 0-9 . _ -")
        if not 1 <= in_flight <= 4:
            raise SluiceError("bad-value", f"in_flight: {in_flight!r} received; expected 1 to 4")
        known = self._streams.get(name)
        if known is None or known.closed:
            known = self._streams[name] = Stream(self, name, exclusive, in_flight)
        return known

    def close(self) -> None:
        """Closes every stream."""
        for stream in list(self._streams.values()):
            stream.close()

    def __enter__(self) -> "Sluice":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<sluice.Sluice {self.url}>"


_servers: "weakref.WeakSet[Sluice]" = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    # A program that ends right after its last push must not take that frame with it.
    for server in list(_servers):
        server.close()
