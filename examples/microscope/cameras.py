# Two simulated detectors in a process of their own, triggered together:  python3 examples/microscope/cameras.py URL [SIDE] [FPS]
# Each picture is 16-bit gray with shot noise of a 12-bit sensor; its first two pixels are the number of the trigger.
# Needs numpy and clients/python.
import itertools
import signal
import sys
import time

import numpy as np
from sluice import Sluice

url, side, fps = sys.argv[1], int((sys.argv + ["", "1024"])[2] or 1024), float((sys.argv[3:] or ["30"])[0])
exposure = 20.0  # ms
pool = 24
rng = np.random.default_rng(1)
cell = side // 8
y, x = np.mgrid[:side, :side]
spots = np.exp(-(((x % cell) - cell / 2) ** 2 + ((y % cell) - cell / 2) ** 2) / (cell * cell * 0.03))
number = x // cell + 8 * (y // cell)


def pictures(offset):
    """Pictures that come again and again: noise at 60 pictures a second would take a core."""
    for i in range(pool):
        level = 110 + 2200 * (0.5 + 0.5 * np.sin(2 * np.pi * i / pool + offset + number * 2.4)) * spots
        yield np.clip(rng.normal(level, np.sqrt(2 * level)), 0, 4095).astype(np.uint16)


running = True


def stop(*_):
    global running
    running = False


signal.signal(signal.SIGINT, stop)
signal.signal(signal.SIGTERM, stop)

with Sluice(url) as server:
    detectors = [(server.stream(name), list(pictures(i))) for i, name in enumerate(("left", "right"))]
    for stream, _ in detectors:
        stream.acquisition(True, exposure=exposure)
    print(f"{len(detectors)} detectors of {side} x {side}, 16 bit, at {fps:g} fps", flush=True)
    start = time.monotonic()
    for trigger in itertools.count():
        if not running:
            break
        time.sleep(max(0, start + trigger / fps - time.monotonic()))
        # One trigger for all: frames of equal capture time belong together.
        timestamp = time.time_ns() // 1000
        for stream, pool_of_it in detectors:
            picture = pool_of_it[trigger % pool]
            picture[0, 0], picture[0, 1] = trigger & 0xFFFF, trigger >> 16 & 0xFFFF
            stream.push(picture, timestamp, {"exposure": exposure}, significant_bits=12, wait=False)
    for stream, _ in detectors:
        stream.acquisition(False)
