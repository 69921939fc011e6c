"""Makes pytrickle importable from its source on a Debian that has older modules than it asks for. Nothing in its source is changed.

Import this first. PYTRICKLE names the folder with its source (the one that holds the package ``pytrickle``).
"""

from __future__ import annotations

import importlib
import logging
import os
import sys
import types
from pathlib import Path


def _no_gpu() -> None:
    """Without pynvml: a module whose start fails as on a machine without a GPU; the hardware routes then answer {}."""
    try:
        importlib.import_module("pynvml")
        return
    except ImportError:
        pass
    module = types.ModuleType("pynvml")

    class NVMLError(Exception):
        pass

    def init() -> None:
        raise NVMLError("no GPU here")

    module.NVMLError = NVMLError  # type: ignore[attr-defined]
    module.nvmlInit = init  # type: ignore[attr-defined]
    sys.modules["pynvml"] = module


def _version() -> None:
    """Its build writes this file."""
    module = types.ModuleType("pytrickle._version")
    module.version = "0.1.0"  # type: ignore[attr-defined]
    sys.modules["pytrickle._version"] = module


def _aiohttp() -> None:
    """aiohttp before 3.11 has no name for a connection that was reset while it was written to."""
    import aiohttp

    if hasattr(aiohttp, "ClientConnectionResetError"):
        return

    class ClientConnectionResetError(aiohttp.ClientConnectionError, ConnectionResetError):
        pass

    aiohttp.ClientConnectionResetError = ClientConnectionResetError  # type: ignore[attr-defined]


def _pydantic() -> bool:
    """pydantic 1 under the names of pydantic 2. True: it was needed."""
    import pydantic

    if hasattr(pydantic, "field_validator"):
        return False

    def field_validator(*fields: str):
        return lambda function: pydantic.validator(*fields, allow_reuse=True)(getattr(function, "__func__", function))

    pydantic.field_validator = field_validator  # type: ignore[attr-defined]
    pydantic.BaseModel.model_validate = classmethod(lambda cls, value: cls.parse_obj(value))
    pydantic.BaseModel.model_dump = lambda self, **more: self.dict(**more)
    return True


def load() -> None:
    """After it ``import pytrickle`` works. Ends the program with a sentence if the source is not there."""
    root = os.environ.get("PYTRICKLE", "")
    if not (Path(root) / "pytrickle" / "stream_processor.py").is_file():
        sys.exit(f"PYTRICKLE={root!r}: expected the folder with pytrickle's source, see bench/pytrickle/README.md")
    sys.path.insert(0, root)
    _no_gpu()
    _version()
    _aiohttp()
    if _pydantic():
        api = importlib.import_module("pytrickle.api")
        model = api.StreamParamsUpdateRequest
        model.__config__.extra = "allow"
        model.__fields__.pop("model_config", None)
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)


load()
