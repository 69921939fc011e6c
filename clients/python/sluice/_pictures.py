"""Pictures as frames with their header."""

from __future__ import annotations

import json
import operator
import struct
from typing import Any, Dict, Mapping, NamedTuple, Optional, Tuple

from ._errors import SluiceError
from ._time import Timestamp, _device_micros, _micros

try:
    import numpy as np
except ImportError:  # Bytes can be pushed without it.
    np = None  # type: ignore[assignment]

# Number in the frame header, channels (0 = planar 4:2:0), bytes of a sample. Names as in FFmpeg.
_FORMATS: Dict[str, Tuple[int, int, int]] = {
    "gray": (0, 1, 1),
    "gray16le": (1, 1, 2),
    "rgb24": (2, 3, 1),
    "bgr24": (3, 3, 1),
    "rgba": (4, 4, 1),
    "yuv420p": (5, 0, 1),
    "nv12": (6, 0, 1),
    "rgb48le": (7, 3, 2),
    "bayer_rggb16le": (8, 1, 2),
    "grayf32le": (9, 1, 4),
}
_ENCODINGS = {"raw": 0, "jpeg": 1, "png": 2}
_MAX_SIDE = 16_384
_MAX_METADATA = 65_480
_HEADER = struct.Struct("<4sHBBIIIIQqIHH")
_DTYPES = "bool, uint8, uint16, float32 or float64"
_SHAPES = "(H, W), (H, W, 1), (H, W, 3) or (H, W, 4)"


class _Frame(NamedTuple):
    header: bytes
    payload: memoryview


def _frame(
    picture: Any,
    timestamp: Timestamp,
    metadata: Optional[Mapping[str, Any]],
    width: Optional[int],
    height: Optional[int],
    format: Optional[str],
    stride: int,
    significant_bits: int,
    device_timestamp: Optional[int] = None,
) -> _Frame:
    encoding = "raw"
    raw = _raw_bytes(picture, width is not None)
    if raw is not None:
        payload = raw
        if width is None and height is None and format is None:
            encoding = _encoding_of(payload)
            width, height, format = 0, 0, "rgb24"
    else:
        payload, width, height, format = _from_array(picture, width, height, format)
    if encoding == "raw":
        width, height, format = _side(width, "width"), _side(height, "height"), _format(format)
        stride = _check_length(len(payload), format, width, height, stride)
    assert width is not None and height is not None and format is not None
    meta = b""
    if device_timestamp is not None and (metadata is None or isinstance(metadata, Mapping)):
        metadata = {**(metadata or {}), "deviceTimestamp": _device_micros(device_timestamp)}
    if metadata is not None:
        try:
            meta = json.dumps(metadata, allow_nan=False).encode()
        except (TypeError, ValueError) as error:
            raise SluiceError("bad-value", f"metadata: {error}; expected a dict that JSON can hold") from None
        if not isinstance(metadata, Mapping) or len(meta) > _MAX_METADATA:
            raise SluiceError("bad-value", f"metadata: {len(meta)} bytes of {type(metadata).__name__} received; expected a dict of at most {_MAX_METADATA} bytes of JSON")
    header_bytes = (_HEADER.size + len(meta) + 7) // 8 * 8
    header = _HEADER.pack(
        b"SLF1", header_bytes, _ENCODINGS[encoding], _FORMATS[format][0], width, height, stride, len(payload),
        0, _micros(timestamp), len(meta), significant_bits, 0,
    )  # fmt: skip
    return _Frame((header + meta).ljust(header_bytes, b"\0"), payload)


def _raw_bytes(picture: Any, described: bool) -> Optional[memoryview]:
    """The bytes of what is no array: bytes, bytearray, mmap, array.array, a flat memoryview. None: look at it as an array."""
    if hasattr(picture, "shape") and not (isinstance(picture, memoryview) and (picture.ndim == 1 or described)):
        return None
    try:
        view = memoryview(picture)
    except TypeError:
        return None
    return view.cast("B") if view.c_contiguous else memoryview(view.tobytes())


def _encoding_of(payload: memoryview) -> str:
    start = bytes(payload[:8])
    if start[:2] == b"\xff\xd8":
        return "jpeg"
    if start == b"\x89PNG\r\n\x1a\n":
        return "png"
    raise SluiceError("bad-frame", f"{len(payload)} bytes received that are neither JPEG nor PNG; raw pixels need width=, height= and format=")


