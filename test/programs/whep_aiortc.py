"""A foreign WHEP viewer: aiortc. Prints a line of JSON for each decoded frame: size, RTP time, levels of the barcode's cells; for each decoded
block of sound: rate, samples, the loudest one of 1; and for each text of the data channel. `whep_aiortc.py URL H264|VP8 FRAMES`"""

import asyncio
import json
import sys
import urllib.request

import numpy
from aiortc import RTCPeerConnection, RTCRtpReceiver, RTCSessionDescription


def cells(gray):
    """Means of the middle of the 64 x 2 cells along the top edge."""
    side = gray.shape[1] // 64
    edge = side // 4
    return [
        float(gray[row * side + edge : (row + 1) * side - edge, column * side + edge : (column + 1) * side - edge].mean())
        for row in range(2)
        for column in range(64)
    ]


def post(url, offer):
    request = urllib.request.Request(url, offer.encode(), {"content-type": "application/sdp"}, method="POST")
    with urllib.request.urlopen(request) as answer:
        return answer.status, answer.headers["location"], answer.read().decode()


async def listen(track):
    while True:
        block = await track.recv()
        loudest = int(numpy.abs(block.to_ndarray().astype(numpy.int32)).max())
        print(json.dumps({"rate": block.sample_rate, "samples": block.samples, "loudest": loudest / 32768}), flush=True)


async def main(url, codec, count):
    peer = RTCPeerConnection()
    transceiver = peer.addTransceiver("video", direction="recvonly")
    codecs = RTCRtpReceiver.getCapabilities("video").codecs if hasattr(RTCRtpReceiver, "getCapabilities") else []
    chosen = [one for one in codecs if one.mimeType.lower() == f"video/{codec.lower()}"]
    if chosen:
        transceiver.setCodecPreferences(chosen)
    sound = peer.addTransceiver("audio", direction="recvonly")
    channel = peer.createDataChannel("sluice")
    channel.on("message", lambda text: print(json.dumps({"text": text}), flush=True))
    await peer.setLocalDescription(await peer.createOffer())
    status, location, answer = await asyncio.to_thread(post, url, peer.localDescription.sdp)
    print(json.dumps({"status": status, "location": location}), flush=True)
    await peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
    listening = asyncio.ensure_future(listen(sound.receiver.track))
    for _ in range(count):
        frame = await transceiver.receiver.track.recv()
        line = {"width": frame.width, "height": frame.height, "rtp": frame.pts, "cells": cells(frame.to_ndarray(format="gray"))}
        print(json.dumps(line), flush=True)
    listening.cancel()
    await peer.close()


asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
