# Two live pictures from numpy at 30 frames per second:  PYTHONPATH=clients/python python3 examples/push_numpy.py [URL]
import itertools, sys, time
import numpy as np
from sluice import Sluice

server = Sluice(*sys.argv[1:2])
camera, scope = server.stream("camera"), server.stream("scope")
x, y, start = np.arange(1280), np.arange(1024)[:, None], time.monotonic()
for n in itertools.count():
    camera.push(((x ^ y[:720]) + 4 * n).astype(np.uint8), wait=False)
    scope.push(((x[:1024] * y + 500 * n) % 65536).astype(np.uint16), wait=False)
    time.sleep(max(0, start + n / 30 - time.monotonic()))
