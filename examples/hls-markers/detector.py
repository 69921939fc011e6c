"""A detector in a process of its own: looks at the frames of a stream for the mint square of the checkerboard, and sets a marker for each.

    PYTHONPATH=clients/python python3 examples/hls-markers/detector.py http://127.0.0.1:8000 board

It may be late (--late 0.2 makes it so): a marker names the frames it begins and ends at, so it stands where the square was, whenever it
comes. Needs numpy.
"""

import argparse
import json
import queue
import threading
import time
import urllib.error
import urllib.request

import numpy as np
from sluice import Sluice

MINT = np.array([62, 222, 160], np.int16)
TOLERANCE = 24
# Least share of the picture that the square covers.
LEAST = 0.005


def shows_mint(array):
    """Whether an RGB picture shows the square."""
    near = np.abs(array[..., :3].astype(np.int16) - MINT) <= TOLERANCE
    return near.all(axis=2).mean() >= LEAST


class Poster(threading.Thread):
    """Sends markers in order, `late` seconds after they were found, again until the server has them: the same id is the same marker."""

    def __init__(self, url, stream, late):
        super().__init__(daemon=True)
        self.url = f"{url.rstrip('/')}/api/streams/{stream}/markers"
        self.late = late
        self.waiting = queue.Queue()

    def add(self, marker):
        self.waiting.put((time.monotonic() + self.late, marker))

    def run(self):
        while True:
            due, marker = self.waiting.get()
            time.sleep(max(0.0, due - time.monotonic()))
            body = json.dumps(marker).encode()
            while True:
                try:
                    urllib.request.urlopen(urllib.request.Request(self.url, body, {"Content-Type": "application/json"}), timeout=10).close()
                    break
                except urllib.error.HTTPError as error:
                    print(f"{marker['id']}: {error.read().decode(errors='replace')}", flush=True)
                    break
                except OSError:
                    time.sleep(0.5)
            self.waiting.task_done()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("stream")
    parser.add_argument("--late", type=float, default=0.0, metavar="SECONDS", help="send each marker so much later")
    parser.add_argument("--width", type=int, default=320, help="columns of the pictures that are looked at")
    options = parser.parse_args()
    poster = Poster(options.url, options.stream, options.late)
    poster.start()
    first = last = None
    looking = False
    for frame in Sluice(options.url).stream(options.stream).frames(width=options.width):
        if not looking:
            looking = True
            print(f"looking at {options.stream} from frame {frame.id} on", flush=True)
        shows = shows_mint(frame.array)
        if shows and first is None:
            first = frame
            poster.add({"id": f"mint-{first.id}", "label": "mint square", "kind": "mint", "frame": first.id, "open": True})
        elif not shows and first is not None:
            poster.add({"id": f"mint-{first.id}", "label": "mint square", "kind": "mint", "frame": first.id, "endFrame": last.id})
            print(f"mint square in frames {first.id} to {last.id}", flush=True)
            first = None
        if shows:
            last = frame
    poster.waiting.join()


if __name__ == "__main__":
    main()
