"""Runs one processor: finds its server, takes frames, calls the handlers, sends what they return."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import http.client
import json
import logging
import threading
import time
from typing import Any, Callable, Coroutine, Dict, List, Mapping, Optional
from urllib.parse import quote

from ._answers import audio_answer, video_answer
from ._client import Sluice
from ._errors import SluiceError
from ._link import PROTOCOL, Link, Lost
from ._processors import Handler, Params, Processor, ProcessorContext

_log = logging.getLogger("sluice")

# How long it rests between two looks whether the stream wants its processor.
_LOOK_SECONDS = 0.1
# After so many looks the server is asked again where to look: it may have been started anew.
_LOOKS = 20
_ASK_SECONDS = 1.0


class Watch:
    """What others may know of a host: how many frames, and since when it is at the oldest one."""

    frames = 0
    deadline = 0.0
    memory = 0

    def busy(self, since: float) -> None:
        """``since``: monotonic seconds, 0 = it waits."""


class Host:
    def __init__(
        self,
        processor: Processor,
        sluice: Optional[Sluice],
        watch: Optional[Watch] = None,
        alive: Optional[int] = None,
        *,
        address: Optional[Mapping[str, Any]] = None,
        loop: Optional[asyncio.AbstractEventLoop] = None,
    ) -> None:
        """``address``: where its socket is, if that is known. ``loop``: a running one for ``async`` handlers, in the place of one of its own."""
        self.processor = processor
        self.state = "idle"
        self.reason: Optional[str] = None
        self._sluice = sluice
        self._watch = watch or Watch()
        self._alive = alive
        self._stop = threading.Event()
        self._handlers: Dict[str, Handler] = {}
        self._loaded = False
        self._started = False
        self._params = Params()
        self._link: Optional[Link] = None
        self._context: Optional[ProcessorContext] = None
        self._address = address
        self._loop = loop
        self._tasks: "Dict[int, Any]" = {}
        self._busy: Dict[int, float] = {}
        # Frames in a row that failed: the first is told.
        self._failures = 0

    @property
    def frames(self) -> int:
        return self._watch.frames

    def stop(self) -> None:
        self._stop.set()
        if self._link:
            self._link.interrupt()

    def live(self) -> None:
        """Until it is stopped. Raises what makes going on useless: a wrong token, another program in its place, a failure of ``load``."""
        self._handlers = self.processor.handlers()
        thread = None
        if self._loop is None and any(handler.asynchronous for handler in self._handlers.values()):
            self._loop = asyncio.new_event_loop()
            thread = threading.Thread(target=self._loop.run_forever, name="sluice processor", daemon=True)
            thread.start()
        try:
            while not self._stop.is_set():
                address = self._ask()
                for _ in range(_LOOKS):
                    if address is None or self._stop.is_set() or not self._connect(address):
                        break
                    self._stop.wait(_LOOK_SECONDS)
        finally:
            if self._loop and thread:
                self._loop.call_soon_threadsafe(self._loop.stop)
                thread.join(1)
                if not thread.is_alive():
                    self._loop.close()

    def _tell(self, state: str, reason: Optional[str], *, warn: bool = False) -> None:
        if reason and reason != self.reason:
            (_log.warning if warn else _log.info)("processor %s %s", self.processor.name, reason)
        self.state, self.reason = state, reason

    # -- the way to the server

    def _ask(self) -> Optional[Mapping[str, Any]]:
        """Where its socket is; None: not known yet, a while has passed."""
        if self._address is not None:
            return self._address
        processor = self.processor
        assert self._sluice is not None
        path = f"api/streams/{quote(processor.stream)}/processors/{quote(processor.id)}/program"
        try:
            return _post(self._sluice, path)
        except SluiceError as error:
            if error.status in (401, 403):
                raise
            self._tell("waiting", f"waits: {error}", warn=error.code not in ("unavailable",))
            self._stop.wait(_ASK_SECONDS)
            return None

    def _connect(self, address: Mapping[str, Any]) -> bool:
        """Lives with the server until the connection ends. True: there was none."""
        try:
            link = Link(address, self._alive)
        except OSError:
            self._tell("waiting", f"waits until {self.processor.stream} is watched")
            return True
        self._link = link
        try:
            self._talk(link, address["token"])
        except Lost as error:
            if not self._stop.is_set():
                _heed_last_words(link)
                self._tell("waiting", f"lost its server: {error}")
        except KeyboardInterrupt:
            with contextlib.suppress(Lost):
                link.send({"type": "bye"})
            raise
        finally:
            self._link = None
            for task in list(self._tasks.values()):
                task.cancel()
            concurrent.futures.wait(list(self._tasks.values()), 1)
            self._idle()
            link.close()
            self._run_stopped()
        return False

    def _talk(self, link: Link, token: str) -> None:
        processor = self.processor
        link.send({
            "type": "hello",
            "protocol": PROTOCOL,
            "token": token,
            "name": processor.name,
            "video": processor.has("video"),
            "audio": processor.has("audio"),
            "generates": processor.has("generate"),
            "params": processor.schema,
            "memory": link.local,
            **({"ids": processor.ids} if processor.ids else {}),
        })  # fmt: skip
        while not self._stop.is_set():
            text, frame = link.receive()
            kind = text.get("type")
            if kind == "video":
                self._frame(link, text["job"], "video", frame)
            elif kind == "audio":
                self._frame(link, text["job"], "audio", frame)
            elif kind == "generate":
                self._frame(link, text["job"], "generate", None)
            elif kind == "abort":
                self._abort(text["job"])
            elif kind == "welcome":
                self._welcome(link, text)
            elif kind == "params":
                self._apply(text["params"])
            elif kind == "start":
                self._started = True
                self._call("on_start", self._context)
            elif kind == "stop":
                self._run_stopped()
            elif kind == "replaced":
                raise _replaced()
            elif kind == "error":
                error = SluiceError(str(text.get("code")), str(text.get("detail")), int(text.get("status", 0)), text)
                if error.code == "unauthorized":
                    return
                self._tell("waiting", f"was refused: {error}", warn=True)
                self._stop.wait(_ASK_SECONDS)
                return

    def _welcome(self, link: Link, text: Mapping[str, Any]) -> None:
        self._watch.deadline, self._watch.memory = float(text.get("deadline", 0)), int(text.get("memory", 0))
        processor = self.processor
        self._params = Params(text["params"])
        self._context = ProcessorContext(processor.id, processor.stream, self._params, link.send, self._stop.is_set)
        if not self._loaded:
            self._tell("loading", None)
            self._own_params()
            self._call("load", self._context, must=True)
            self._loaded = True
        else:
            self._apply(text["params"])
        link.send({"type": "ready"})
        self._tell("running", "runs")

    def _run_stopped(self) -> None:
        if self._started:
            self._started = False
            self._call("on_stop", self._context)

    # -- handlers

    def _call(self, name: str, *args: Any, must: bool = False) -> None:
        """Calls a handler that answers nothing; what it throws is told and changes nothing else."""
        handler = self._handlers.get(name)
        if handler is None:
            return
        try:
            made = handler(*args)
            if asyncio.iscoroutine(made) and self._loop:
                asyncio.run_coroutine_threadsafe(made, self._loop).result()
        except Exception as error:
            if must:
                raise
            _log.error("%s of processor %s failed: %s", name, self.processor.name, error, exc_info=error)

    def _apply(self, values: Mapping[str, Any]) -> None:
        self._params = Params(values)
        self._own_params()
        if self._context and self._link:
            self._context = ProcessorContext(self.processor.id, self.processor.stream, self._params, self._link.send, self._stop.is_set)
        self._call("on_params", self._params, self._context)

    def _own_params(self) -> None:
        """Settings that a class declares are found at its object, too."""
        handler = next(iter(self._handlers.values()))
        made = getattr(handler.function, "__self__", None)
        if made is not None and self.processor.made is type(made):
            for key, value in self._params.items():
                setattr(made, key, value)

    def _frame(self, link: Link, job: int, kind: str, frame: Any) -> None:
        handler = self._handlers.get(kind)
        if handler is None:
            return link.send({"type": "done", "job": job, "result": "pass"})
        context = ProcessorContext(self.processor.id, self.processor.stream, self._params, link.send, self._stop.is_set)
        args = (context,) if frame is None else (frame, context)
        self._begin(job)
        if self._loop and handler.asynchronous:
            self._tasks[job] = asyncio.run_coroutine_threadsafe(self._wait(link, job, kind, handler(*args), frame, context), self._loop)
            return
        try:
            self._done(link, job, kind, handler(*args), frame, context)
        except Exception as error:
            self._failed(link, job, error)

    async def _wait(self, link: Link, job: int, kind: str, made: Coroutine[Any, Any, Any], frame: Any, context: ProcessorContext) -> None:
        try:
            self._done(link, job, kind, await made, frame, context)
        except asyncio.CancelledError:
            with contextlib.suppress(Lost):
                self._failed(link, job, SluiceError("closed", "given up"))
            raise
        except Lost:
            pass
        except Exception as error:
            self._failed(link, job, error)
        finally:
            self._tasks.pop(job, None)

    def _abort(self, job: int) -> None:
        task = self._tasks.get(job)
        if task:
            task.cancel()

    def _done(self, link: Link, job: int, kind: str, result: Any, frame: Any, context: ProcessorContext) -> None:
        text: Dict[str, Any] = {"type": "done", "job": job, **context._found}
        if kind == "audio":
            text["result"], blocks = audio_answer(result, frame)
            text["count"] = len(blocks)
            self._end(job)
            return link.sound(text, blocks)
        text["result"], pictures = video_answer(result, frame, self.processor.ids == "own" or kind == "generate")
        if kind == "generate" and text["result"] == "pass":
            text["result"] = "withhold"
        text["count"] = len(pictures)
        self._watch.frames += 1
        self._failures = 0
        self._end(job)
        link.answer(text, pictures)

    def _failed(self, link: Link, job: int, error: Exception) -> None:
        if isinstance(error, Lost):
            raise error
        self._end(job)
        self._failures += 1
        if self._failures == 1:
            _log.error("processor %s failed on a frame: %s", self.processor.name, error, exc_info=None if isinstance(error, SluiceError) else error)
        link.send({"type": "done", "job": job, "result": "failed", "error": f"{type(error).__name__}: {error}"[:2000]})

    def _begin(self, job: int) -> None:
        now = time.monotonic()
        if not self._busy:
            self._watch.busy(now)
        self._busy[job] = now

    def _end(self, job: int) -> None:
        self._busy.pop(job, None)
        self._watch.busy(min(self._busy.values(), default=0.0))

    def _idle(self) -> None:
        self._busy.clear()
        self._watch.busy(0.0)


def _heed_last_words(link: Link) -> None:
    """An answer could not be sent, but why it was not wanted may have been said. Raises ``replaced``."""
    with contextlib.suppress(Lost):
        while True:
            if link.receive()[0].get("type") == "replaced":
                raise _replaced()


def _replaced() -> SluiceError:
    return SluiceError("replaced", "another program has taken its place")


def _post(sluice: Sluice, path: str) -> Dict[str, Any]:
    """Raises SluiceError; ``unreachable`` where no server answers."""
    kind: Callable[..., Any] = http.client.HTTPSConnection if sluice._tls else http.client.HTTPConnection
    more = {"context": sluice._tls} if sluice._tls else {}
    connection = kind(sluice._host, sluice._port, timeout=sluice._timeout, **more)
    headers = {"Host": sluice._authority, "Content-Length": "0"}
    if sluice._token:
        headers["Authorization"] = f"Bearer {sluice._token}"
    try:
        connection.request("POST", f"{sluice._prefix}{path}", headers=headers)
        response = connection.getresponse()
        body = json.loads(response.read() or b"{}")
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise SluiceError("unreachable", f"{sluice.url} cannot be reached: {error}") from None
    finally:
        connection.close()
    if response.status != 200:
        raise SluiceError(str(body.get("code")), str(body.get("detail")), response.status, body)
    return dict(body)

