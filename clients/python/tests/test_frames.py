"""What `push` makes of pictures and times, without a server."""

import array
import struct
import unittest
from datetime import datetime, timedelta, timezone

import sluice
from sluice import SluiceError, _pictures, _socket, _time

try:
    import numpy as np
except ImportError:
    np = None


def frame(picture, timestamp=None, metadata=None, width=None, height=None, format=None, stride=0, bits=0):
    return _pictures._frame(picture, timestamp, metadata, width, height, format, stride, bits)


def fields(header):
    names = ("magic", "header", "encoding", "format", "width", "height", "stride", "payload", "id", "timestamp", "metadata", "bits", "flags")
    return dict(zip(names, struct.unpack("<4sHBBIIIIQqIHH", header[:48])))


class Refusals(unittest.TestCase):
    def refuses(self, code, text, *args, **more):
        with self.assertRaises(SluiceError) as caught:
            frame(*args, **more)
        self.assertEqual(caught.exception.code, code)
        self.assertIn(text, str(caught.exception))


class Bytes(Refusals):
    def test_header(self):
        made = frame(bytes(6), 1763640000120000, {"z": 1.5}, 3, 2, "gray8", bits=7)
        self.assertEqual(
            fields(made.header),
            dict(magic=b"SLF1", header=64, encoding=0, format=0, width=3, height=2, stride=3, payload=6, id=0,
                 timestamp=1763640000120000, metadata=10, bits=7, flags=0),
        )  # fmt: skip
        self.assertEqual(made.header[48:58], b'{"z": 1.5}')
        self.assertEqual(len(made.header), 64)

    def test_encoded_pictures_need_no_size(self):
        for data, encoding in ((b"\xff\xd8\xff\xe0", 1), (b"\x89PNG\r\n\x1a\n....", 2)):
            with self.subTest(encoding=encoding):
                made = fields(frame(data).header)
                self.assertEqual((made["encoding"], made["width"], made["height"], made["stride"]), (encoding, 0, 0, 0))

    def test_lengths(self):
        for name, size in (("gray", 15), ("gray16le", 30), ("rgb24", 45), ("rgba", 60), ("rgb48le", 90), ("grayf32le", 60)):
            with self.subTest(name):
                frame(bytes(size), None, None, 5, 3, name)
                self.refuses("bad-frame", f"expected {size} bytes (5x3 {name}", bytes(size - 1), None, None, 5, 3, name)
        # Odd sizes: chroma is rounded up.
        for name in ("yuv420p", "nv12"):
            frame(bytes(15 + 12), None, None, 5, 3, name)
        frame(bytes(8 * 3), None, None, 5, 3, "gray", 8)
        self.refuses("bad-frame", "stride: 4 received; expected at least 5", bytes(12), None, None, 5, 3, "gray", 4)

    def test_other_buffers(self):
        words = array.array("H", range(6))
        self.assertEqual(bytes(frame(words, None, None, 3, 2, "gray16le").payload), words.tobytes())
        self.assertEqual(bytes(frame(memoryview(bytes(range(12)))[::2], None, None, 3, 2, "gray").payload), bytes(range(0, 12, 2)))

    def test_refusals(self):
        self.refuses("bad-frame", "3 bytes received that are neither JPEG nor PNG", b"abc")
        self.refuses("bad-value", "width: 0 received; expected an integer from 1 to 16384", b"", None, None, 0, 2, "gray")
        self.refuses("bad-value", "height: None received", b"ab", None, None, 2, None, "gray")
        self.refuses("bad-value", "format: 'yuv' is not a pixel format; allowed are gray,", b"ab", None, None, 2, 1, "yuv")

    def test_metadata(self):
        self.refuses("bad-value", "metadata:", b"\xff\xd8", None, {"a": float("nan")})
        self.refuses("bad-value", "metadata:", b"\xff\xd8", None, {"a": object()})
        self.refuses("bad-value", "expected a dict", b"\xff\xd8", None, [1])
        self.refuses("bad-value", "at most 65480 bytes", b"\xff\xd8", None, {"a": "x" * 65_480})


