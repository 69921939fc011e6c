"""pytrickle's interface with the server that it starts: streams, calls, data, ends. SLUICE is the server's main.ts."""

import asyncio
import contextlib
import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
import unittest
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from sluice import Sluice, SluiceError
from sluice.pytrickle import (
    FrameProcessor, OverlayConfig, StreamProcessor, StreamServer, VideoFrame, VideoProcessingResult, on_stream_start, on_stream_stop, model_loader, param_updater, video_handler,
)  # fmt: skip

try:
    import numpy as np
except ImportError:
    np = None

MICROS = 1_000_000


def call(url, body=None, method=None):
    """Status and JSON."""
    data = None if body is None else json.dumps(body).encode()
    request = Request(url, data, {} if data is None else {"Content-Type": "application/json"}, method=method)
    try:
        with urlopen(request, timeout=20) as answer:
            return answer.status, json.loads(answer.read() or b"null")
    except HTTPError as error:
        with error:
            return error.code, json.loads(error.read() or b"null")


def alive(pid):
    """Whether a process runs; one that has ended and waits to be asked does not."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def until(ask, seconds=30.0):
    end = time.monotonic() + seconds
    while True:
        found = ask()
        if found or time.monotonic() > end:
            return found
        await asyncio.sleep(0.02)


@unittest.skipIf(np is None, "numpy is missing: tensors were not tried")
class Served(unittest.IsolatedAsyncioTestCase):
    async def serve(self, server):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.task = asyncio.create_task(server.run_forever())
        self.addAsyncCleanup(self.end)
        await until(lambda: server.url or self.task.done())
        if self.task.done():
            self.task.result()
        self.url = server.url.rstrip("/")
        self.pid = server._program.pid

    async def end(self):
        self.task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.task

    async def ask(self, path, body=None, method=None):
        return await asyncio.to_thread(call, f"{self.url}{path}", body, method)

    async def health(self, wanted):
        for _ in range(1500):
            _, body = await self.ask("/health")
            if body["status"] == wanted:
                return
            await asyncio.sleep(0.02)
        self.assertEqual(body["status"], wanted)

    async def test_two_streams(self):
        told = []
        loads = []

        class Own:
            gain = 1.0

            @model_loader
            async def load(self, **kwargs):
                loads.append(kwargs)
                if len(loads) == 1:
                    raise RuntimeError("the model is not there yet")

            @on_stream_start
            async def start(self, params):
                told.append(("start", params.get("name")))
                told.append(processor.server.current_client.request_id)

            @video_handler
            async def invert(self, frame: VideoFrame):
                level = int(frame.array[0, 0, 0])
                if level == 66:
                    raise ValueError("not this one")
                if level == 77:
                    return VideoProcessingResult.WITHHELD
                if level == 88:
                    return None
                return frame.replace_tensor((1 - frame.tensor) * self.gain)

            @param_updater
            def params(self, params):
                if params.get("gain", 0) > 1:
                    raise ValueError("gain: at most 1")
                told.append(params)
                self.gain = params.get("gain", self.gain)

            @on_stream_stop
            async def stop(self):
                told.append("stop")

        own = Own()
        processor = StreamProcessor.from_handlers(own, name="invert", port=0, max_streams=2, version="7.1", overlay_config=OverlayConfig(enabled=False))
        await self.serve(processor.server)
        # What could not be loaded is loaded again when a stream is asked for.
        await self.health("ERROR")
        status, body = await self.ask("/stream/start", {"gateway_request_id": "a"})
        self.assertEqual((status, body["status"]), (503, "error"))
        await self.health("IDLE")
        self.assertEqual(len(loads), 2)
        self.assertEqual(await self.ask("/app-version"), (200, {"version": "7.1"}))

        for name in ("a", "b"):
            status, body = await self.ask("/stream/start", {"gateway_request_id": name, "params": {"name": name}})
            self.assertEqual((status, body["request_id"]), (200, name), body)
        self.assertEqual(told, [("start", "a"), "a", ("start", "b"), "b"])
        self.assertEqual((await self.ask("/health"))[1], {"status": "OK"})
        self.assertEqual((await self.ask("/stream/start", {"gateway_request_id": "c"}))[0], 503)
        self.assertTrue(processor.set_target_fps(None))

        with Sluice(self.url) as look:
            # 66: its handler raised, 88: it said None; both pass as they were. 77 is withheld, 10, 20 and 99 are turned into 245, 235 and 156.
            wanted = {"a": {245, 66, 88, 156}, "b": {235, 156}}
            seen = {name: {} for name in wanted}

            def watch(name):
                for _, _, picture in look.stream(name).frames():
                    seen[name][int(picture[0, 0, 0])] = picture.shape
                    if wanted[name] <= set(seen[name]):
                        return

            watchers = [asyncio.create_task(asyncio.to_thread(watch, name)) for name in seen]

            async def feed(name, levels, size):
                from sluice.pytrickle._streams import current

                current.set(name)
                for level in levels:
                    await processor.send_input_frame(VideoFrame.from_tensor(np.full((size, size * 2, 3), level, np.uint8)))
                    await asyncio.sleep(0.04)

            # Until every kind of picture has been seen at the other end; those of the start may go before anybody watches.
            deadline = time.monotonic() + 40
            while not all(task.done() for task in watchers) and time.monotonic() < deadline:
                await asyncio.gather(feed("a", [10, 66, 77, 88, 99], 32), feed("b", [20, 99], 16))
            await asyncio.wait_for(asyncio.gather(*watchers), 5)
            self.assertEqual({name: set(levels) for name, levels in seen.items()}, wanted)
            self.assertEqual((seen["a"][156][:2], seen["b"][156][:2]), ((32, 64), (16, 32)))

        status, body = await self.ask("/stream/params?request_id=a", {"gain": 3})
        self.assertEqual(status, 500)
        self.assertIn("gain: at most 1", body["message"])
        self.assertEqual((await self.ask("/stream/params?request_id=a", {"gain": 0.5, "other": [1]}))[0], 200)
        self.assertEqual(own.gain, 0.5)
        self.assertIn({"gain": 0.5, "other": [1]}, told)
        self.assertTrue(await processor.send_data("x"))
        self.assertTrue(processor.set_loading_overlay(False))

        self.assertEqual((await self.ask("/stream/stop?request_id=a", method="POST"))[0], 200)
        self.assertEqual(told.count("stop"), 1)
        self.assertEqual(processor.server.state.active_streams, 1)
        self.assertEqual((await self.ask("/health"))[1], {"status": "OK"})
        await self.end()
        # The stream that still ran was told of its end, and the server is gone.
        self.assertEqual(told.count("stop"), 2)
        self.assertFalse(alive(self.pid))

    async def test_port_taken(self):
        import socket

        class Same(FrameProcessor):
            async def process_video_async(self, frame):
                return frame

        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            with self.assertRaises(SluiceError) as caught:
                await StreamServer(frame_processor=Same(), port=taken.getsockname()[1]).run_forever()
        self.assertEqual(caught.exception.code, "port-taken")


PROGRAM = """
    import sys
    from sluice.pytrickle import StreamProcessor
    async def same(frame):
        return frame
    processor = StreamProcessor(video_processor=same, port=0)
    import threading, time
    def tell():
        while processor.server.url is None:
            time.sleep(0.01)
        print(processor.server._program.pid, flush=True)
    threading.Thread(target=tell, daemon=True).start()
    processor.run()
    print("over", flush=True)
