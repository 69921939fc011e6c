"""Processors hosted by this client, against a real server in SLUICE_TEST_URL."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
import unittest
from urllib.request import Request, urlopen

import sluice
from sluice import WITHHOLD, Param, Picture, Sluice, SluiceError, processor
from sluice._answers import video_answer
from sluice._link import Place
from sluice._processors import VideoFrame, Params

try:
    import numpy as np
except ImportError:
    np = None

URL = os.environ.get("SLUICE_TEST_URL", "")


def call(path, method="GET", body=None):
    data = None if body is None else json.dumps(body).encode()
    request = Request(URL + path, data, {} if data is None else {"Content-Type": "application/json"}, method=method)
    with urlopen(request, timeout=10) as response:
        return json.loads(response.read() or b"null")


def until(ask, ready, seconds=30):
    end = time.monotonic() + seconds
    while True:
        found = ask()
        if ready(found) or time.monotonic() > end:
            return found
        time.sleep(0.02)


def frame(pixels, width, height, format, place=False):
    made = VideoFrame.__new__(VideoFrame)
    made.id, made.timestamp, made.received, made.metadata, made.significant_bits = 5, 100, 110, {}, 0
    made.width, made.height, made.format, made.pixels, made._array = width, height, format, memoryview(pixels), None
    made._place = Place(4096, made.pixels) if place else None
    return made


class Declared(unittest.TestCase):
    def test_params(self):
        class Find:
            level = Param(3, min=0, max=9, title="Level")
            share = Param(0, min=0.0, max=1.0)
            mode = Param("a", options=["a", "b"])
            on = Param(True)

            def video(self, frame):
                return None

        made = processor("cam", "find")(Find)
        self.assertEqual((made.stream, made.id, made.name), ("cam", "find", "Find"))
        self.assertEqual(
            made.schema,
            {
                "type": "object",
                "properties": {
                    "level": {"type": "integer", "default": 3, "minimum": 0, "maximum": 9, "title": "Level"},
                    "share": {"type": "number", "default": 0, "minimum": 0.0, "maximum": 1.0},
                    "mode": {"type": "string", "default": "a", "enum": ["a", "b"]},
                    "on": {"type": "boolean", "default": True},
                },
                "additionalProperties": False,
            },
        )
        self.assertEqual(processor("cam", params={"a": 0.5})(lambda frame: None).schema["properties"]["a"], {"type": "number", "default": 0.5})
        own = {"type": "object", "properties": {"a": {"type": "array"}}}
        self.assertEqual(processor("cam", params=own)(lambda frame: None).schema, own)
        self.assertEqual(Params(level=3).level, 3)
        with self.assertRaises(AttributeError):
            Params().level

    def test_refused(self):
        with self.assertRaisesRegex(SluiceError, "expected a default that is bool, int, float or str"):
            processor("cam", params={"a": [1]})(lambda frame: None)
        with self.assertRaisesRegex(SluiceError, "Empty has no handler"):
            processor("cam")(type("Empty", (), {}))
        with self.assertRaisesRegex(SluiceError, "handler: 'vidoe' received"):
            processor("cam", handler="vidoe")
        with self.assertRaisesRegex(SluiceError, "expected what @node"):
            sluice.run(lambda: None)

    def test_function_stays_one(self):
        self.assertEqual(processor("cam")(lambda frame, ctx=None: frame + 1)(2), 3)


class Answers(unittest.TestCase):
    def test_pass_and_withhold(self):
        lent = frame(bytearray(12), 4, 3, "gray")
        self.assertEqual(video_answer(None, lent, False), ("pass", []))
        self.assertEqual(video_answer(WITHHOLD, lent, False), ("withhold", []))
        self.assertEqual(video_answer([], lent, True), ("withhold", []))

    def test_bytes(self):
        lent = frame(bytearray(range(12)), 4, 3, "gray", place=True)
        kind, [made] = video_answer(bytes(12), lent, False)
        self.assertEqual((kind, made.offset, bytes(lent.pixels)), ("made", 4096, bytes(12)))
        _, [made] = video_answer(Picture(bytes(range(6)), width=2, height=1, format="rgb24", metadata={"a": 1}), None, True)
        self.assertEqual((made.offset, bytes(made.payload), made.header[:4], b'{"a": 1}' in made.header), (None, bytes(range(6)), b"SLF1", True))

    def test_refused(self):
        lent = frame(bytearray(12), 4, 3, "gray")
        for wrong, words in (("x", "str was returned"), (bytes(11), "expected 12 bytes"), ([bytes(12)] * 2, "2 pictures for one frame"), (frame(bytearray(1), 1, 1, "gray"), "copy the array")):
            with self.assertRaisesRegex(SluiceError, words):
                video_answer(wrong, lent, False)

    @unittest.skipUnless(np, "numpy is missing")
    def test_arrays(self):
        pixels = bytearray(range(48))
        lent = frame(pixels, 4, 4, "bgr24", place=True)
        # Changed in place: nothing is copied.
        lent.array[0, 0] = 9
        _, [made] = video_answer(lent.array, lent, False)
        self.assertEqual((made.offset, pixels[:3], made.header[7]), (4096, b"\x09\x09\x09", 3))
        # Another array of the same kind keeps its format, and lies where the frame lay.
        _, [made] = video_answer(255 - lent.array, lent, False)
        self.assertEqual((made.offset, pixels[0], made.header[7]), (4096, 246, 3))
        # A smaller one of another kind.
        _, [made] = video_answer(lent.array[::2, :, 0], lent, False)
        self.assertEqual((made.offset, made.header[7], len(made.payload)), (4096, 0, 8))
        # A larger one does not fit there.
        _, [made] = video_answer(np.zeros((8, 8, 3), "u1"), lent, False)
        self.assertIsNone(made.offset)
        # Of several, none may lie there: one could be made of another.
        _, many = video_answer([lent.array + 1, lent.array + 2], lent, True)
        self.assertEqual([each.offset for each in many], [None, None])
        planar = frame(bytearray(24), 4, 4, "nv12")
        _, [made] = video_answer(planar.array + 1, planar, False)
        self.assertEqual((made.header[7], bytes(made.payload)), (6, b"\x01" * 24))


@unittest.skipUnless(URL, "SLUICE_TEST_URL is not set")
class Hosted(unittest.TestCase):
    def setUp(self):
        self.name = f"{self.id().rsplit('.', 1)[1]}-{time.time_ns() % 10**9}"[:64]
        self.path = f"api/streams/{self.name}"

    def make(self, width=64, height=48, **more):
        """A stream whose pictures are wanted."""
        source = {"type": "pattern", "kind": "testbars", "width": width, "height": height, "fps": 30}
        call(self.path, "PUT", {"source": source, "dvr": {"mode": "always"}, "processors": [{"use": "external", "loading": "pass", **more}]})
        self.addCleanup(call, self.path, "DELETE")

    def start(self, *made):
        runner = sluice.start(*made, server=URL)
        self.addCleanup(runner.close)
        return runner

    def stage(self):
        return call(f"{self.path}/stats")["processors"][0]

    def program(self, body, ending="run(work, server=URL, backoff=(0.2, 1))"):
        """A program in a process of its own; `body` has the lines of its handler."""
        lines = "\n    ".join(body.strip().splitlines())
        text = f"""
