"""A foreign WHIP publisher: aiortc sends so many pictures (and silence) to an address, then ends. Prints how many it sent."""

import asyncio
import fractions
import sys
import urllib.parse
import urllib.request

import numpy
from aiortc import RTCPeerConnection, RTCRtpSender, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, MediaStreamTrack
from av import VideoFrame

CLOCK = 90_000
FPS = 25


class Pictures(MediaStreamTrack):
    """A square that moves over gray; the size changes in the middle if a second one is given."""

    kind = "video"

    def __init__(self, sizes, count):
        super().__init__()
        self.sizes, self.count, self.sent, self.began = sizes, count, 0, None
        self.done = asyncio.get_event_loop().create_future()

    async def recv(self):
        loop = asyncio.get_event_loop()
        self.began = self.began or loop.time()
        if self.sent == self.count:
            # The last packets are on their way, and lost ones may be asked for again.
            await asyncio.sleep(1)
            if not self.done.done():
                self.done.set_result(None)
            await asyncio.sleep(3600)
        await asyncio.sleep(max(0, self.began + self.sent / FPS - loop.time()))
        width, height = self.sizes[self.sent * len(self.sizes) // self.count]
        pixels = numpy.full((height, width, 3), 90, numpy.uint8)
        x = self.sent * 5 % (width - 32)
        pixels[height // 2 : height // 2 + 32, x : x + 32] = (200, 60, 40)
        frame = VideoFrame.from_ndarray(pixels, format="rgb24")
        frame.pts, frame.time_base = self.sent * CLOCK // FPS, fractions.Fraction(1, CLOCK)
        self.sent += 1
        return frame


async def main(address, codec, count, *sizes):
    peer = RTCPeerConnection()
    pictures = Pictures([tuple(map(int, size.split("x"))) for size in sizes], int(count))
    peer.addTrack(AudioStreamTrack())
    peer.addTrack(pictures)
    for transceiver in peer.getTransceivers():
        if transceiver.kind == "video":
            known = RTCRtpSender.getCapabilities("video").codecs
            transceiver.setCodecPreferences([each for each in known if each.mimeType.lower() == f"video/{codec}"])
        transceiver.direction = "sendonly"
    await peer.setLocalDescription(await peer.createOffer())
    request = urllib.request.Request(
        address, peer.localDescription.sdp.encode(), {"content-type": "application/sdp", "authorization": "Bearer none"}
    )
    with await asyncio.to_thread(urllib.request.urlopen, request) as answer:
        assert answer.status == 201
        session = urllib.parse.urljoin(address, answer.headers["location"])
        await peer.setRemoteDescription(RTCSessionDescription(answer.read().decode(), "answer"))
    await asyncio.wait_for(pictures.done, 120)
    await asyncio.to_thread(urllib.request.urlopen, urllib.request.Request(session, method="DELETE"))
    await peer.close()
    print(pictures.sent)


asyncio.run(main(*sys.argv[1:]))
