"""pytrickle's own TricklePublisher and TrickleSubscriber as pipes: `ends.py publish URL`, `ends.py subscribe URL`.

Blocks of a pipe: kind (1 byte), length (4 bytes, little-endian), bytes. `S`: a segment begins; `D`: bytes of it; `E`: the channel has ended.
"""

import asyncio
import os
import struct
import sys

import bridge  # noqa: F401
from pytrickle import TricklePublisher, TrickleSubscriber

HEAD = struct.Struct("<cI")


async def publish(url: str) -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async with TricklePublisher(url, "video/mp2t") as publisher:
        segment = None
        while True:
            try:
                kind, length = HEAD.unpack(await reader.readexactly(HEAD.size))
            except asyncio.IncompleteReadError:
                break
            data = await reader.readexactly(length)
            if kind == b"S":
                if segment:
                    await segment.close()
                segment = await publisher.next()
            else:
                await segment.write(data)
        if segment:
            await segment.close()
        # Its close cuts off what is still on its way.
        await asyncio.sleep(0.5)


async def subscribe(url: str) -> None:
    def say(kind: bytes, data: bytes = b"") -> None:
        block = memoryview(HEAD.pack(kind, len(data)) + data)
        while block:
            block = block[os.write(1, block) :]

    async with TrickleSubscriber(url) as subscriber:
        while True:
            segment = await subscriber.next()
            if segment is None:
                break
            say(b"S", str(segment.seq()).encode())
            while True:
                chunk = await segment.read()
                if not chunk:
                    break
                say(b"D", chunk)
        say(b"E")


if __name__ == "__main__":
    asyncio.run({"publish": publish, "subscribe": subscribe}[sys.argv[1]](sys.argv[2]))
