"""Runs nodes and processors."""

from __future__ import annotations

import os
import signal
import threading
from typing import Any, Dict, List, Optional, Tuple, Union

from ._client import Sluice
from ._errors import SluiceError
from ._host import Host
from ._nodes import Node, Runner, _check_policy, _log, _Restart, _Run
from ._processors import Processor


class _HostRun:
    """The life of one processor, in a thread of this process."""

    def __init__(self, processor: Processor, sluice: Sluice) -> None:
        self.name = processor.name
        self.what = f"processor {processor.name}"
        self.ended = threading.Event()
        self._host = Host(processor, sluice)
        self._over: Optional[Tuple[str, Optional[str]]] = None
        self.thread = threading.Thread(target=self._live, name=f"sluice processor {processor.name}", daemon=True)

    @property
    def state(self) -> str:
        return self._over[0] if self._over else self._host.state

    @state.setter
    def state(self, state: str) -> None:
        self._over = (state, None)

    @property
    def reason(self) -> Optional[str]:
        return self._over[1] if self._over else self._host.reason

    @reason.setter
    def reason(self, reason: Optional[str]) -> None:
        self._over = (self.state, reason)

    @property
    def stats(self) -> Dict[str, Any]:
        about = {"name": self.name, "stream": self._host.processor.stream, "state": self.state, "reason": self.reason}
        return {**about, "starts": 1, "frames": self._host.frames}

    def stop(self) -> None:
        self._host.stop()

    def _live(self) -> None:
        try:
            self._host.live()
            self._over = ("stopped", None)
        except Exception as error:
            self._over = ("failed", f"{self.what} failed: {error}; it is not started again")
            _log.error(self.reason, exc_info=None if isinstance(error, SluiceError) else error)
        finally:
            self.ended.set()


def start(
    *nodes: Union[Node, Processor],
    server: Union[Sluice, str] = "http://127.0.0.1:8000",
    token: Optional[str] = None,
    restart: str = "on-failure",
    backoff: Tuple[float, float] = (0.5, 10.0),
    deadline: float = 2.0,
) -> Runner:
    """Starts nodes and processors together, as threads, and returns at once; see :func:`run`."""
    _check_policy({"restart": restart, "backoff": backoff})
    for each in nodes:
        if not isinstance(each, (Node, Processor)):
            raise SluiceError("bad-value", f"{each!r} received; expected what @node(...) or @processor(...) has made")
    sluice = server if isinstance(server, Sluice) else Sluice(server, token)
    for each in nodes:
        if isinstance(each, Node):
            sluice.stream(each.stream)
    makers: Dict[str, Node] = {}
    common = {"restart": restart, "backoff": backoff}
    runs: List[Any] = [
        _HostRun(each, sluice) if isinstance(each, Processor) else _Run(each, sluice, _Restart(**{**common, **each.policy}), makers) for each in nodes
    ]
    return Runner(runs, sluice, sluice is not server, deadline)


def run(
    *nodes: Union[Node, Processor],
    server: Union[Sluice, str] = "http://127.0.0.1:8000",
    token: Optional[str] = None,
    restart: str = "on-failure",
    backoff: Tuple[float, float] = (0.5, 10.0),
    deadline: float = 2.0,
) -> List[Dict[str, Any]]:
    """Runs nodes and processors until none will start again, or until Ctrl-C or SIGTERM; gives what each has done (:attr:`Runner.nodes`).

    Processors without nodes beside them have a process each (not on Windows): one that crashes, hangs or grows too large is ended and
    started again, and the others go on. What their handlers need is best opened in ``load``, which runs in that process.

    Each node has a thread of its own: when one fails, it is told with its name and started again, and the others go on. No node waits for
    viewers; while the server is away, pictures are dropped, and markers and numbers wait.

    restart
        ``on-failure``, ``always`` (at its end, too) or ``never``.
    backoff
        Seconds until the next start: the first, doubled with each failure up to the longest. A run that lasted longer begins anew.
    deadline
        Seconds that nodes have to stop. Who does not is reported and left behind.
    """
    processors = [each for each in nodes if isinstance(each, Processor)]
    main = threading.current_thread() is threading.main_thread()
    if processors and len(processors) == len(nodes) and hasattr(os, "fork") and main:
        from ._supervise import supervise

        _check_policy({"restart": restart, "backoff": backoff})
        sluice = server if isinstance(server, Sluice) else Sluice(server, token)
        return supervise(processors, sluice, [_Restart(restart, backoff) for _ in processors], deadline)
    runner = start(*nodes, server=server, token=token, restart=restart, backoff=backoff, deadline=deadline)
    stop = threading.Event()
    before: Any = None
    if main:
        before = signal.signal(signal.SIGTERM, lambda *_: stop.set())
    try:
        while not stop.is_set() and not runner.wait(0.1):
            pass
    except KeyboardInterrupt:
        pass
    finally:
        if before is not None:
            signal.signal(signal.SIGTERM, before)
        runner.close()
    return runner.nodes
