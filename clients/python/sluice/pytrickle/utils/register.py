"""Tells an orchestrator what this program can do."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import ssl
import urllib.error
import urllib.request
from typing import Any, Dict, Optional, Union
from urllib.parse import ParseResult, urlparse


class RegisterCapability:
    """
    ``await RegisterCapability.register()`` with the environment's ORCH_URL, ORCH_SECRET, CAPABILITY_NAME, CAPABILITY_DESCRIPTION, CAPABILITY_URL,
    CAPABILITY_CAPACITY, CAPABILITY_PRICE_PER_UNIT, CAPABILITY_PRICE_SCALING.

    The server registers by itself with the same variables; this is for programs that want to know how it went. ``ORCH_INSECURE=1``: the
    certificate of the orchestrator is not checked.
    """

    def __init__(self, logger: Optional[logging.Logger] = None) -> None:
        self.logger = logger or logging.getLogger(__name__)

    @classmethod
    async def register(cls, logger: Optional[logging.Logger] = None, **kwargs: Any) -> Union[ParseResult, bool]:
        return await cls(logger).register_capability(**kwargs)

    async def register_capability(
        self,
        orch_url: Optional[str] = None,
        orch_secret: Optional[str] = None,
        capability_name: Optional[str] = None,
        capability_desc: Optional[str] = None,
        capability_capacity: Optional[int] = None,
        capability_price_per_unit: Optional[int] = None,
        capability_price_scaling: Optional[int] = None,
        max_retries: int = 3,
        delay: float = 2.0,
        timeout: float = 1.5,
    ) -> Union[ParseResult, bool]:
        """The registered address, or False. What is not given comes from the environment. ``delay``, ``timeout``: seconds."""
        url = (orch_url or os.environ.get("ORCH_URL", "")).rstrip("/")
        secret = orch_secret or os.environ.get("ORCH_SECRET", "")
        if not url or not secret:
            self.logger.info("ORCH_URL or ORCH_SECRET is not set: nothing is registered")
            return False
        body = {
            "url": os.environ.get("CAPABILITY_URL", "http://localhost:8000"),
            "name": capability_name or os.environ.get("CAPABILITY_NAME", "pytrickle-worker"),
            "description": capability_desc or os.environ.get("CAPABILITY_DESCRIPTION", "PyTrickle video processing worker"),
            "capacity": _number(capability_capacity, "CAPABILITY_CAPACITY", 1),
            "price_per_unit": _number(capability_price_per_unit, "CAPABILITY_PRICE_PER_UNIT", 0),
            "price_scaling": _number(capability_price_scaling, "CAPABILITY_PRICE_SCALING", 1),
        }
        for attempt in range(1, max_retries + 1):
            status, why = await asyncio.to_thread(_post, f"{url}/capability/register", secret, body, timeout)
            if status == 200:
                self.logger.info("registered %s at %s", body["name"], url)
                return urlparse(str(body["url"]))
            if status == 400:
                self.logger.error("the orchestrator does not take this secret: %s", why)
                return False
            self.logger.warning("registration failed, attempt %d of %d: %s", attempt, max_retries, why)
            if attempt < max_retries:
                await asyncio.sleep(delay)
        return False


def _number(given: Optional[int], name: str, default: int) -> int:
    value = given if given is not None else os.environ.get(name, default)
    try:
        return int(value)
    except ValueError:
        raise ValueError(f"{name}: {value!r} received; expected an integer") from None


def _post(url: str, secret: str, body: Dict[str, Any], timeout: float) -> "tuple[int, str]":
    """Status (0 = no answer) and what was wrong."""
    headers = {"Authorization": secret, "Content-Type": "application/json"}
    context = ssl._create_unverified_context() if os.environ.get("ORCH_INSECURE") == "1" else None
    try:
        request = urllib.request.Request(url, json.dumps(body).encode(), headers, method="POST")
        with urllib.request.urlopen(request, timeout=timeout, context=context) as answer:
            return answer.status, f"HTTP {answer.status}"
    except urllib.error.HTTPError as error:
        with error:
            return error.code, f"HTTP {error.code} {error.read(200).decode('utf-8', 'replace').strip()}"
    except (OSError, ValueError) as error:
        return 0, str(error)
