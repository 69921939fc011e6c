"""Pixels as tensors and back."""

from __future__ import annotations

import importlib.util
import os
import threading
from typing import TYPE_CHECKING, Any, Optional

from .._errors import SluiceError
from .._pictures import np

if TYPE_CHECKING:
    from .._processors import VideoFrame as Lent

_torch: Any = None
_looked = False


def torch_or_none() -> Any:
    """torch where it is installed, unless ``SLUICE_TENSORS=numpy``. Its first import takes seconds."""
    global _torch, _looked
    if not _looked:
        _looked = True
        if os.environ.get("SLUICE_TENSORS") != "numpy" and importlib.util.find_spec("torch"):
            import torch

            _torch = torch
    return _torch


def is_torch(value: Any) -> bool:
    return type(value).__module__.partition(".")[0] == "torch"


def need_numpy(what: str) -> None:
    if np is None:
        raise SluiceError("bad-value", f"{what} needs numpy; install it, or return frames as they are")


def rgb_of(lent: Lent) -> Any:
    """uint8 (H, W, 3) of a lent picture of any format: its own memory if that is rgb24."""
    need_numpy("the picture as an array")
    array, format = lent.array, lent.format
    if format == "rgb24":
        return array
    if format == "bgr24":
        return array[:, :, ::-1]
    if format == "rgba":
        return array[:, :, :3]
    if format == "gray":
        return np.repeat(array[:, :, None], 3, 2)
    if format == "grayf32le":
        return np.repeat(np.nan_to_num(np.clip(array, 0, 1) * 255 + 0.5).astype(np.uint8)[:, :, None], 3, 2)
    if format in ("gray16le", "rgb48le"):
        eight = (array >> ((lent.significant_bits or 16) - 8)).astype(np.uint8)
        return eight if eight.ndim == 3 else np.repeat(eight[:, :, None], 3, 2)
    if format in ("yuv420p", "nv12"):
        return _from_yuv(lent)
    raise SluiceError("bad-value", f"pictures of the format {format} have no colours here; let the stream be rgb24")


def _from_yuv(lent: Lent) -> Any:
    """4:2:0 of limited range: BT.709 from 720 lines on, else BT.601, as everywhere in Sluice. The server does it faster once it is asked."""
    width, height = lent.width, lent.height
    wide, high = (width + 1) // 2, (height + 1) // 2
    data = np.frombuffer(lent.pixels, np.uint8)
    luma = (data[: width * height].reshape(height, width).astype(np.float32) - 16) * (255 / 219)
    rest = data[width * height :]
    if lent.format == "nv12":
        both = rest.reshape(high, wide, 2)
        planes = both[:, :, 0], both[:, :, 1]
    else:
        planes = rest[: wide * high].reshape(high, wide), rest[wide * high :].reshape(high, wide)
    blue, red = ((plane.astype(np.float32) - 128) * (255 / 224) for plane in planes)
    made = np.empty((height, width, 3), np.float32)
    of_red, of_blue = (0.2126, 0.0722) if height >= 720 else (0.299, 0.114)
    by_red, by_blue, green = 2 * (1 - of_red), 2 * (1 - of_blue), 1 - of_red - of_blue
    for channel, chroma in enumerate((by_red * red, -(by_blue * of_blue * blue + by_red * of_red * red) / green, by_blue * blue)):
        made[:, :, channel] = luma + chroma.repeat(2, 0).repeat(2, 1)[:height, :width]
    return (np.clip(made, 0, 255) + 0.5).astype(np.uint8)


def tensor_of(rgb: Any) -> Any:
    """float32 [1, H, W, 3] from 0 to 1, memory of its own: torch where it is there."""
    torch = torch_or_none()
    if torch is not None:
        # torch warns of memory that must not be written, although it only reads here.
        source = rgb if rgb.flags.writeable and min(rgb.strides) > 0 else rgb.copy()
        return torch.from_numpy(source).to(torch.float32).div_(255).unsqueeze_(0)
    return (rgb.astype(np.float32) / np.float32(255))[None]


