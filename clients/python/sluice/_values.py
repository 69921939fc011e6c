"""Metrics, markers and data of one stream on their way to the server: in order, over one kept connection, without holding up frames."""

from __future__ import annotations

import http.client
import json
import math
import random
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Callable, Deque, Dict, List, Mapping, Optional, Union
from urllib.parse import quote

from ._errors import Receipt, SluiceError

if TYPE_CHECKING:
    from ._client import Sluice

# Entries that may wait while the server cannot be reached: of metrics the oldest go, markers and data are refused.
_MOST_WAITING = 20_000
_MOST_AT_ONCE = 500
# What comes together goes together.
_GATHER_SECONDS = 0.01
_RETRY = (408, 429, 500, 502, 503, 504)


class _Ticket:
    """A frame on its way. ``outcome``: None = open, False = the connection was lost. ``micros``: its time if it gets no id."""

    __slots__ = ("micros", "outcome", "waited")

    def __init__(self, waited: bool, micros: int, outcome: Union[Receipt, SluiceError, bool, None] = None) -> None:
        self.waited = waited
        self.micros = micros
        self.outcome = outcome

    def place(self) -> Dict[str, int]:
        """What belongs to this frame names its id, or its time if it was dropped."""
        if isinstance(self.outcome, Receipt):
            return {"frame": self.outcome.id} if self.outcome.id else {"timestamp": self.outcome.timestamp}
        return {"timestamp": self.micros}


class _Entry:
    __slots__ = ("answer", "body", "done", "kind", "ticket", "waited")

    def __init__(self, kind: str, body: Dict[str, Any], ticket: Optional[_Ticket], waited: bool) -> None:
        self.kind = kind
        self.body = body
        self.ticket = ticket
        self.waited = waited
        self.done = False
        self.answer: Any = None