@unittest.skipIf(np is None, "numpy is missing")
class Arrays(Refusals):
    def check(self, given, expected, format):
        made = frame(given)
        got = fields(made.header)
        self.assertEqual(_pictures._FORMATS[format][0], got["format"])
        self.assertEqual((got["height"], got["width"]), given.shape[:2])
        self.assertEqual(bytes(made.payload), expected.tobytes())

    def test_every_kind(self):
        rng = np.random.default_rng(1)
        color = rng.integers(0, 256, (6, 8, 3), np.uint8)
        deep = rng.integers(0, 65_536, (6, 8, 4), np.uint16)
        self.check(color[:, :, 0], color[:, :, 0].copy(), "gray")
        self.check(color[:, :, :1], color[:, :, :1].copy(), "gray")
        self.check(color, color, "rgb24")
        self.check(np.dstack([color, color[:, :, 0]]), np.dstack([color, color[:, :, 0]]), "rgba")
        self.check(deep[:, :, 0], deep[:, :, 0].copy(), "gray16le")
        self.check(deep[:, :, :3], deep[:, :, :3].copy(), "rgb48le")
        self.check(deep, deep[:, :, :3].copy(), "rgb48le")
        self.check(color[:, :, 0] > 99, np.where(color[:, :, 0] > 99, 255, 0).astype(np.uint8), "gray")
        self.check(color[:, :, 0] / 255, (color[:, :, 0] / 255).astype("<f4"), "grayf32le")

    def test_layouts(self):
        plain = np.random.default_rng(2).integers(0, 65_536, (6, 8), np.uint16)
        for given in (plain, np.asfortranarray(plain), plain[::-1, ::-1], plain[::2, 1::3], plain.astype(">u2"), plain.T):
            self.check(given, np.ascontiguousarray(given.astype("<u2")), "gray16le")
        read_only = plain.copy()
        read_only.flags.writeable = False
        self.check(read_only, plain, "gray16le")

    def test_no_copy_of_what_fits(self):
        plain = np.zeros((6, 8), np.uint16)
        payload = frame(plain).payload
        plain[0, 0] = 258
        self.assertEqual(bytes(payload[:2]), b"\x02\x01")

    def test_float_colour(self):
        unit = np.array([[[0, 0.5, 1], [-1, 2, np.nan]]])
        self.check(unit, np.array([[[0, 128, 255], [0, 255, 0]]], np.uint8), "rgb24")
        byte = np.array([[[0, 100.4, 255], [-1, 300, np.inf]]], np.float32)
        self.check(byte, np.array([[[0, 100, 255], [0, 255, 255]]], np.uint8), "rgb24")

    def test_named_formats(self):
        color = np.zeros((4, 6, 3), np.uint8)
        self.assertEqual(fields(frame(color, format="bgr24").header)["format"], 3)
        self.assertEqual(fields(frame(np.zeros((4, 6), np.uint16), format="bayer_rggb16le").header)["format"], 8)
        made = fields(frame(np.zeros((6, 6), np.uint8), format="yuv420p").header)
        self.assertEqual((made["width"], made["height"], made["payload"]), (6, 4, 36))
        self.refuses("bad-frame", "format: gray received with uint8 (4, 6, 3); expected rgb24", color, format="gray")

    def test_refusals(self):
        self.refuses("bad-frame", "dtype int64 received; expected bool, uint8", np.zeros((4, 4), np.int64))
        self.refuses("bad-frame", "dtype float16 received", np.zeros((4, 4), np.float16))
        self.refuses("bad-frame", "channels come last", np.zeros((3, 40, 50), np.uint8))
        for shape in ((4,), (), (4, 4, 2), (0, 4), (4, 0), (2, 2, 3, 3), (1, 16_385)):
            self.refuses("bad-frame", f"shape {shape} received", np.zeros(shape, np.uint8))
        self.refuses("bad-frame", "dtype", "a picture")