import ctypes, os, sys, time
from sluice import processor, run
URL = {URL!r}
seen = 0
@processor({self.name!r})
def work(frame, ctx):
    global seen
    seen += 1
    {lines}
{ending}
"""
        env = {**os.environ, "PYTHONPATH": os.path.dirname(os.path.dirname(sluice.__file__))}
        child = subprocess.Popen([sys.executable, "-c", text], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

        def end():
            child.kill()
            child.communicate()

        self.addCleanup(end)
        return child

    def test_frames_params_and_findings(self):
        changed = []

        @processor(self.name)
        class Fill:
            level = Param(40, min=0, max=255)

            def on_params(self, params):
                changed.append(params.level)

            def load(self, ctx):
                self.level_at_load = self.level
                ctx.progress("gets ready", 0.5)

            def video(self, frame, ctx):
                frame.pixels[:] = bytes([ctx.params.level]) * len(frame.pixels)
                ctx.metric({"level": self.level})
                ctx.data({"at": frame.id, "load": self.level_at_load, "wait": frame.received >= frame.timestamp})
                if frame.id % 2:
                    ctx.marker("odd", kind="k")
                return frame

        self.make(params={"level": 90})
        runner = self.start(Fill)
        self.assertGreater(until(self.stage, lambda stage: stage["processed"] > 3)["processed"], 3)
        self.assertEqual(runner.nodes[0]["state"], "running")
        markers = until(lambda: call(f"{self.path}/markers")["items"], len)
        self.assertEqual((markers[0]["label"], markers[0]["kind"], markers[0]["frame"] % 2), ("odd", "k", 1))
        record = until(lambda: call(f"{self.path}/data")["items"], len)[0]
        self.assertEqual((record["record"]["at"], record["record"]["load"], record["record"]["wait"]), (record["frame"], 90, True))
        self.assertEqual(call(f"{self.path}/params")["schema"]["properties"]["level"]["maximum"], 255)
        with self.assertRaises(OSError):
            call(f"{self.path}/params", "PATCH", {"level": 256})
        call(f"{self.path}/params", "PATCH", {"level": 40})
        self.assertEqual(until(lambda: changed, len), [40])

    def test_asynchronous_and_several_at_a_time(self):
        most = [0, 0]

        @processor(self.name)
        async def wait(frame):
            most[0] += 1
            most[1] = max(most)
            await asyncio.sleep(0.1)
            most[0] -= 1
            return WITHHOLD

        self.make(flow={"parallel": 4})
        self.start(wait)
        self.assertGreater(until(self.stage, lambda stage: stage["withheld"] > 9)["withheld"], 9)
        self.assertGreater(most[1], 1)

    def test_throws(self):
        self.make()
        child = self.program("if seen == 2: raise ValueError('too dark')\nreturn frame")
        stage = until(self.stage, lambda stage: stage["failed"] and stage["processed"] > 5)
        self.assertEqual((stage["error"], stage["restarts"], child.poll()), ("ValueError: too dark", 0, None))

    @unittest.skipUnless(sys.platform == "linux", "its memory cannot be seen")
    def test_crashes_hangs_and_leaks(self):
        self.make(deadline="1s", memory=96)
        mark = os.path.join(os.environ.get("TMPDIR", "/tmp"), self.name)
        self.addCleanup(lambda: os.path.exists(mark) and os.remove(mark))
        # Each process has a mishap of its own; the fourth has none. No frame takes long that takes memory, on a busy machine too.
        child = self.program(f"""
