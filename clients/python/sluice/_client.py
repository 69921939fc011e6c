"""A server and its streams."""

from __future__ import annotations

import atexit
import re
import ssl
import weakref
from typing import Dict, Optional
from urllib.parse import parse_qs, urlsplit

from ._errors import SluiceError
from ._stream import Stream


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
