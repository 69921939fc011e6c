"""A detector in a process of its own: looks at the frames of a stream for the mint square of the checkerboard, and sets a marker for each.

    PYTHONPATH=clients/python python3 examples/hls-markers/detector.py http://127.0.0.1:8000 board

It may be late (--late 0.2 makes it so): a marker names the frames it begins and ends at, so it stands where the square was, whenever it
comes. Needs numpy.
"""

import argparse
import queue
import threading
import time

import numpy as np
from sluice import Sluice, SluiceError

MINT = np.array([62, 222, 160], np.int16)
TOLERANCE = 24
# Least share of the picture that the square covers.
LEAST = 0.005


def shows_mint(array):
    """Whether an RGB picture shows the square."""
    near = np.abs(array[..., :3].astype(np.int16) - MINT) <= TOLERANCE
    return near.all(axis=2).mean() >= LEAST


def send(stream, found):
    """Sends markers in the order in which they were found, each when it is due. The same id is the same marker."""
    while True:
        due, marker = found.get()
        time.sleep(max(0.0, due - time.monotonic()))
        try:
            stream.marker("mint square", kind="mint", **marker)
        except SluiceError as error:
            print(f"{marker['id']}: {error}", flush=True)
        found.task_done()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("stream")
    parser.add_argument("--late", type=float, default=0.0, metavar="SECONDS", help="send each marker so much later")
    parser.add_argument("--width", type=int, default=320, help="columns of the pictures that are looked at")
    options = parser.parse_args()
    stream = Sluice(options.url).stream(options.stream)
    found = queue.Queue()
    threading.Thread(target=send, args=(stream, found), daemon=True).start()

    def mark(**marker):
        found.put((time.monotonic() + options.late, marker))

    first = last = None
    looking = False
    for frame in stream.frames(width=options.width):
        if not looking:
            looking = True
            print(f"looking at {options.stream} from frame {frame.id} on", flush=True)
        shows = shows_mint(frame.array)
        if shows and first is None:
            first = frame
            mark(id=f"mint-{first.id}", frame=first.id, open=True)
        elif not shows and first is not None:
            mark(id=f"mint-{first.id}", frame=first.id, end_frame=last.id)
            print(f"mint square in frames {first.id} to {last.id}", flush=True)
            first = None
        if shows:
            last = frame
    # The stream is gone.
    if first is not None:
        mark(id=f"mint-{first.id}", frame=first.id, end_frame=last.id)
    found.join()


if __name__ == "__main__":
    main()
