"""A processor in ten lines: turns the pictures of the stream `cam` into their negative, as much as the setting says."""

import sys

from sluice import Param, processor, run


@processor(stream="cam", params={"amount": Param(1.0, min=0, max=1, title="Amount")})
def invert(frame, ctx):
    frame.array[...] = abs(255 * ctx.params.amount - frame.array)
    ctx.metric({"mean": frame.array.mean()})
    return frame


run(invert, server=sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000")
