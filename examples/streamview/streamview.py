"""The same as main.ts from numpy: a running picture and live numbers in one page, from a node that only yields.

    python3 examples/streamview/streamview.py          # starts a server for itself
    python3 examples/streamview/streamview.py URL      # uses one that runs
"""

import pathlib, re, signal, subprocess, sys, time

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "clients" / "python"))  # Not needed where the package is installed.
from sluice import Data, Marker, node, run

WIDTH, HEIGHT, CELLS, RADIUS = 1280, 720, 64, 18
random = np.random.default_rng()


@node(stream="cells", fps=30)
def cells():
    x, y = random.integers(RADIUS, (WIDTH - RADIUS, HEIGHT - RADIUS), (CELLS, 2)).T
    rows, columns = np.mgrid[-RADIUS:RADIUS, -RADIUS:RADIUS]
    shape = np.clip(1 - (np.hypot(rows, columns) / RADIUS) ** 4, 0, 1).astype(np.float32)
    grains = random.integers(40, 54, (8, HEIGHT, WIDTH), np.uint8)
    activity = np.zeros(CELLS, np.float32)
    before = time.monotonic()
    while True:
        now = time.monotonic()
        flashing = random.random(CELLS) < (now - before) / 6
        activity = np.where(flashing, np.float32(1), activity * np.exp(np.float32((before - now) / 0.7)))
        before = now
        frame = grains[random.integers(8)].copy()
        for cell in range(CELLS):
            part = frame[y[cell] - RADIUS : y[cell] + RADIUS, x[cell] - RADIUS : x[cell] + RADIUS]
            part[:] = np.minimum(255, part + (12 + 190 * activity[cell]) * shape)
        # One instant: the picture, its numbers, a vector with one value per cell.
        yield frame, {"activity": 100 * activity.mean(), "flashing": flashing.sum(), "cells": activity}
        # Events belong to the frame before them. Three cells at once are worth a marker.
        if flashing.sum() >= 3:
            boxes = [{"x": x[cell] - 20, "y": y[cell] - 20, "w": 40, "h": 40, "label": f"cell {cell}"} for cell in np.flatnonzero(flashing)]
            yield Marker(f"{flashing.sum()} cells flash together", kind="burst"), Data({"boxes": boxes})


def start_server():
    server = subprocess.Popen(["npm", "run", "-s", "sluice", "--", "serve"], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    for line in server.stdout:
        print(line, end="", flush=True)
        if address := re.search(r"http://\S+", line):
            return server, address[0]
    sys.exit("the server did not start")


if __name__ == "__main__":
    server, url = (None, sys.argv[1]) if sys.argv[1:] else start_server()
    print(f"Open {url.rstrip('/')}/?stream=cells", flush=True)
    (done,) = run(cells, server=url)
    if server:
        server.send_signal(signal.SIGINT)
        server.wait()
    print("{frames} frames, {missed} ticks missed, started {starts} time(s)".format(**done))
