# Pushes pictures that come as JSON lines ({stream, width, height, format, data}) and prints their receipts. Arrays go in as arrays.
import base64
import io
import json
import sys

import numpy as np
from sluice import Sluice

SHAPES = {"gray": ("u1", 1), "gray16le": ("<u2", 1), "grayf32le": ("<f4", 1), "rgb24": ("u1", 3), "bgr24": ("u1", 3), "rgba": ("u1", 4),
          "rgb48le": ("<u2", 3)}  # fmt: skip

with Sluice(sys.argv[1]) as server:
    for line in sys.stdin:
        job = json.loads(line)
        data = base64.b64decode(job["data"])
        stream = server.stream(job["stream"])
        if job["format"] in SHAPES:
            dtype, channels = SHAPES[job["format"]]
            array = np.frombuffer(data, dtype).reshape(job["height"], job["width"], channels)
            receipt = stream.push(array, format=job["format"])
        elif job["format"]:
            receipt = stream.push(data, width=job["width"], height=job["height"], format=job["format"])
        elif data.startswith(b"\x93NUMPY"):
            receipt = stream.push(np.load(io.BytesIO(data)))
        else:
            receipt = stream.push(data)
        print(json.dumps({"id": receipt.id, "dropped": receipt.dropped}), flush=True)
