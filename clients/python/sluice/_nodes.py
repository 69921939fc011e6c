"""Nodes: generators that only yield pictures, numbers and events; a runner paces them, keeps their failures apart and starts them again."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import random
import threading
import time
from typing import Any, AsyncIterator, Callable, Dict, Iterator, List, Mapping, NamedTuple, Optional, Tuple

from ._client import Sluice
from ._errors import SluiceError
from ._stream import Stream
from ._time import Timestamp

_log = logging.getLogger("sluice")

_POLICIES = ("always", "on-failure", "never")
# Starting again does not help against these.
_FINAL = ("replaced", "unauthorized", "forbidden", "bad-name", "conflict")
_CONNECT_SECONDS = 1.0


class Picture(NamedTuple):
    """A frame that says more of itself than its pixels do; see :meth:`Stream.push`."""

    pixels: Any
    timestamp: Timestamp = None
    metadata: Optional[Mapping[str, Any]] = None
    width: Optional[int] = None
    height: Optional[int] = None
    format: Optional[str] = None
    stride: int = 0
    significant_bits: int = 0
    device_timestamp: Optional[int] = None


class Marker(NamedTuple):
    """An event; see :meth:`Stream.marker`."""

    label: str
    kind: str = "event"
    id: Optional[str] = None
    frame: Optional[int] = None
    timestamp: Timestamp = None
    end_frame: Optional[int] = None
    end: Timestamp = None
    open: bool = False
    data: Any = None


class Data(NamedTuple):
    """A JSON record; see :meth:`Stream.data`."""

    record: Mapping[str, Any]
    frame: Optional[int] = None
    timestamp: Timestamp = None


class Context:
    """What a node with a parameter is given each time that it starts."""

    def __init__(self, node: "Node", run: int, stop: threading.Event) -> None:
        self.name = node.name
        self.stream = node.stream
        self.run = run
        """1 at the first start, then one more each time."""
        self._stop = stop

    @property
    def stopping(self) -> bool:
        """True when the node must come to its end."""
        return self._stop.is_set()

    def sleep(self, seconds: float) -> bool:
        """Sleeps, or wakes up early because the node must stop: True."""
        return self._stop.wait(max(0.0, seconds))


class Node:
    """A function and where its yields go. Made by :func:`node`; still callable as the function that it was."""

    def __init__(self, function: Callable[..., Any], stream: str, fps: Optional[float], name: Optional[str], picture: Dict[str, Any], policy: Dict[str, Any]) -> None:
        if fps is not None and not 0 < fps <= 1000:
            raise SluiceError("bad-value", f"fps: {fps!r} received; expected a number above 0, at most 1000")
        self.function = function
        self.stream = stream
        self.fps = fps
        self.name = name or getattr(function, "__name__", stream)
        self.picture = picture
        self.policy = policy
        self.wants_context = any(
            parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD) and parameter.default is parameter.empty
            for parameter in inspect.signature(function).parameters.values()
        )

    def __call__(self, *args: Any, **more: Any) -> Any:
        return self.function(*args, **more)

    def __repr__(self) -> str:
        return f"<sluice.Node {self.name!r} for {self.stream!r}>"


def node(
    stream: str,
    *,
    fps: Optional[float] = None,
    name: Optional[str] = None,
    width: Optional[int] = None,
    height: Optional[int] = None,
    format: Optional[str] = None,
    significant_bits: int = 0,
    restart: Optional[str] = None,
    backoff: Optional[Tuple[float, float]] = None,
) -> Callable[[Callable[..., Any]], Node]:
    """Makes a node of a generator function, an async generator function, or (with ``fps``) a function that is called at each tick::

        @node(stream="cells", fps=30)
        def cells():
            while True:
                frame = camera.grab()
                yield frame, {"mean": frame.mean()}
                if spike: yield Marker("spike", kind="spike")

    It may yield pixels (an array; JPEG or PNG bytes; raw bytes where ``width``, ``height`` and ``format`` are declared), :class:`Picture`,
    a dict of numbers, :class:`Marker`, :class:`Data`, or a tuple or list of these that belong to the same instant (one picture at most). What is no picture
    belongs to the picture that it is yielded with, else to the one before. A function with a parameter is given a :class:`Context`.

    fps
        Ticks per second, on a grid of due times: how long the work takes does not change the rate. None: the node sets its own pace.
    restart, backoff
        As in :func:`run`, for this node alone.
    """
    picture = {key: value for key, value in dict(width=width, height=height, format=format).items() if value is not None}
    if significant_bits:
        picture["significant_bits"] = significant_bits
    policy = {key: value for key, value in dict(restart=restart, backoff=backoff).items() if value is not None}
    _check_policy(policy)
    return lambda function: Node(function, stream, fps, name, picture, policy)


def _check_policy(policy: Mapping[str, Any]) -> None:
    restart, backoff = policy.get("restart", "never"), policy.get("backoff", (0, 0))
    if restart not in _POLICIES:
        raise SluiceError("bad-value", f"restart: {restart!r} received; expected {', '.join(_POLICIES)}")
    if len(backoff) != 2 or not 0 <= backoff[0] <= backoff[1]:
        raise SluiceError("bad-value", f"backoff: {backoff!r} received; expected seconds (first, longest)")


class _Pacer:
    """Due times on a grid: work, late timers and rounding never add up to another rate."""

    def __init__(self, fps: float, start: float) -> None:
        self._fps = fps
        self._start = start
        self._tick = 0
        self.missed = 0

    def wait(self, now: float) -> float:
        """Seconds until the next tick. Late by less than one: 0. Whole ticks that were missed are left out, never made up for."""
        missed = max(0, int((now - self._start) * self._fps) - self._tick - 1)
        self.missed += missed
        self._tick += 1 + missed
        return max(0.0, self._start + self._tick / self._fps - now)


class _Restart:
    """Whether and when a node starts again."""

    def __init__(self, restart: str, backoff: Tuple[float, float], uniform: Callable[[float, float], float] = random.uniform) -> None:
        self._restart = restart
        self._first, self._longest = backoff
        self._uniform = uniform
        self._failures = 0

    def after(self, failed: bool, ran: float) -> Optional[float]:
        """Seconds until the next start; None = none. A run longer than the longest wait was sound: counting begins anew."""
        if self._restart == "never" or (self._restart == "on-failure" and not failed):
            return None
        if not failed or ran > self._longest:
            self._failures = 0
        delay = min(self._longest, self._first * 2.0 ** min(self._failures, 30)) * self._uniform(0.75, 1.25)
        self._failures += failed
        return min(self._longest, delay)


class _Run:
    """The life of one node, in a thread of its own."""

    def __init__(self, node: Node, sluice: Sluice, restart: _Restart, makers: Dict[str, Node]) -> None:
        self.node = node
        self.name = node.name
        self.what = f"node {node.name}"
        self.state = "idle"
        self.reason: Optional[str] = None
        self.starts = 0
        self.frames = 0
        self.values = 0
        self.missed = 0
        self._sluice = sluice
        self._restart = restart
        # By stream, who makes its pictures.
        self._makers = makers
        self._stop = threading.Event()
        self._connect_at = 0.0
        self._loop: Optional[asyncio.AbstractEventLoop] = None
        self._task: "Optional[asyncio.Task[None]]" = None
        # Waited for instead of the thread: up to Python 3.12 a Ctrl-C during join(timeout) marks a running thread as ended (bpo-45274).
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._live, name=f"sluice node {node.name}", daemon=True)

    @property
    def stats(self) -> Dict[str, Any]:
        keys = ("state", "reason", "starts", "frames", "values", "missed")
        return {"name": self.node.name, "stream": self.node.stream, **{key: getattr(self, key) for key in keys}}

    def stop(self) -> None:
        self._stop.set()
        loop, task = self._loop, self._task
        if loop and task:
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(task.cancel)

    def _live(self) -> None:
        try:
            self._start_again_and_again()
        finally:
            self.ended.set()

    def _start_again_and_again(self) -> None:
        while not self._stop.is_set():
            began = time.monotonic()
            self.starts += 1
            self.state, self.reason = "running", None
            error: Optional[BaseException] = None
            try:
                self._once()
            except Exception as thrown:  # What is wrong with one node stays with it.
                error = thrown
            if self._stop.is_set():
                break
            final = isinstance(error, SluiceError) and error.code in _FINAL
            delay = None if final else self._restart.after(error is not None, time.monotonic() - began)
            self._tell(error, delay)
            if delay is None:
                return
            self._stop.wait(delay)
        self.state = "stopped"

    def _tell(self, error: Optional[BaseException], delay: Optional[float]) -> None:
        then = "it is not started again" if delay is None else f"it starts again in {delay:.1f} s"
        if error is None:
            self.state, self.reason = "ended", f"node {self.node.name} has come to its end; {then}"
            _log.info(self.reason)
            return
        self.state, self.reason = "failed", f"node {self.node.name} failed: {error}; {then}"
        # The sentence of a SluiceError says it all; for the user's own mistakes the line in the program matters.
        _log.error(self.reason, exc_info=None if isinstance(error, SluiceError) else error)

    def _once(self) -> None:
        node = self.node
        stream = self._sluice.stream(node.stream)
        context = Context(node, self.starts, self._stop)
        arguments = (context,) if node.wants_context else ()
        if inspect.isasyncgenfunction(node.function):
            self._generate_async(node.function(*arguments), stream)
        elif inspect.isgeneratorfunction(node.function):
            self._generate(node.function(*arguments), stream)
        elif node.fps:
            self._generate(_calls(node.function, arguments), stream)
        else:
            raise SluiceError("bad-value", f"{node.name} is neither a generator nor has it fps: expected yield, or fps= for a function that is called at each tick")

    def _generate(self, items: Iterator[Any], stream: Stream) -> None:
        pacing = _Pacing(self)
        with contextlib.closing(items):  # type: ignore[type-var]
            for item in items:
                if self._stop.is_set():
                    return
                self._stop.wait(pacing.after(self._take(item, stream)))
                if self._stop.is_set():
                    return

    def _generate_async(self, items: AsyncIterator[Any], stream: Stream) -> None:
        async def drive() -> None:
            pacing = _Pacing(self)
            try:
                async for item in items:
                    await asyncio.sleep(pacing.after(self._take(item, stream)))
            finally:
                await items.aclose()  # type: ignore[attr-defined]

        async def main() -> None:
            self._loop = asyncio.get_running_loop()
            self._task = self._loop.create_task(drive())
            if self._stop.is_set():
                self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

        try:
            asyncio.run(main())
        finally:
            self._loop = self._task = None

    def _take(self, item: Any, stream: Stream) -> bool:
        """Sends one yield, the picture first, so that the rest can belong to it. True: there was a picture."""
        parts = item if type(item) in (tuple, list) else (item,)
        pictures = [part for part in parts if not isinstance(part, (dict, Marker, Data)) and part is not None]
        for part in pictures:
            if isinstance(part, (str, int, float)):
                raise SluiceError("bad-value", f"{type(part).__name__} was yielded; expected pixels, Picture, a dict of numbers, Marker or Data")
        if len(pictures) > 1:
            raise SluiceError("bad-value", f"{len(pictures)} pictures in one yield; expected at most one, with what belongs to it")
        if pictures:
            self._push(pictures[0], stream)
        for part in parts:
            if isinstance(part, dict):
                stream.metric(part)
            elif isinstance(part, Marker):
                stream.marker(**part._asdict(), wait=False)
            elif isinstance(part, Data):
                stream.data(**part._asdict())
            else:
                continue
            self.values += 1
        return bool(pictures)

    def _push(self, part: Any, stream: Stream) -> None:
        node = self.node
        maker = self._makers.setdefault(node.stream, node)
        if maker is not node:
            raise SluiceError("conflict", f"{node.stream} gets its pictures from node {maker.name}; a stream has one maker")
        more = {key: value for key, value in part._asdict().items() if value is not None and key != "pixels"} if isinstance(part, Picture) else {}
        pixels = part.pixels if isinstance(part, Picture) else part
        # Arrays know their shape; for bytes the declared one holds.
        declared = dict(node.picture)
        if hasattr(pixels, "shape"):
            declared = {key: value for key, value in declared.items() if key not in ("width", "height")}
        if time.monotonic() < self._connect_at:
            stream._missed()
            return
        try:
            stream.push(pixels, **{**declared, **more}, wait=False)
            self.frames += 1
        except SluiceError as error:
            if error.code != "unreachable":
                raise
            # A server that is not there yet, or not any more, is no failure of the node.
            self._connect_at = time.monotonic() + _CONNECT_SECONDS
            if self.reason is None:
                _log.warning("node %s goes on without a server: %s", node.name, error)
            self.reason = str(error)
        else:
            self.reason = None


class _Pacing:
    """How long a node rests after each of its yields."""

    def __init__(self, run: _Run) -> None:
        self._run = run
        self._pacer = _Pacer(run.node.fps, time.monotonic()) if run.node.fps else None
        self._pictures = False

    def after(self, picture: bool) -> float:
        self._pictures = self._pictures or picture
        # What follows a picture without being one belongs to the same tick.
        if self._pacer is None or (self._pictures and not picture):
            return 0.0
        before = self._pacer.missed
        wait = self._pacer.wait(time.monotonic())
        self._run.missed += self._pacer.missed - before
        return wait


def _calls(function: Callable[..., Any], arguments: Tuple[Any, ...]) -> Iterator[Any]:
    while True:
        yield function(*arguments)


class Runner:
    """Running nodes and processors. Made by :func:`start`."""

    def __init__(self, runs: "List[Any]", sluice: Sluice, own: bool, deadline: float) -> None:
        self._runs = runs
        self._sluice = sluice
        self._own = own
        self._deadline = deadline
        for run in runs:
            run.thread.start()

    @property
    def nodes(self) -> List[Dict[str, Any]]:
        """Of each node its ``name``, ``stream``, ``state`` (running, failed, ended, stopped, stuck), ``reason``, ``starts``, ``frames``,
        ``values`` and ``missed`` ticks.
        """
        return [run.stats for run in self._runs]

    def wait(self, timeout: Optional[float] = None) -> bool:
        """Waits until no node will start again. False: time is over."""
        end = None if timeout is None else time.monotonic() + timeout
        for run in self._runs:
            while not run.ended.is_set():
                # In steps, because a wait without end cannot be interrupted on every system.
                left = 0.5 if end is None else min(0.5, end - time.monotonic())
                if left <= 0:
                    return False
                run.ended.wait(left)
        return True

    def close(self) -> List[str]:
        """Stops all nodes within ``deadline``; gives the names of those that did not stop and were left behind. May be called again."""
        end = time.monotonic() + self._deadline
        for run in self._runs:
            run.stop()
        left = []
        for run in self._runs:
            if not run.ended.wait(max(0.0, end - time.monotonic())):
                run.state, run.reason = "stuck", f"{run.what} did not stop within {self._deadline:g} s"
                _log.warning(run.reason)
                left.append(run.name)
        if self._own:
            self._sluice.close()
        return left

    def __enter__(self) -> "Runner":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