lives = os.path.getsize({mark!r}) if os.path.exists({mark!r}) else 0
if seen == 3:
    open({mark!r}, "a").write("x")
    if lives == 0: ctypes.string_at(0)
    while lives == 1: pass
    if lives == 2: globals()["kept"] = []
if len(globals().get("kept", [0] * 20)) < 20: globals()["kept"].append(b"x" * 5_000_000)
return frame
""")
        stage = until(self.stage, lambda stage: os.path.exists(mark) and os.path.getsize(mark) == 4 and stage["restarts"] > 2)
        self.assertGreaterEqual(stage["restarts"], 3)
        self.assertGreaterEqual(stage["faults"]["timeout"], 1)
        before = stage["processed"]
        self.assertGreater(until(self.stage, lambda stage: stage["processed"] > before)["processed"], before)
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=20)
        self.assertEqual((child.returncode, out), (0, ""))
        self.assertRegex(err, r"it crashed: Segmentation fault \(SIGSEGV\); it starts again in 0\.\d s")
        self.assertIn("it took longer than 1 s for a frame; it starts again", err)
        self.assertRegex(err, r"it used more than its 96 MB of memory \(\d+ MB\)")

    def test_without_numpy(self):
        self.make()
        text = f"import sys; sys.modules['numpy'] = None\nfrom sluice import processor, run\n@processor({self.name!r})\ndef work(frame): frame.pixels[0] = 1; return bytes(frame.pixels)\nrun(work, server={URL!r})"
        env = {**os.environ, "PYTHONPATH": os.path.dirname(os.path.dirname(sluice.__file__))}
        child = subprocess.Popen([sys.executable, "-c", text], env=env)
        try:
            self.assertGreater(until(self.stage, lambda stage: stage["processed"] > 3)["processed"], 3)
        finally:
            child.terminate()
            self.assertEqual(child.wait(20), 0)

    @unittest.skipUnless(np, "numpy is missing")
    def test_example(self):
        self.name = "cam"
        self.path = "api/streams/cam"
        self.make()
        root = os.path.dirname(os.path.dirname(os.path.dirname(sluice.__file__)))
        example = os.path.join(os.path.dirname(root), "examples", "python-processor", "invert.py")
        env = {**os.environ, "PYTHONPATH": os.path.dirname(os.path.dirname(sluice.__file__))}
        child = subprocess.Popen([sys.executable, example, URL], env=env)
        try:
            stage = until(self.stage, lambda stage: stage["metrics"] > 3)
            self.assertGreater(stage["processed"], 3)
        finally:
            child.terminate()
            self.assertEqual(child.wait(20), 0)

    def test_another_program_takes_over(self):
        self.make()

        @processor(self.name)
        def work(frame):
            return frame

        first = self.start(work)
        until(self.stage, lambda stage: stage["processed"] > 1)
        with self.assertLogs("sluice", "ERROR") as logs:
            second = self.start(work)
            self.assertTrue(first.wait(60))
        self.assertIn("another program has taken its place; it is not started again", logs.output[0])
        before = self.stage()["processed"]
        until(self.stage, lambda stage: stage["processed"] > before + 2)
        self.assertEqual(second.nodes[0]["state"], "running")

    def test_wrong_token(self):
        guarded = os.environ.get("SLUICE_TEST_TOKEN_URL")
        if not guarded:
            self.skipTest("SLUICE_TEST_TOKEN_URL is not set")

        @processor(self.name)
        def work(frame):
            return frame

        with self.assertLogs("sluice", "ERROR"):
            runner = sluice.start(work, server=Sluice(guarded, "wrong"))
            self.assertTrue(runner.wait(20))
        self.assertEqual(runner.nodes[0]["state"], "failed")


if __name__ == "__main__":
    unittest.main()