class Times(unittest.TestCase):
    def test_accepted(self):
        micros = 1795178281250000
        moment = datetime(2026, 11, 20, 12, 38, 1, 250_000, timezone.utc)
        shifted = moment.astimezone(timezone(timedelta(hours=5, minutes=30)))
        for given in (micros, float(micros), moment, shifted, "2026-11-20T12:38:01.25Z", "2026-11-20 13:38:01.250000999+01:00", str(micros)):
            with self.subTest(given=given):
                self.assertEqual(_time._micros(given), micros)
        self.assertEqual(_time._micros(None), 0)

    @unittest.skipIf(np is None, "numpy is missing")
    def test_numpy(self):
        self.assertEqual(_time._micros(np.int64(1795178281250000)), 1795178281250000)
        self.assertEqual(_time._micros(np.datetime64("2026-11-20T12:38:01.250")), 1795178281250000)

    def test_refused(self):
        for given, sentence in (
            (1763640000.12, "1763640000.12 looks like seconds; expected 1763640000120000"),
            (1763640000, "1763640000 looks like seconds; expected 1763640000000000"),
            (1763640000120, "1763640000120 looks like milliseconds; expected 1763640000120000"),
            (1763640000120000000, "1763640000120000000 looks like nanoseconds; expected 1763640000120000"),
            (1763640000120000.5, "has a fraction; expected 1763640000120000"),
            (-1, "-1 is not a time"),
            (float("nan"), "nan is not a time"),
            (True, "True is neither integer microseconds"),
            ("yesterday", "'yesterday' is neither integer microseconds"),
            ("2026-02-30T00:00:00Z", "2026-02-30T00:00:00Z is not a date of the calendar"),
            (datetime(2026, 11, 20), "has no time zone"),
        ):
            with self.subTest(given=given):
                with self.assertRaises(SluiceError) as caught:
                    _time._micros(given)
                self.assertEqual(caught.exception.code, "bad-timestamp")
                self.assertIn(sentence, str(caught.exception))


class Masking(unittest.TestCase):
    def test_with_and_without_numpy(self):
        key = b"\x01\x80\xff\x7e"
        for size in (0, 1, 5, 63, 64, 65, 1003):
            data = bytes(i * 7 % 256 for i in range(size))
            expected = bytes(byte ^ key[i % 4] for i, byte in enumerate(data))
            self.assertEqual(bytes(_socket._xor(memoryview(data), key)), expected)
            kept, _socket.np = _socket.np, None
            try:
                self.assertEqual(bytes(_socket._xor(memoryview(data), key)), expected)
            finally:
                _socket.np = kept


class Settings(unittest.TestCase):
    def test_addresses(self):
        for url, host, port, prefix in (
            ("http://127.0.0.1:8000", "127.0.0.1", 8000, "/"),
            ("http://lab.test/user/x/proxy/8000/", "lab.test", 80, "/user/x/proxy/8000/"),
            ("https://[::1]:8443/?token=abc", "::1", 8443, "/"),
        ):
            with self.subTest(url):
                made = sluice.Sluice(url)
                self.assertEqual((made._host, made._port, made._prefix), (host, port, prefix))
        self.assertEqual(sluice.Sluice("http://h/?token=abcdefgh")._token, "abcdefgh")

    def test_refusals(self):
        for url in ("127.0.0.1:8000", "ftp://h", "http://", "http://h:99999"):
            with self.subTest(url), self.assertRaises(SluiceError):
                sluice.Sluice(url)
        with self.assertRaises(SluiceError):
            sluice.Sluice(token="a\r\nX: y")
        for name in ("", "..", "a/b", "x" * 65):
            with self.subTest(name), self.assertRaises(SluiceError) as caught:
                sluice.Sluice().stream(name)
            self.assertEqual(caught.exception.code, "bad-name")
        with self.assertRaises(SluiceError):
            sluice.Sluice().stream("a", in_flight=9)


if __name__ == "__main__":
    unittest.main()
