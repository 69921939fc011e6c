"""Each processor in a process of its own, watched over: what crashes, hangs or grows too large is ended and started again."""

from __future__ import annotations

import faulthandler
import logging
import mmap
import os
import signal
import struct
import sys
import time
from typing import Any, Dict, List, NoReturn, Optional

from ._client import Sluice
from ._errors import SluiceError
from ._host import Host, Watch
from ._nodes import _FINAL, _Restart
from ._processors import Processor

_log = logging.getLogger("sluice")

_LOOK_SECONDS = 0.05
_MEMORY_SECONDS = 0.2
# The server gives a frame up first; then the program is ended.
_GRACE_SECONDS = 0.2
# Exit codes of a process that says itself how it ended.
_ENDED, _FAILED, _NEVER_AGAIN = 0, 70, 71


class _Shared(Watch):
    """Figures in memory of both processes."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, 4096)

    def _at(index: int, code: str) -> Any:  # noqa: N805
        layout = struct.Struct(code)
        return property(lambda self: layout.unpack_from(self._memory, index * 8)[0], lambda self, value: layout.pack_into(self._memory, index * 8, value))

    frames = _at(0, "<Q")
    deadline = _at(1, "<d")
    memory = _at(2, "<q")
    since = _at(3, "<d")

    def busy(self, since: float) -> None:
        self.since = since

    def say(self, reason: str) -> None:
        """What the child has to say about its end."""
        data = reason.encode()[:3000]
        self._memory[64 : 68 + len(data)] = struct.pack("<I", len(data)) + data

    def said(self) -> str:
        (length,) = struct.unpack_from("<I", self._memory, 64)
        text = bytes(self._memory[68 : 68 + length]).decode("utf-8", "replace")
        self._memory[64:68] = bytes(4)
        return text


class _Child:
    """The life of one processor, in one process after the other."""

    def __init__(self, processor: Processor, sluice: Sluice, restart: _Restart) -> None:
        self.processor = processor
        self.state = "idle"
        self.reason: Optional[str] = None
        self.starts = 0
        self._sluice = sluice
        self._restart = restart
        self._shared = _Shared()
        self._pid = 0
        self._alive: Optional[int] = None
        self._began = 0.0
        self._looked = 0.0
        self._again: Optional[float] = 0.0
        self._killed: Optional[str] = None
        self._stopping = False

    @property
    def stats(self) -> Dict[str, Any]:
        about = {"name": self.processor.name, "stream": self.processor.stream, "state": self.state, "reason": self.reason}
        return {**about, "starts": self.starts, "frames": self._shared.frames}

    @property
    def over(self) -> bool:
        return not self._pid and self._again is None

    def look(self, now: float) -> None:
        if self._pid:
            self._reap(now) or self._judge(now)
        elif self._again is not None and now >= self._again:
            self._start(now)

    def _start(self, now: float) -> None:
        self.starts += 1
        self._began, self._killed = now, None
        self._shared.since = 0.0
        sys.stdout.flush()
        sys.stderr.flush()
        read, write = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(write)
            self._live(read)
        os.close(read)
        # Closes with this process, however that ends: then the child ends, too.
        self._alive = write
        self.state = "running"

    def _live(self, alive: int) -> NoReturn:
        """In the child."""
        code = _FAILED
        try:
            signal.signal(signal.SIGTERM, lambda *_: _interrupt())
            signal.signal(signal.SIGINT, signal.default_int_handler)
            faulthandler.enable()
            Host(self.processor, self._sluice, self._shared, alive).live()
            code = _ENDED
        except KeyboardInterrupt:
            code = _ENDED
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else _ENDED
        except BaseException as error:
            self._shared.say(f"{type(error).__name__}: {error}" if not isinstance(error, SluiceError) else str(error))
            code = _NEVER_AGAIN if isinstance(error, SluiceError) and error.code in _FINAL else _FAILED
            if not isinstance(error, SluiceError):
                _log.error("processor %s failed", self.processor.name, exc_info=error)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _reap(self, now: float) -> bool:
        pid, status = os.waitpid(self._pid, os.WNOHANG)
        if not pid:
            return False
        self._pid = 0
        if self._alive is not None:
            os.close(self._alive)
            self._alive = None
        ended = os.WIFEXITED(status) and os.WEXITSTATUS(status) == _ENDED
        never = os.WIFEXITED(status) and os.WEXITSTATUS(status) == _NEVER_AGAIN
        delay = None if never else self._restart.after(not ended, now - self._began)
        self._again = None if delay is None else now + delay
        then = "it is not started again" if delay is None else f"it starts again in {delay:.1f} s"
        if self._stopping:
            self._again, self.state, self.reason = None, "stopped", None
            return True
        what = self._killed or self._shared.said() or _how(status)
        self.state = "ended" if ended else "failed"
        self.reason = f"processor {self.processor.name} has come to its end; {then}" if ended else f"processor {self.processor.name} failed: {what}; {then}"
        (_log.info if ended else _log.error)(self.reason)
        return True

    def _judge(self, now: float) -> None:
        """Ends one that hangs, or that has grown too large."""
        since, deadline = self._shared.since, self._shared.deadline
        if since and deadline and now - since > deadline + _GRACE_SECONDS:
            return self._kill(f"it took longer than {deadline:g} s for a frame")
        limit = self._shared.memory
        if limit and now - self._looked > _MEMORY_SECONDS:
            self._looked = now
            used = _memory_of(self._pid)
            if used > limit:
                self._kill(f"it used more than its {limit} MB of memory ({used} MB); `memory` in the stream's configuration allows more")

    def _kill(self, why: str) -> None:
        self._killed = self._killed or why
        os.kill(self._pid, signal.SIGKILL)

    def stop(self) -> None:
        self._stopping, self._again = True, None
        if self._pid:
            os.kill(self._pid, signal.SIGTERM)

    def end(self, within: str) -> None:
        """Time is over."""
        if self._pid:
            self._kill(f"it did not stop within {within}")
            os.waitpid(self._pid, 0)
            self._pid = 0
            self.reason = self._killed
        self.state = "stopped"


def _interrupt() -> NoReturn:
    raise KeyboardInterrupt


def _how(status: int) -> str:
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        return f"it crashed: {signal.strsignal(number)} ({signal.Signals(number).name})"
    return f"it ended with exit code {os.WEXITSTATUS(status)}"


def _memory_of(pid: int) -> int:
    """Memory of a process that nobody else has, MB; 0 where the system does not say."""
    try:
        with open(f"/proc/{pid}/status") as file:
            return next((int(line.split()[1]) >> 10 for line in file if line.startswith("RssAnon:")), 0)
    except (OSError, ValueError):
        return 0


def supervise(processors: List[Processor], sluice: Sluice, restarts: List[_Restart], deadline: float) -> List[Dict[str, Any]]:
    """Until none will start again, or until Ctrl-C or SIGTERM."""
    children = [_Child(each, sluice, restart) for each, restart in zip(processors, restarts)]
    stop: List[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: stop.append(number))
    try:
        while not stop and not all(child.over for child in children):
            now = time.monotonic()
            for child in children:
                child.look(now)
            time.sleep(_LOOK_SECONDS)
    except KeyboardInterrupt:
        pass
    finally:
        running = [child for child in children if not child.over]
        for child in running:
            child.stop()
        end = time.monotonic() + deadline
        while time.monotonic() < end and not all(child.over for child in running):
            for child in running:
                child.look(time.monotonic())
            time.sleep(0.02)
        for child in running:
            child.end(f"{deadline:g} s")
        signal.signal(signal.SIGTERM, before)
    return [child.stats for child in children]
