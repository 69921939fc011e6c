"""One WebSocket (RFC 6455), client side."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.client
import io
import json
import os
import re
import select
import socket
import ssl
import struct
import threading
from typing import TYPE_CHECKING, Any, Dict, Optional, Tuple

from ._errors import SluiceError
from ._version import __version__

if TYPE_CHECKING:
    from ._client import Sluice

try:
    import numpy as np
except ImportError:  # Bytes can be pushed without it.
    np = None  # type: ignore[assignment]

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

    def __init__(self, sluice: Sluice, path: str) -> None:
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

    def _handshake(self, sluice: Sluice, path: str) -> None:
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

    def _refused(self, sluice: Sluice, status: int, headers: http.client.HTTPMessage) -> None:
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
