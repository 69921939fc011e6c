"""A stream that frames are pushed into, over one kept connection."""

from __future__ import annotations

import contextlib
import logging
import random
import threading
import time
import uuid
from collections import Counter, deque
from typing import TYPE_CHECKING, Any, Deque, Dict, Iterator, Mapping, Optional, Union
from urllib.parse import quote

from ._errors import Receipt, SluiceError
from ._frames import Frame, frames
from ._pictures import _frame
from ._socket import _BINARY, _REPLACED, _TOO_LARGE, _Closed, _Retry, _Socket
from ._time import Timestamp, _micros
from ._values import _json, _numbers, _Ticket, _Values

if TYPE_CHECKING:
    from ._client import Sluice

_log = logging.getLogger("sluice")


class Stream:
    """A stream that this program publishes into, over one kept connection. Made by :meth:`Sluice.stream`.

    May be used from several threads. ``counts`` says how many frames were accepted and how many dropped, by reason; ``last`` is the
    newest receipt.
    """

    def __init__(self, sluice: Sluice, name: str, exclusive: bool, in_flight: int) -> None:
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
        # The last frame that was pushed: metrics, markers and data belong to it.
        self._latest: Optional[_Ticket] = None
        self._values = _Values(sluice, name, self._changed, self._count)

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
        micros = _micros(timestamp) or time.time_ns() // 1000
        with self._pushing:
            deadline = time.monotonic() + self._sluice._retry
            while True:
                # Until it is on its way it has no id to come.
                self._latest = _Ticket(wait, micros, False)
                sock = self._ready(wait, deadline)
                if sock is None:
                    return None
                ticket = self._latest = _Ticket(wait, micros)
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

    def frames(self, *, width: Optional[int] = None, fps: Optional[float] = None) -> Iterator[Frame]:
        """The frames of this stream, whoever pushes them, from now on: for detectors. Needs numpy.

        ``for id, timestamp, array in stream.frames(): ...`` gets uncompressed pictures in the order of their ids. A program that is
        slower than the frames come misses some (up to 32 or 48 MB wait for it, then the oldest go). A lost connection is made again; the
        iteration ends when the stream is removed, and raises SluiceError ``unreachable`` when the server stays away.

        width
            At most so many columns: smaller pictures are faster. 8-bit pictures are scaled, deeper ones lose rows and columns.
        fps
            At most so many pictures a second.
        """
        return frames(self._sluice, self.name, width, fps)

    def metric(self, values: Mapping[str, Any], *, frame: Optional[int] = None, timestamp: Timestamp = None) -> None:
        """Sends numbers by name: ``stream.metric({"mean": 812.4, "trace": [1, 2, 3]})``. None and NaN are gaps, lists are vectors of up to
        1,024. They belong to the last pushed frame unless ``frame`` or ``timestamp`` is given; without either, to the newest frame of the
        stream. Never waits; what the server has against it is raised by the next call.
        """
        self._values.add("metrics", {"values": _numbers(values), **_instant(frame, timestamp)}, self._latest, False)

    def marker(
        self,
        label: str,
        *,
        id: Optional[str] = None,
        kind: str = "event",
        frame: Optional[int] = None,
        timestamp: Timestamp = None,
        end_frame: Optional[int] = None,
        end: Timestamp = None,
        open: bool = False,
        data: Any = None,
        wait: bool = True,
    ) -> Optional[Dict[str, Any]]:
        """Sets a marker, or changes the one of the same id. It belongs to the last pushed frame unless told otherwise.

        Returns it as the server has it, once it is on disk there. ``wait=False`` returns None at once; a lost connection is then tried
        again until the marker has arrived, once.
        """
        body: Dict[str, Any] = {"id": id or uuid.uuid4().hex, "label": label, "kind": kind, **_instant(frame, timestamp)}
        if end_frame is not None:
            body["endFrame"] = int(end_frame)
        if end is not None:
            body["end"] = _micros(end)
        if open:
            body["open"] = True
        if data is not None:
            body["data"] = _json(data, "data")
        answer: Optional[Dict[str, Any]] = self._values.add("markers", body, self._latest, wait)
        return answer

    def data(
        self, record: Mapping[str, Any], *, frame: Optional[int] = None, timestamp: Timestamp = None, wait: bool = False
    ) -> Optional[Dict[str, Any]]:
        """Sends a JSON record; ``{"boxes": [{"x", "y", "w", "h", "label"}]}`` is drawn over the picture. Bound as metrics are. Never waits
        unless ``wait`` is True: then it returns the record as the server has it.
        """
        if not isinstance(record, Mapping):
            raise SluiceError("bad-value", f"data: {type(record).__name__} received; expected a dict")
        answer: Optional[Dict[str, Any]] = self._values.add("data", {**_json(dict(record), "data"), **_instant(frame, timestamp)}, self._latest, wait)
        return answer

    def acquisition(self, on: bool, *, exposure: Optional[float] = None) -> None:
        """Says whether this program acquires pictures now: starts and stops the live view of the stream. Returns when the server knows.

        exposure
            In ms: above the server's limit no live view is started, and people are offered snapshots instead. May change with each frame:
            ``push(..., metadata={"exposure": 20})``.
        """
        body: Dict[str, Any] = {"on": bool(on)}
        if exposure is not None:
            body["exposure"] = float(exposure)
        self._values.add("acquisition", body, None, True)

    def _missed(self) -> None:
        """A frame that is not even tried, because no server answers: what comes with it has its time."""
        with self._changed:
            self.counts["disconnected"] += 1
            self._latest = _Ticket(False, time.time_ns() // 1000, False)

    def _count(self, what: str, count: int) -> None:
        if count:
            self.counts[what] += count

    def flush(self, timeout: Optional[float] = None) -> None:
        """Waits until every frame, metric, marker and record has been answered. Raises what the server had against one of them, or
        ``unreachable`` in the end.
        """
        deadline = time.monotonic() + (self._sluice._timeout if timeout is None else timeout)
        with self._changed:
            done = self._changed.wait_for(lambda: not self._waiting, deadline - time.monotonic())
            self._raise()
            if not done or not self._values.flush(max(0.0, deadline - time.monotonic())):
                raise SluiceError("unreachable", f"{self._sluice.url} did not answer in time")

    def close(self) -> None:
        """Waits up to two seconds for frames on their way, then ends the connection. May be called again."""
        with contextlib.suppress(SluiceError):
            self.flush(2)
        with self._changed:
            self._fatal = self._fatal or SluiceError("closed", f"{self.name} was closed by this program")
            sock, thread = self._socket, self._thread
            self._changed.notify_all()
        self._values.close()
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


def _instant(frame: Optional[int], timestamp: Timestamp) -> Dict[str, int]:
    if frame is not None:
        return {"frame": int(frame)}
    return {} if timestamp is None else {"timestamp": _micros(timestamp)}