def _side(value: Any, name: str) -> int:
    try:
        side = operator.index(value)
    except TypeError:
        side = 0
    if not 1 <= side <= _MAX_SIDE:
        raise SluiceError("bad-value", f"{name}: {value!r} received; expected an integer from 1 to {_MAX_SIDE}")
    return side


def _format(value: Any) -> str:
    name = "gray" if value == "gray8" else value
    if name not in _FORMATS:
        raise SluiceError("bad-value", f"format: {value!r} is not a pixel format; allowed are {', '.join(_FORMATS)}")
    return str(name)


def _check_length(received: int, format: str, width: int, height: int, stride: int) -> int:
    _, channels, item = _FORMATS[format]
    row = width * (channels or 1) * item
    stride = stride or row
    if stride < row:
        raise SluiceError("bad-frame", f"stride: {stride} received; expected at least {row} bytes (a row of {width} pixels {format})")
    expected = stride * height
    if channels == 0:
        half = (stride + 1) // 2
        expected += half * 2 * ((height + 1) // 2)
    if received != expected:
        raise SluiceError("bad-frame", f"expected {expected} bytes ({width}x{height} {format}, stride {stride}), received {received}")
    return stride


def _from_array(
    picture: Any, width: Optional[int], height: Optional[int], format: Optional[str]
) -> Tuple[memoryview, int, int, str]:
    """Pixels of an array as contiguous little-endian bytes: the array's own memory where it fits, else a copy."""
    if np is None:
        raise SluiceError("bad-value", f"{type(picture).__name__} received; without numpy push bytes with width=, height= and format=")
    array = np.asarray(picture)
    if array.dtype.kind not in "buf" or array.dtype.name not in ("bool", "uint8", "uint16", "float32", "float64"):
        raise SluiceError("bad-frame", f"dtype {array.dtype} received; expected {_DTYPES} (see numpy.ndarray.astype)")
    if format is not None and _FORMATS[_format(format)][1] == 0:
        # OpenCV's form of 4:2:0: one array of H * 3/2 rows.
        if array.ndim == 2 and array.dtype == np.uint8 and (width is None) == (height is None):
            rows, columns = array.shape
            return _bytes_of(array), width or columns, height or rows * 2 // 3, format
        raise SluiceError("bad-frame", f"{array.dtype} {array.shape} received; {format} needs uint8 (H * 3/2, W)")
    channels = 1 if array.ndim == 2 else array.shape[2] if array.ndim == 3 else 0
    if channels not in (1, 3, 4) or not all(1 <= side <= _MAX_SIDE for side in array.shape[:2]):
        hint = "; channels come last (numpy.moveaxis(a, 0, -1))" if array.ndim == 3 and array.shape[0] in (1, 3, 4) else ""
        raise SluiceError("bad-frame", f"shape {array.shape} received; expected {_SHAPES} with H and W from 1 to {_MAX_SIDE}{hint}")
    if (width, height) != (None, None) and (width, height) != (array.shape[1], array.shape[0]):
        raise SluiceError("bad-frame", f"width={width}, height={height} received with shape {array.shape}; leave them out for arrays")
    if array.dtype == np.bool_:
        array = array.astype(np.uint8) * np.uint8(255)
    elif array.dtype.kind == "f":
        array = array.astype("<f4", copy=False) if channels == 1 else _floats_to_bytes(array)
    elif array.dtype.itemsize == 2:
        # There is no 16-bit format with alpha.
        array = (array[:, :, :3] if channels == 4 else array).astype("<u2", copy=False)
        channels = min(channels, 3)
    item = array.dtype.itemsize
    natural = {1: {1: "gray", 3: "rgb24", 4: "rgba"}, 2: {1: "gray16le", 3: "rgb48le"}, 4: {1: "grayf32le"}}[item][channels]
    name = natural if format is None else _format(format)
    if _FORMATS[name][1:] != (channels, item):
        raise SluiceError("bad-frame", f"format: {name} received with {array.dtype} {array.shape}; expected {natural} or one of its kind")
    return _bytes_of(array), array.shape[1], array.shape[0], name


def _bytes_of(array: Any) -> memoryview:
    return memoryview(np.ascontiguousarray(array).reshape(-1).view(np.uint8))


def _floats_to_bytes(array: Any) -> Any:
    """Colour in floats: 0 to 1, or 0 to 255 if a value is above 2 (as the server reads .npy)."""
    values = array.astype(np.float32)
    scale = 1 if ((values > 2) & (values != np.inf)).any() else 255
    with np.errstate(invalid="ignore"):
        return np.nan_to_num(np.rint(np.clip(values * np.float32(scale), 0, 255))).astype(np.uint8)
