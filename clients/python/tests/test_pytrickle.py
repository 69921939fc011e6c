"""pytrickle's interface without a server: frames, handlers, wrong use. With torch where it is installed, else with numpy alone."""

import asyncio
import http.server
import importlib.util
import json
import os
import sys
import tempfile
import threading
import unittest
from fractions import Fraction
from unittest import mock

from sluice import SluiceError, WITHHOLD
from sluice._answers import audio_answer, video_answer
from sluice._link import Place
from sluice._processors import AudioFrame as LentSound
from sluice._processors import VideoFrame as Lent
from sluice.pytrickle import (
    AudioFrame, FrameProcessor, FrameSkipConfig, OverlayConfig, OverlayMode, RegisterCapability, StreamProcessor, StreamServer, VideoFrame,
    VideoProcessingResult, audio_handler, model_loader, on_stream_start, on_stream_stop, param_updater, video_handler,
)  # fmt: skip
from sluice.pytrickle import _arrays, _program
from sluice.pytrickle._streams import RunningStream, _picture, _sound
from sluice.pytrickle.decorators import call

try:
    import numpy as np
except ImportError:
    np = None
TORCH = importlib.util.find_spec("torch") is not None
NO_TORCH = "torch is not installed: tensors were not tried, arrays were"
AV = importlib.util.find_spec("av") is not None
NEW = 1_795_224_671_061_341


def lent(pixels, width, height, format="rgb24", bits=0):
    made = Lent.__new__(Lent)
    made.id, made.timestamp, made.received, made.metadata, made.significant_bits = 5, NEW, NEW + 9, {}, bits
    made.width, made.height, made.format, made.pixels, made._array = width, height, format, memoryview(bytearray(pixels)), None
    made._place = Place(4096, made.pixels)
    return made


def ramp(width=6, height=4):
    return lent(bytes(range(width * height * 3)), width, height)


def sound(array, rate=48000):
    made = LentSound.__new__(LentSound)
    planar = array.dtype == np.float32
    made.id, made.timestamp, made.received, made.rate = 7, NEW, NEW + 9, rate
    made.channels, made.samples = array.shape if planar else array.shape[::-1]
    made.format, made.data = ("fltp" if planar else "s16"), memoryview(array.copy().reshape(-1).view("u1"))
    return made


class Kinds:
    """Both kinds of tensors where both are there."""

    def setUp(self):
        kinds = [False, True] if TORCH else [False]
        self.kinds = kinds

    def each(self):
        for torch in self.kinds:
            with self.subTest(torch=torch), mock.patch.object(_arrays, "_looked", not torch), mock.patch.object(_arrays, "_torch", None):
                yield torch


