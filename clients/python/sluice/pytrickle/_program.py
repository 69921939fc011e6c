"""The server as a child process: found, started, talked to by lines, ended."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import queue
import shlex
import shutil
import subprocess
import threading
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Optional

from .._errors import SluiceError

_log = logging.getLogger("sluice")

_OLDEST_NODE = (24, 15)
# How long it may take to end by itself, then after having been asked to.
_END_SECONDS = 10.0
_TERM_SECONDS = 3.0


def find() -> List[str]:
    """
    The command that is Sluice: that of the environment variable SLUICE (a command, or the path of ``main.ts``), ``sluice`` on the PATH, or the
    clone that this file lies in. Raises SluiceError ``unreachable`` with what to do.
    """
    given = os.environ.get("SLUICE", "").strip()
    if given:
        if given.endswith((".ts", ".js", ".mjs")):
            main = Path(given)
            if not main.is_file():
                raise SluiceError("unreachable", f"SLUICE={given}: there is no such file; expected the command of Sluice, or the path of its src/cli/main.ts")
            return [_node(main.resolve()), str(main)]
        words = [given] if Path(given).is_file() else shlex.split(given, posix=os.name != "nt")
        program = shutil.which(words[0])
        if program is None:
            raise SluiceError("unreachable", f"SLUICE={given}: {words[0]} is not on the PATH; expected the command of Sluice, or the path of its src/cli/main.ts")
        return [program, *words[1:]]
    program = shutil.which("sluice")
    if program:
        return [program]
    main = Path(__file__).resolve().parents[4] / "src" / "cli" / "main.ts"
    if main.is_file():
        return [_node(main), str(main)]
    raise SluiceError(
        "unreachable",
        "Sluice itself was not found: a stream processor runs its server beside the Python program. Put `sluice` on the PATH, or set the environment"
        " variable SLUICE to its command or to src/cli/main.ts of a clone",
    )


def _node(main: Path) -> str:
    """A Node that can run the sources of a clone."""
    root = main.parents[2] if len(main.parents) > 2 else main.parent
    for name in ("node", "node.exe", "node.cmd"):
        own = root / "node_modules" / ".bin" / name
        if own.is_file():
            return str(own)
    node = shutil.which("node")
    if not (root / "node_modules").is_dir():
        raise SluiceError("unreachable", f"{root} has no node_modules yet; run `npm ci --ignore-scripts` there once")
    if node is None:
        raise SluiceError("unreachable", f"Node.js was not found; Sluice needs {_OLDEST_NODE[0]}.{_OLDEST_NODE[1]} or newer")
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout.strip()
    try:
        version = tuple(int(part) for part in said.lstrip("v").split(".")[:2])
    except ValueError:
        version = (0, 0)
    if version < _OLDEST_NODE:
        raise SluiceError("unreachable", f"{node} is {said or 'no Node.js'}; Sluice needs {_OLDEST_NODE[0]}.{_OLDEST_NODE[1]} or newer")
    return node


class Program:
    """A running ``sluice stream-processor --external``. ``hear`` is called in a thread of its own with each line, at last with None."""

    def __init__(self, hear: Callable[[Optional[Dict[str, Any]]], None]) -> None:
        command = [*find(), "stream-processor", "--external"]
        # Ctrl-C is for this program alone: the child is told by the end of its input, which also comes if this program is killed.
        apart: Mapping[str, Any] = {"start_new_session": True} if os.name == "posix" else {"creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)}
        try:
            self._child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **apart)
        except OSError as error:
            raise SluiceError("unreachable", f"{command[0]} could not be started: {error}") from None
        self._hear = hear
        self._lines: queue.Queue[Optional[bytes]] = queue.Queue()
        for target in (self._read, self._write):
            threading.Thread(target=target, name="sluice server", daemon=True).start()

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def code(self) -> Optional[int]:
        """Its exit code; None while it runs."""
        return self._child.poll()

    def send(self, line: Mapping[str, Any]) -> None:
        """Never waits. Raises SluiceError ``bad-value`` for what JSON cannot hold."""
        try:
            self._lines.put(json.dumps(line, allow_nan=False).encode() + b"\n")
        except (TypeError, ValueError) as error:
            raise SluiceError("bad-value", f"{line.get('type')}: {error}; expected what JSON can hold") from None

    def _read(self) -> None:
        assert self._child.stdout
        with contextlib.suppress(ValueError, OSError):
            for text in self._child.stdout:
                try:
                    line = json.loads(text)
                except ValueError:
                    line = None
                if isinstance(line, dict):
                    self._hear(line)
                elif text.strip():
                    _log.info("%s", text.decode("utf-8", "replace").rstrip())
        self._child.stdout.close()
        self._hear(None)

    def _write(self) -> None:
        assert self._child.stdin
        with contextlib.suppress(OSError, ValueError):
            while True:
                text = self._lines.get()
                if text is None:
                    break
                self._child.stdin.write(text)
                self._child.stdin.flush()
        with contextlib.suppress(OSError, ValueError):
            self._child.stdin.close()

    def end(self) -> int:
        """Lets it end, and sees to it. Waits."""
        self._lines.put(None)
        for then, seconds in ((self._child.terminate, _END_SECONDS), (self._child.kill, _TERM_SECONDS)):
            try:
                return self._child.wait(seconds)
            except subprocess.TimeoutExpired:
                then()
        return self._child.wait()
