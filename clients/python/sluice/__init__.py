"""Sluice: live frames from a Python program in any browser.

    from sluice import Sluice

    scope = Sluice("http://127.0.0.1:8000").stream("scope")
    scope.push(array)                        # numpy, JPEG or PNG bytes, raw bytes

Standard library only; numpy is used where it is installed. Python 3.9 or newer.
"""

from ._client import Sluice
from ._errors import Receipt, SluiceError
from ._frames import Frame
from ._stream import Stream
from ._version import __version__

__all__ = ["Frame", "Receipt", "Sluice", "SluiceError", "Stream", "__version__"]