@unittest.skipIf(np is None, "numpy is missing: arrays were not tried")
class Pictures(Kinds, unittest.TestCase):
    def test_tensor(self):
        for torch in self.each():
            frame = VideoFrame._of(ramp())
            self.assertIsNone(frame._tensor)
            tensor = frame.tensor
            self.assertIs(frame.tensor, tensor)
            self.assertEqual(_arrays.is_torch(tensor), torch)
            self.assertEqual((tuple(tensor.shape), str(tensor.dtype).split(".")[-1]), ((1, 4, 6, 3), "float32"))
            self.assertAlmostEqual(float(tensor[0, 3, 5, 2]), 71 / 255)
            self.assertEqual((frame.timestamp, frame.time_base), (NEW, Fraction(1, 1_000_000)))
            self.assertGreater(frame.log_timestamps["frame_init"], 1e9)
            self.assertEqual(_arrays.rgb_of_tensor(tensor).tobytes(), bytes(range(72)))

    @unittest.skipUnless(TORCH, NO_TORCH)
    def test_torch_is_there(self):
        self.assertTrue(_arrays.is_torch(VideoFrame._of(ramp()).tensor))
        with mock.patch.dict(os.environ, SLUICE_TENSORS="numpy"), mock.patch.object(_arrays, "_looked", False), mock.patch.object(_arrays, "_torch", None):
            self.assertIsInstance(VideoFrame._of(ramp()).tensor, np.ndarray)

    def test_shapes(self):
        base = np.random.default_rng(4).integers(0, 256, (4, 6, 3), np.uint8)
        base[0, 0] = 255
        unit = base / np.float32(255)
        alpha = np.dstack([base, np.zeros((4, 6), np.uint8)])
        forms = {
            "HWC bytes": base,
            "HWC floats": unit,
            "NHWC": unit[None],
            "CHW": unit.transpose(2, 0, 1),
            "NCHW": unit.transpose(2, 0, 1)[None],
            "NCHW bytes": base.transpose(2, 0, 1)[None],
            "floats to 255": base.astype(np.float32),
            "doubles": unit.astype(np.float64),
            "whole numbers": base.astype(np.int64),
            "with alpha": alpha,
            "CHW with alpha": alpha.transpose(2, 0, 1),
            "turned": base[:, ::-1][:, ::-1],
        }
        for torch in self.each():
            for name, form in forms.items():
                given = form
                if torch:
                    import torch as engine

                    given = engine.from_numpy(np.ascontiguousarray(form))
                made = VideoFrame._of(ramp()).replace_tensor(given)
                kind, answers = video_answer(_picture(made, made, ramp()), ramp(), False)
                self.assertEqual(kind, "made", name)
                self.assertEqual(bytes(answers[0].payload), base.tobytes(), name)
            gray = np.full((4, 6, 1), 9, np.uint8)
            for form in (gray, gray[:, :, 0], gray[None], gray.transpose(2, 0, 1)):
                self.assertEqual(_arrays.rgb_of_tensor(form).tobytes(), b"\x09" * 72)
            self.assertEqual(_arrays.rgb_of_tensor(np.ones((4, 6), bool)).tobytes(), b"\xff" * 72)
            self.assertEqual(_arrays.rgb_of_tensor(np.full((4, 6, 3), np.nan, np.float32)).max(), 0)

    @unittest.skipUnless(TORCH, NO_TORCH)
    def test_half_floats_and_gradients(self):
        import torch

        half = torch.full((3, 4, 6), 0.5, dtype=torch.float16)
        self.assertEqual(set(_arrays.rgb_of_tensor(half).reshape(-1).tolist()), {128})
        self.assertEqual(_arrays.rgb_of_tensor(torch.full((4, 6, 3), 2.0, requires_grad=True)).max(), 2)
        self.assertEqual(_arrays.rgb_of_tensor(torch.full((4, 6, 3), 300, dtype=torch.int32)).max(), 255)

    def test_what_is_returned(self):
        for _ in self.each():
            given = ramp()
            frame = VideoFrame._of(given)
            self.assertIsNone(_picture(frame, frame, given))
            self.assertIsNone(_picture(None, frame, given))
            self.assertIs(_picture(VideoProcessingResult.WITHHELD, frame, given), WITHHOLD)
            # A look at the tensor changes nothing; a change in place does.
            self.assertGreater(float(frame.tensor.max()), 0)
            self.assertIsNone(_picture(frame, frame, given))
            frame.tensor[0, 0, 0, 0] = 1
            self.assertEqual(_picture(frame, frame, given).pixels[0, 0, 0], 255)
            self.assertEqual(given.pixels[0], 0)
            for wrong in ("x", 7, [frame], object()):
                with self.assertRaisesRegex(SluiceError, "expected a VideoFrame"):
                    _picture(wrong, frame, given)
            # Smaller, larger, and made of nothing.
            for shape in ((2, 2, 3), (40, 60, 3)):
                kind, answers = video_answer(_picture(np.zeros(shape, np.uint8), frame, given), given, False)
                self.assertEqual((kind, len(answers[0].payload)), ("made", shape[0] * shape[1] * 3))
            self.assertEqual(_picture(VideoFrame.from_tensor(np.zeros((2, 2, 3), np.float32)), frame, given).pixels.shape, (2, 2, 3))

    def test_array_in_place(self):
        given = ramp()
        frame = VideoFrame._of(given)
        frame.array[:] = 200
        self.assertEqual(bytes(given.pixels[:3]), b"\xc8" * 3)
        kind, answers = video_answer(_picture(frame, frame, given), given, False)
        self.assertEqual((kind, answers[0].offset), ("made", 4096))

    def test_formats(self):
        for _ in self.each():
            white = lambda *planes: b"".join(bytes([value]) * count for value, count in planes)  # noqa: E731
            red = {
                "bgr24": b"\x00\x00\xff" * 24,
                "rgba": b"\xff\x00\x00\x07" * 24,
                "yuv420p": white((82, 24), (90, 6), (240, 6)),
                "nv12": white((82, 24)) + bytes([90, 240]) * 6,
            }
            for format, pixels in red.items():
                tensor = VideoFrame._of(lent(pixels, 6, 4, format)).tensor
                got = [round(float(tensor[0, 2, 3, channel]), 1) for channel in range(3)]
                self.assertEqual(got, [1.0, 0.0, 0.0], format)
            self.assertAlmostEqual(float(VideoFrame._of(lent(b"\xff" * 24, 6, 4, "gray")).tensor.min()), 1)
            self.assertAlmostEqual(float(VideoFrame._of(lent(b"\xff\x0f" * 24, 6, 4, "gray16le", 12)).tensor.min()), 1)
            self.assertEqual(tuple(VideoFrame._of(lent(bytes(15 + 12), 5, 3, "yuv420p")).tensor.shape), (1, 3, 5, 3))
        with self.assertRaisesRegex(SluiceError, "bayer"):
            _ = VideoFrame._of(lent(bytes(48), 6, 4, "bayer_rggb16le")).tensor

    def test_wrong_tensors(self):
        frame = VideoFrame._of(ramp())
        for wrong, words in ((np.zeros((2, 4, 6, 3)), "batch of 2"), (np.zeros((9, 9, 9)), r"shape \(9, 9, 9\)"), ("x", "str received"), (np.zeros((0, 6, 3)), "shape")):
            with self.assertRaisesRegex(SluiceError, words):
                frame.replace_tensor(wrong)
        with self.assertRaisesRegex(SluiceError, "dtype"):
            _arrays.rgb_of_tensor(np.full((4, 6, 3), "x"))
        with self.assertRaisesRegex(SluiceError, "None received"):
            VideoFrame(None, 0, Fraction(1))

    def test_replaced(self):
        frame = VideoFrame._of(ramp())
        frame.side_data.skipped = False
        made = frame.replace_tensor(np.zeros((4, 6, 3), np.float32))
        self.assertEqual((made.timestamp, made.time_base), (frame.timestamp, frame.time_base))
        self.assertIs(made.side_data, frame.side_data)
        self.assertIsNot(made.log_timestamps, frame.log_timestamps)

    @unittest.skipUnless(AV, "PyAV is not installed: to_av_frame was not tried")
    def test_av(self):
        frame = VideoFrame._of(ramp())
        self.assertEqual(frame.to_av_frame(frame.tensor).to_ndarray(format="rgb24").tobytes(), bytes(range(72)))
        back = VideoFrame.from_av_frame_with_timing(frame.to_av_frame(), frame)
        self.assertEqual((_arrays.rgb_of_tensor(back.tensor).tobytes(), back.timestamp), (bytes(range(72)), NEW))

    @unittest.skipIf(AV, "PyAV is installed")
    def test_no_av(self):
        with self.assertRaisesRegex(SluiceError, "PyAV"):
            VideoFrame._of(ramp()).to_av_frame()