def rgb_of_tensor(tensor: Any, what: str = "tensor") -> Any:
    """
    A tensor or array as uint8 (H, W, 3). Taken: (H, W), (H, W, C), (C, H, W) and these with a batch of one; 1, 3 or 4 channels (alpha is left
    out); floats from 0 to 1, or to 255 if one is above 1; integers from 0 to 255. Raises SluiceError ``bad-value``.
    """
    need_numpy(what)
    return _rgb_of_torch(tensor, what) if is_torch(tensor) else _rgb_of_numpy(np.asarray(tensor), what)


def _order(shape: Any, what: str) -> Optional[str]:
    """How the axes of a picture without its batch stand: HW, HWC or CHW."""
    if len(shape) == 2 and all(shape):
        return "HW"
    if len(shape) == 3 and all(shape):
        if shape[2] in (1, 3, 4):
            return "HWC"
        if shape[0] in (1, 3, 4):
            return "CHW"
    raise SluiceError(
        "bad-value",
        f"{what}: shape {tuple(shape)} received; expected (H, W, C) or (C, H, W) with 1, 3 or 4 channels, also with a batch of 1 before it, or (H, W)",
    )


def _batch(shape: Any, what: str) -> None:
    if shape[0] != 1:
        raise SluiceError("bad-value", f"{what}: a batch of {shape[0]} received; expected one picture")


def _rgb_of_torch(tensor: Any, what: str) -> Any:
    import torch

    tensor = tensor.detach()
    if tensor.dim() == 4:
        _batch(tensor.shape, what)
        tensor = tensor.squeeze(0)
    order = _order(tensor.shape, what)
    tensor = tensor.unsqueeze(2) if order == "HW" else tensor.permute(1, 2, 0) if order == "CHW" else tensor
    if tensor.dtype == torch.bool:
        tensor = tensor.to(torch.uint8) * 255
    elif tensor.is_complex():
        raise SluiceError("bad-value", f"{what}: {tensor.dtype} received; expected floats or integers")
    elif tensor.is_floating_point():
        # In another precision or on another device the scratch is a tensor of its own.
        values = tensor.to(torch.float32)
        peak = float(values.max()) if values.numel() else 0.0
        scaled = torch.mul(values, 255.0 if peak <= 1.0 else 1.0, out=_scratch(values)).add_(0.5).clamp_(0, 255)
        if peak != peak:
            scaled.nan_to_num_(0.0)
        tensor = scaled.to(torch.uint8)
    elif tensor.dtype != torch.uint8:
        tensor = tensor.clamp(0, 255).to(torch.uint8)
    return _three(tensor.cpu().contiguous().numpy())


_kept = threading.local()


def _scratch(like: Any) -> Any:
    """Memory for one picture of floats, kept by each thread: to get eleven megabytes from the system costs more than to fill them."""
    import torch

    made = getattr(_kept, "tensor", None)
    if made is None or made.shape != like.shape or made.device != like.device:
        made = _kept.tensor = torch.empty(like.shape, dtype=torch.float32, device=like.device)
    return made


def _rgb_of_numpy(array: Any, what: str) -> Any:
    if array.ndim == 4:
        _batch(array.shape, what)
        array = array[0]
    order = _order(array.shape, what)
    array = array[:, :, None] if order == "HW" else array.transpose(1, 2, 0) if order == "CHW" else array
    if array.dtype.kind == "b":
        array = array.astype(np.uint8) * np.uint8(255)
    elif array.dtype.kind == "f":
        peak = array.max()
        scaled = np.multiply(array, np.float32(255 if peak <= 1.0 else 1), dtype=np.float32)
        scaled += np.float32(0.5)
        np.clip(scaled, 0, 255, out=scaled)
        array = (np.nan_to_num(scaled, copy=False) if peak != peak else scaled).astype(np.uint8)
    elif array.dtype.kind in "ui":
        array = array if array.dtype == np.uint8 else np.clip(array, 0, 255).astype(np.uint8)
    else:
        raise SluiceError("bad-value", f"{what}: dtype {array.dtype} received; expected floats or integers")
    return _three(array)


def _three(array: Any) -> Any:
    if array.shape[2] == 1:
        return np.repeat(array, 3, 2)
    return np.ascontiguousarray(array[:, :, :3])