class _Values:
    def __init__(self, sluice: Sluice, name: str, changed: threading.Condition, count: Callable[[str, int], None]) -> None:
        self._sluice = sluice
        self._name = name
        # The stream's own, so that answers to frames are heard.
        self._changed = changed
        self._count = count
        self._queue: Deque[_Entry] = deque()
        self._busy: List[_Entry] = []
        self._error: Optional[SluiceError] = None
        self._thread: Optional[threading.Thread] = None
        self._closed = False
        self._connection: Optional[http.client.HTTPConnection] = None

    def add(self, kind: str, body: Dict[str, Any], ticket: Optional[_Ticket], wait: bool) -> Any:
        entry = _Entry(kind, body, ticket, wait)
        with self._changed:
            self._raise()
            if self._closed:
                raise SluiceError("closed", f"{self._name} was closed by this program")
            if len(self._queue) >= _MOST_WAITING:
                self._make_room(kind)
            self._queue.append(entry)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=f"sluice {self._name} values", daemon=True)
                self._thread.start()
            self._changed.notify_all()
            if not wait:
                return None
            if not self._changed.wait_for(lambda: entry.done, self._sluice._timeout + self._sluice._retry):
                raise SluiceError("unreachable", f"{self._sluice.url} did not answer in time")
        if isinstance(entry.answer, SluiceError):
            raise entry.answer
        return entry.answer

    def _make_room(self, kind: str) -> None:
        for entry in self._queue:
            if entry.kind == "metrics":
                self._queue.remove(entry)
                self._count("metrics dropped", 1)
                return
        raise SluiceError("unreachable", f"{kind}: {_MOST_WAITING} wait already; {self._sluice.url} cannot be reached")

    def _raise(self) -> None:
        error, self._error = self._error, None
        if error:
            raise error.with_traceback(None)

    def flush(self, timeout: float) -> bool:
        """Waits until everything has been answered, with the lock held. Raises what the server had against it."""
        done = self._changed.wait_for(lambda: not self._queue and not self._busy, timeout)
        self._raise()
        return done

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            thread = self._thread
        if thread and thread is not threading.current_thread():
            thread.join(1)

    # -- in its own thread

    def _run(self) -> None:
        delay = 0.05
        # Frames make the stream: what overtakes the first of them waits for it.
        missing_until = 0.0
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._queue or self._closed)
                if self._closed:
                    break
            time.sleep(_GATHER_SECONDS)
            batch = self._take()
            while batch:
                try:
                    self._settle(batch, self._post(batch[0].kind, [{**entry.body, **_place(entry)} for entry in batch]))
                    delay = 0.05
                    missing_until = 0.0
                    break
                except (OSError, http.client.HTTPException) as error:
                    why = str(error) or type(error).__name__
                except SluiceError as error:
                    missing_until = missing_until or time.monotonic() + self._sluice._retry
                    missing = error.code == "unknown-stream" and time.monotonic() < missing_until
                    if error.status not in _RETRY and not missing:
                        self._fail(batch, error)
                        break
                    why = error.detail
                self._disconnect()
                if self._closed:
                    self._fail(batch, SluiceError("unreachable", f"{self._sluice.url} cannot be reached: {why}"))
                    break
                time.sleep(delay * random.uniform(0.5, 1))
                delay = min(2.0, delay * 2)
        self._disconnect()
        with self._changed:
            left = list(self._queue)
            self._queue.clear()
        self._fail(left, SluiceError("closed", f"{self._name} was closed by this program"))

    def _take(self) -> List[_Entry]:
        """The next entries of one kind; waits until their frames have ids."""
        with self._changed:
            while self._queue and len(self._busy) < _MOST_AT_ONCE and (not self._busy or self._queue[0].kind == self._busy[0].kind):
                ticket = self._queue[0].ticket
                if ticket is not None and ticket.outcome is None:
                    if self._busy or self._closed:
                        break
                    self._changed.wait_for(lambda: ticket.outcome is not None or self._closed, self._sluice._timeout)  # noqa: B023
                if self._queue:
                    self._busy.append(self._queue.popleft())
            return list(self._busy)

    def _post(self, kind: str, entries: List[Dict[str, Any]]) -> Any:
        sluice = self._sluice
        if self._connection is None:
            if sluice._tls:
                self._connection = http.client.HTTPSConnection(sluice._host, sluice._port, timeout=sluice._timeout, context=sluice._tls)
            else:
                self._connection = http.client.HTTPConnection(sluice._host, sluice._port, timeout=sluice._timeout)
        headers = {"Content-Type": "application/json", "Host": sluice._authority}
        if sluice._token:
            headers["Authorization"] = f"Bearer {sluice._token}"
        path = f"{sluice._prefix}api/streams/{quote(self._name)}/{kind}"
        self._connection.request("POST", path, json.dumps(entries).encode(), headers)
        answer = self._connection.getresponse()
        text = answer.read()
        try:
            body = json.loads(text)
        except ValueError:
            body = None
        if answer.status == 429 and isinstance(body, dict) and "dropped" in body:
            return body
        if not 200 <= answer.status < 300:
            problem = body if isinstance(body, dict) else {}
            detail = str(problem.get("detail", f"{sluice.url} answered {answer.status}"))
            raise SluiceError(str(problem.get("code", "unreachable")), detail, answer.status, problem)
        return body

    def _disconnect(self) -> None:
        if self._connection:
            self._connection.close()
        self._connection = None

    def _settle(self, batch: List[_Entry], answer: Any) -> None:
        with self._changed:
            if batch[0].kind == "metrics" and isinstance(answer, dict):
                self._count("metrics dropped", int(answer.get("dropped", 0)))
            for i, entry in enumerate(batch):
                entry.answer = answer[i] if isinstance(answer, list) and i < len(answer) else None
                entry.done = True
            self._busy.clear()
            self._changed.notify_all()

    def _fail(self, batch: List[_Entry], error: SluiceError) -> None:
        """One wrong entry refuses its whole request: each is tried alone, so that the others get through."""
        if len(batch) > 1 and 400 <= error.status < 500 and error.status not in (401, 403, 404):
            for entry in batch:
                try:
                    entry.answer = self._post(entry.kind, [{**entry.body, **_place(entry)}])
                    entry.answer = entry.answer[0] if isinstance(entry.answer, list) else None
                except (SluiceError, OSError, http.client.HTTPException) as alone:
                    entry.answer = alone if isinstance(alone, SluiceError) else error
        else:
            for entry in batch:
                entry.answer = error
        with self._changed:
            for entry in batch:
                entry.done = True
                if isinstance(entry.answer, SluiceError) and not entry.waited:
                    self._count(entry.answer.code, 1)
                    self._error = entry.answer
            self._busy.clear()
            self._changed.notify_all()


def _place(entry: _Entry) -> Dict[str, int]:
    if entry.ticket is None or "frame" in entry.body or "timestamp" in entry.body:
        return {}
    return entry.ticket.place()


def _numbers(values: Mapping[str, Any]) -> Dict[str, Any]:
    """Values of metrics as JSON: NaN, infinity and None are gaps, arrays become lists."""
    if not isinstance(values, Mapping):
        raise SluiceError("bad-value", f"metrics: {type(values).__name__} received; expected a dict of numbers by name")
    return {str(name): _number(value, name) for name, value in values.items()}


def _number(value: Any, name: Any) -> Any:
    if hasattr(value, "tolist"):
        value = value.tolist()
    if value is None or isinstance(value, (bool, int)):
        return value if value is None else int(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, (list, tuple)):
        return [_number(item, name) for item in value]
    raise SluiceError("bad-value", f"metrics: {name}: {type(value).__name__} received; expected a number, a list of numbers or None")


def _json(value: Any, what: str) -> Any:
    """A value that JSON can hold; numpy scalars and arrays become numbers and lists."""
    try:
        return json.loads(json.dumps(value, allow_nan=False, default=_plain))
    except (TypeError, ValueError) as error:
        raise SluiceError("bad-value", f"{what}: {error}; expected what JSON can hold") from None


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} received")