@unittest.skipIf(np is None, "numpy is missing: arrays were not tried")
class Sound(unittest.TestCase):
    stereo = np.arange(-200, 200, dtype=np.int16).reshape(200, 2)

    def test_samples(self):
        frame = AudioFrame._of(sound(self.stereo))
        self.assertEqual((frame.samples.shape, frame.format, frame.layout, frame.rate, frame.nb_samples), ((1, 400), "s16", "stereo", 48000, 200))
        planar = np.linspace(-1, 1, 960, dtype=np.float32).reshape(2, 480)
        frame = AudioFrame._of(sound(planar))
        self.assertEqual((frame.samples.shape, frame.format, frame.nb_samples, frame.timestamp), ((2, 480), "fltp", 480, NEW))

    def answer(self, result, frame, given):
        return audio_answer(_sound(result, frame, given), given)

    def test_what_is_returned(self):
        given = sound(self.stereo)
        frame = AudioFrame._of(given)
        for same in ([frame], None):
            self.assertEqual(self.answer(same, frame, given), ("pass", []))
        self.assertEqual(self.answer([], frame, given)[0], "withhold")
        kind, [(block, number, channels, samples, data)] = self.answer([frame.replace_samples(frame.samples // 2)], frame, given)
        self.assertEqual((kind, number, channels, samples, block.timestamp), ("made", 0, 2, 200, NEW))
        self.assertEqual(bytes(data), (self.stereo // 2).tobytes())
        frame.samples[0, 0] = 5
        self.assertEqual(self.answer([frame], frame, given)[0], "made")
        for wrong in ("x", [1], 7):
            with self.assertRaisesRegex(SluiceError, "expected a list of AudioFrame"):
                _sound(wrong, frame, given)

    def test_two_blocks_follow_one_another(self):
        given = sound(np.zeros((1, 480), np.float32))
        frame = AudioFrame._of(given)
        kind, made = self.answer([frame.replace_samples(np.ones((1, 480), np.float32))] * 2, frame, given)
        self.assertEqual([block.timestamp - NEW for block, *_ in made], [0, 10_000])

    def test_from_tensor(self):
        floats = np.array([[0.0, 0.5, -1.0], [1.0, -0.5, 0.25]])
        for format, number in (("s16", 0), ("s16p", 0), ("s32", 0), ("fltp", 1), ("flt", 1)):
            frame = AudioFrame.from_tensor(floats, format=format, layout="stereo", sample_rate=16000, timestamp=0)
            self.assertEqual(frame.nb_samples, 3, format)
            given = sound(np.zeros((1, 480), np.float32))
            _, [(block, got, channels, samples, data)] = self.answer([frame], AudioFrame._of(given), given)
            self.assertEqual((got, channels, samples, block.rate, block.timestamp), (number, 2, 3, 16000, NEW), format)
            values = np.frombuffer(data, "<f4").reshape(2, 3) if number else np.frombuffer(data, "<i2").reshape(3, 2).T / 32768
            self.assertLess(abs(values - floats).max(), 1e-4, format)

    @unittest.skipUnless(AV, "PyAV is not installed: to_av_frame was not tried")
    def test_av(self):
        frame = AudioFrame._of(sound(self.stereo)).to_av_frame()
        self.assertEqual((frame.format.name, frame.layout.name, frame.samples, frame.sample_rate), ("s16", "stereo", 200, 48000))
        self.assertEqual(AudioFrame(frame).samples.tobytes(), self.stereo.tobytes())


class Stand(unittest.IsolatedAsyncioTestCase):
    """Handlers as a running stream calls them."""

    def stream(self, processor):
        inner = processor._frame_processor if isinstance(processor, StreamProcessor) else processor
        return RunningStream("one", {}, {}, inner, asyncio.get_running_loop())

    async def test_functions_async_or_plain(self):
        main = threading.get_ident()
        seen = {}

        async def later(frame):
            seen["async"] = threading.get_ident()
            return frame

        def plain(frame):
            seen["plain"] = threading.get_ident()

        for function in (later, plain):
            self.assertIsNone(await self.stream(StreamProcessor(video_processor=function))._video(ramp()))
        self.assertEqual(seen["async"], main)
        self.assertNotEqual(seen["plain"], main)

    @unittest.skipIf(np is None, "numpy is missing")
    async def test_a_frame_that_is_kept_is_a_copy(self):
        kept = []

        async def keep(frame):
            kept.append(frame)
            return kept[0]

        stream = self.stream(StreamProcessor(video_processor=keep))
        first, second = ramp(), ramp()
        self.assertIsNone(await stream._video(first))
        first.pixels[:] = bytes(72)
        self.assertEqual(bytes(kept[0].array.reshape(-1)), bytes(range(72)))
        answer = await stream._video(second)
        self.assertEqual(bytes(video_answer(answer, second, False)[1][0].payload), bytes(range(72)))

    @unittest.skipIf(np is None, "numpy is missing")
    async def test_handlers_of_an_object(self):
        told = []

        class Own:
            @model_loader
            def load(self, **kwargs):
                told.append(("load", kwargs))

            @video_handler
            async def picture(self, frame: VideoFrame):
                return frame.array // 2

            @audio_handler
            def block(self, frame):
                return frame.samples * 0.5

            @param_updater
            async def params(self, params):
                told.append(params)

            @on_stream_start
            def start(self, params):
                told.append(("start", params))

            @on_stream_stop
            async def stop(self):
                told.append("stop")

        processor = StreamProcessor.from_handlers(Own(), name="own", port=0)
        inner = processor._frame_processor
        await inner.ensure_model_loaded()
        await inner.ensure_model_loaded()
        await inner.update_params({"load_model": True, "level": 3})
        await inner.update_params({"load_model": True})
        await inner.on_stream_start({"width": 1})
        await inner.on_stream_stop()
        self.assertEqual(told, [("load", {}), {"level": 3}, ("start", {"width": 1}), "stop"])
        stream = self.stream(processor)
        self.assertEqual((await stream._video(ramp())).pixels[3, 5, 2], 35)
        given = sound(np.full((1, 4), 0.5, np.float32))
        _, [(_, _, _, _, data)] = audio_answer(await stream._audio(given), given)
        self.assertEqual(np.frombuffer(data, "<f4").tolist(), [0.25] * 4)

    async def test_a_class(self):
        class Wiki(FrameProcessor):
            def __init__(self, path, **kwargs):
                self.path = path
                super().__init__(**kwargs)

            def load_model(self, **kwargs):
                self.given = kwargs

            async def process_video_async(self, frame):
                return VideoProcessingResult.WITHHELD

            def update_params(self, params):
                raise ValueError("too large")

        made = Wiki("p", size=3)
        StreamServer(frame_processor=made, port=0)
        await made.ensure_model_loaded()
        self.assertEqual(made.given, {"size": 3})
        self.assertIs(await self.stream(made)._video(ramp()), WITHHOLD)
        self.assertFalse(self.stream(made).has("audio"))
        with self.assertRaisesRegex(ValueError, "too large"):
            await call(made.update_params, {})

    async def test_without_a_stream(self):
        processor = StreamProcessor(video_processor=lambda frame: frame)
        self.assertFalse(await processor.send_data("x"))
        self.assertFalse(await processor.send_monitoring_event({}))
        self.assertFalse(processor.set_loading_overlay(True))
        self.assertFalse(processor.set_target_fps(10))
        self.assertIsNone(processor.server.current_client)
        self.assertEqual(processor.server.get_health_summary(), "LOADING")
        if np is not None:
            self.assertFalse(await processor.send_input_frame(VideoFrame.from_tensor(np.zeros((2, 2, 3)))))
        with self.assertRaisesRegex(TypeError, "expected a str"):
            await processor.send_data({"a": 1})
        with self.assertRaisesRegex(TypeError, "expected a dict"):
            await processor.send_monitoring_event("x")
        with self.assertRaisesRegex(ValueError, "target_fps"):
            processor.set_target_fps(0)


class Settings(unittest.TestCase):
    def test_reach_the_server(self):
        processor = StreamProcessor(video_processor=lambda frame: frame, publisher_timeout=7, subscriber_timeout=8, health_check_interval=1.5)
        line = processor.server._configuration()
        self.assertEqual([line.get(key) for key in ("publisherTimeout", "subscriberTimeout", "healthCheckInterval")], [7, 8, 1.5])
        self.assertNotIn("subscriberTimeout", StreamProcessor(video_processor=lambda frame: frame).server._configuration())


class WrongUse(unittest.TestCase):
    def test_said_at_once(self):
        def video(frame):
            return frame

        class Empty:
            pass

        class Neither(FrameProcessor):
            pass

        cases = [
            (lambda: StreamProcessor(), ValueError, "needs video_processor or audio_processor"),
            (lambda: StreamProcessor(video_processor=3), TypeError, "video_processor: 3 received; expected a function"),
            (lambda: StreamProcessor(video_processor=lambda: None), TypeError, "it is called with a frame"),
            (lambda: StreamProcessor(video_processor=video, on_stream_stop=lambda params: None), TypeError, "it is called with nothing"),
            (lambda: StreamProcessor(video_processor=video, param_updater=lambda: None), TypeError, "a dict of params"),
            (lambda: StreamProcessor(video_processor=video, prot=8000), TypeError, "prot is not an option"),
            (lambda: StreamProcessor(video_processor=video, port="8000"), ValueError, "port: '8000' received"),
            (lambda: StreamProcessor(video_processor=video, custom_routes=[{}]), ValueError, "custom_routes: these are parts of aiohttp"),
            (lambda: StreamProcessor(video_processor=video, frame_skip_config={"target_fps": 3}), TypeError, r"expected FrameSkipConfig\(...\)"),
            (lambda: StreamProcessor.from_handlers(Empty), TypeError, r"expected an object: Empty\(\)"),
            (lambda: StreamProcessor.from_handlers(Empty()), ValueError, "Empty has no handler for frames"),
            (lambda: StreamServer(frame_processor=video), TypeError, "derived from FrameProcessor"),
            (lambda: StreamServer(frame_processor=Neither()), ValueError, "Neither has neither process_video_async"),
            (lambda: FrameSkipConfig(target_fps=0), ValueError, "target_fps: 0 received"),
            (lambda: OverlayConfig(mode="bar"), ValueError, "mode: 'bar' received"),
            (lambda: OverlayConfig(progress=2), ValueError, "progress: 2 received"),
            (lambda: video_handler(lambda: None), TypeError, "takes no frame"),
        ]
        for make, kind, words in cases:
            with self.assertRaisesRegex(kind, words):
                make()
        self.assertTrue(OverlayConfig(mode="passthrough").is_passthrough_mode())
        self.assertTrue(OverlayConfig(OverlayMode.PROGRESSBAR).is_overlay_mode())

    def test_what_is_not_here(self):
        import sluice.pytrickle

        with self.assertRaisesRegex(ImportError, "TrickleClient"):
            from sluice.pytrickle import TrickleClient  # noqa: F401
        with self.assertRaisesRegex(AttributeError, "TrickleClient is not here: channels"):
            _ = sluice.pytrickle.TrickleClient

    def test_no_server(self):
        with mock.patch.dict(os.environ, SLUICE="no-such-command --flag"), self.assertRaisesRegex(SluiceError, "no-such-command is not on the PATH"):
            _program.find()
        with mock.patch.dict(os.environ, SLUICE="/no/such/main.ts"), self.assertRaisesRegex(SluiceError, "there is no such file"):
            _program.find()
        with mock.patch.dict(os.environ, SLUICE=f"{sys.executable} -c pass"):
            self.assertEqual(_program.find(), [sys.executable, "-c", "pass"])
            with self.assertRaisesRegex(SluiceError, "ended by itself"):
                asyncio.run(StreamProcessor(video_processor=lambda frame: frame, port=0).run_forever())
        with mock.patch.dict(os.environ, {"SLUICE": "", "PATH": ""}), mock.patch.object(_program, "__file__", os.path.join(tempfile.gettempdir(), "a", "b", "c", "d", "e.py")):
            with self.assertRaisesRegex(SluiceError, "Put `sluice` on the PATH"):
                _program.find()
        with tempfile.TemporaryDirectory() as clone:
            os.makedirs(os.path.join(clone, "src", "cli"))
            main = os.path.join(clone, "src", "cli", "main.ts")
            open(main, "w").close()
            with mock.patch.dict(os.environ, SLUICE=main), self.assertRaisesRegex(SluiceError, "npm ci"):
                _program.find()


class Orchestrator(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append((self.path, self.headers["Authorization"], json.loads(body)))
        self.send_response(self.server.answers.pop(0))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


class Registration(unittest.TestCase):
    def test_register(self):
        with http.server.HTTPServer(("127.0.0.1", 0), Orchestrator) as server:
            server.seen, server.answers = [], [500, 200, 400]
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            try:
                there = dict(ORCH_URL=f"http://127.0.0.1:{server.server_port}/", ORCH_SECRET="s", CAPABILITY_URL="http://me:8000", CAPABILITY_CAPACITY="3")
                with mock.patch.dict(os.environ, there):
                    made = asyncio.run(RegisterCapability.register(capability_name="x", delay=0.0, timeout=10.0))
                    self.assertEqual((made.hostname, made.port), ("me", 8000))
                    self.assertIs(asyncio.run(RegisterCapability().register_capability(delay=0.0, timeout=10.0)), False)
                    with mock.patch.dict(os.environ, CAPABILITY_CAPACITY="many"), self.assertRaisesRegex(ValueError, "CAPABILITY_CAPACITY: 'many'"):
                        asyncio.run(RegisterCapability.register())
                with mock.patch.dict(os.environ, ORCH_URL="", ORCH_SECRET=""):
                    self.assertIs(asyncio.run(RegisterCapability.register()), False)
            finally:
                server.shutdown()
                thread.join()
        path, secret, body = server.seen[0]
        self.assertEqual((path, secret, body["name"], body["capacity"], body["price_scaling"], len(server.seen)), ("/capability/register", "s", "x", 3, 1, 3))


if __name__ == "__main__":
    unittest.main()