"""


@unittest.skipUnless(sys.platform == "linux", "processes are looked for in /proc")
class Ends(unittest.TestCase):
    def test_no_process_is_left(self):
        children = []
        for how in (signal.SIGINT, signal.SIGKILL):
            child = subprocess.Popen([sys.executable, "-B", "-c", textwrap.dedent(PROGRAM)], stdout=subprocess.PIPE, env={**os.environ, "SLUICE_TENSORS": "numpy"})
            children.append((how, child))
        children = [(how, child, int(child.stdout.readline())) for how, child in children]
        for how, child, server in children:
            self.assertTrue(alive(server))
            child.send_signal(how)
        for how, child, server in children:
            out, _ = child.communicate(timeout=60)
            self.assertEqual((out.decode().strip(), child.returncode), ("over", 0) if how == signal.SIGINT else ("", -signal.SIGKILL))
            end = time.monotonic() + 60
            while alive(server) and time.monotonic() < end:
                time.sleep(0.02)
            self.assertFalse(alive(server), how)


EXAMPLES = os.environ.get("PYTRICKLE", "")


@unittest.skipUnless(EXAMPLES, "PYTRICKLE is not set: the examples of pytrickle were not tried")
class Examples(unittest.TestCase):
    """pytrickle's own examples as programs, with nothing changed but the import, the port, and how long one of them pretends to load."""

    def run_example(self, name, check):
        with open(os.path.join(EXAMPLES, "examples", f"{name}_example.py"), encoding="utf8") as file:
            source = file.read()
        source = re.sub(r"^(from|import) pytrickle", r"\1 sluice.pytrickle", source, flags=re.M)
        source = source.replace("port=8000", "port=0").replace("model_load_delay: float = 10.0", "model_load_delay: float = 0.1")
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "example.py")
            with open(path, "w", encoding="utf8") as file:
                file.write(source)
            child = subprocess.Popen([sys.executable, "-B", path], stderr=subprocess.PIPE, text=True)
            lines = []
            listens = threading.Event()

            def read():
                for line in child.stderr:
                    lines.append(line)
                    if "listens at" in line:
                        listens.set()
                listens.set()

            reader = threading.Thread(target=read)
            reader.start()
            try:
                self.assertTrue(listens.wait(60))
                found = re.search(r"listens at (http://\S+)", "".join(lines))
                self.assertTrue(found, "".join(lines))
                url = found[1].rstrip("/")
                end = time.monotonic() + 60
                while call(f"{url}/health")[1]["status"] != "IDLE" and time.monotonic() < end:
                    time.sleep(0.05)
                status, body = call(f"{url}/api/stream/start", {"gateway_request_id": "x", "params": {"intensity": 0.8}})
                self.assertEqual(status, 200, body)
                self.assertEqual(call(f"{url}/stream/params", {"delay": 0})[0], 200)
                with Sluice(url) as sluice:
                    self.look(sluice, check)
                self.assertEqual(call(f"{url}/stream/stop", method="POST")[0], 200)
            finally:
                child.terminate()
                child.wait(60)
                reader.join()
                child.stderr.close()
            self.assertNotIn("Traceback", "".join(lines))

    def look(self, sluice, check):
        given = np.random.default_rng(7).integers(0, 256, (40, 60, 3), np.uint8)
        seen = threading.Event()
        pictures = []

        def watch():
            for _, _, picture in sluice.stream("x").frames():
                pictures.append(picture)
                if check(given, picture):
                    return seen.set()

        threading.Thread(target=watch, daemon=True).start()
        end = time.monotonic() + 60
        while not seen.is_set() and time.monotonic() < end:
            sluice.stream("x").push(given)
            time.sleep(0.1)
        self.assertTrue(seen.is_set(), f"{len(pictures)} pictures, none as expected; the last: {pictures[-1:]}")

    def test_passthrough(self):
        self.run_example("passthrough", np.array_equal)

    def test_overlay(self):
        self.run_example("overlay", np.array_equal)

    @unittest.skipUnless(importlib.util.find_spec("torch"), "torch is not installed: its examples were not tried")
    def test_grayscale(self):
        weights = np.array([0.2989, 0.587, 0.114])
        self.run_example("grayscale_chipmunk", lambda given, got: got.shape == given.shape and abs(got - (given @ weights)[:, :, None]).max() < 1.5)

    @unittest.skipUnless(importlib.util.find_spec("torch") and importlib.util.find_spec("cv2"), "torch or OpenCV is not installed: an example was not tried")
    def test_process_video(self):
        # Turned, and greener: the brightest channel of each pixel is as bright as it was.
        self.run_example("process_video", lambda given, got: got.shape == given.shape and abs(got.max(2).astype(int) - given[:, ::-1].max(2)).max() < 8)


if __name__ == "__main__":
    unittest.main()
