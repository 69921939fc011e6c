"""A client of ImSwitch's live view that shares no code with the server: python-socketio, msgpack, lz4.

Usage: imswitch-client.py ADDRESS today|october COUNT. Prints one JSON object per picture, then leaves.
"""

import asyncio
import hashlib
import json
import struct
import sys

import lz4.frame
import msgpack
import socketio


def pixels_of(packet, algorithm):
    magic, version, width, height, stride, depth, channels, _, timestamp = struct.unpack("<4sB3xIIIHBBQ", packet[:32])
    assert (magic, version, stride) == (b"UC2F", 1, width * channels * 2), packet[:36]
    (size,) = struct.unpack("<I", packet[32:36])
    body = packet[36:]
    assert size == len(body)
    raw = lz4.frame.decompress(body) if algorithm == "lz4" else body
    assert len(raw) == width * height * channels * 2
    return {"width": width, "height": height, "depth": depth, "ns": str(timestamp), "sha256": hashlib.sha256(raw).hexdigest()}


async def main(address, era, count):
    client = socketio.AsyncClient()
    done = asyncio.Event()
    told = 0
    before = None

    def tell(what):
        nonlocal told
        told += 1
        if told <= count:
            print(json.dumps(what), flush=True)
        if told >= count:
            done.set()

    @client.on("server_capabilities")
    def _(capabilities):
        print(json.dumps({"capabilities": capabilities}), flush=True)

    @client.on("frame")
    async def _(payload):
        nonlocal before
        if era == "today":
            message = msgpack.unpackb(payload)
            meta = message["metadata"]
            picture = pixels_of(message["data"], meta["compression_algorithm"])
            tell({"frame": meta["frame"], "metadata": {**meta, "timestamp_ns": str(meta["timestamp_ns"])}, **picture})
            await client.emit("frame_ack", {"frame_id": meta["frame_id"]})
        else:
            # What it cannot read it does not acknowledge otherwise than the library does.
            before = payload if payload[:4] == b"UC2F" else None

    @client.on("signal")
    def _(text):
        message = json.loads(text)
        if message["name"] == "frame_meta" and before is not None:
            meta = message["metadata"]
            tell({"frame": meta["image_id"], "metadata": meta, "signal": message["name"], **pixels_of(before, meta["compression_algorithm"])})

    await client.connect(address, socketio_path="/imswitch/socket.io/")
    await asyncio.wait_for(done.wait(), 60)
    await client.disconnect()


asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
