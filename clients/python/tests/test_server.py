"""The client against a real server: SLUICE_TEST_URL, and SLUICE_TEST_TOKEN_URL for one whose token is "test-token-all"."""

import contextlib
import io
import json
import os
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.request
from urllib.parse import urlsplit

import sluice
from sluice import Receipt, Sluice, SluiceError

try:
    import numpy as np
except ImportError:
    np = None

URL = os.environ.get("SLUICE_TEST_URL", "")
TOKEN_URL = os.environ.get("SLUICE_TEST_TOKEN_URL", "")
GRAY = dict(width=16, height=16, format="gray")


def get(path):
    with urllib.request.urlopen(URL + path) as answer:
        return answer.read()


def picture(n):
    return bytes((i * 3 + n) % 256 for i in range(256))


def shown(stream):
    """Pixels of the newest picture, without numpy."""
    data = get(f"live/{stream}/snapshot.npy")
    return data[10 + int.from_bytes(data[8:10], "little") :]


class Relay:
    """A TCP relay that can be cut, and can refuse, as networks and restarting servers do."""

    def __init__(self, tls=None):
        self.tls = tls
        self.down = False
        self.held = False
        self.pairs = []
        parts = urlsplit(URL)
        self.target = (parts.hostname, parts.port)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.port}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                near, _ = self.listener.accept()
                threading.Thread(target=self.serve, args=(near,), daemon=True).start()

    def serve(self, near):
        if self.down:
            near.close()
            return
        with contextlib.suppress(OSError):
            if self.tls:
                try:
                    near = self.tls.wrap_socket(near, server_side=True)
                except OSError:
                    near.close()
                    return
            far = socket.create_connection(self.target)
            self.pairs.append((near, far))
            threading.Thread(target=self.pump, args=(far, near, True), daemon=True).start()
            self.pump(near, far, False)

    def pump(self, source, sink, answers):
        with contextlib.suppress(OSError):
            while True:
                data = source.recv(65_536)
                if not data:
                    break
                while answers and self.held:
                    time.sleep(0.01)
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        if not answers:
            source.close()
            sink.close()

    def cut(self):
        for pair in self.pairs:
            for end in pair:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
        self.pairs.clear()

    def close(self):
        self.cut()
        with contextlib.suppress(OSError):
            # Wakes the thread that accepts.
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


@unittest.skipUnless(URL, "SLUICE_TEST_URL is not set")
class Server(unittest.TestCase):
    def setUp(self):
        self.name = f"{self.id().rsplit('.', 1)[1]}-{time.time_ns() % 10**9}"
        self.sluice = Sluice(URL, timeout=5, retry=8)
        self.addCleanup(self.sluice.close)

    def relay(self, **more):
        relay = Relay(**more)
        self.addCleanup(relay.close)
        return relay

    def client(self, url, **more):
        client = Sluice(url, **{"timeout": 5, "retry": 8, **more})
        self.addCleanup(client.close)
        return client

    def raises(self, code, call, *args, **more):
        with self.assertRaises(SluiceError) as caught:
            call(*args, **more)
        self.assertEqual(caught.exception.code, code, str(caught.exception))
        return caught.exception

    def test_acquisition_starts_and_stops_the_live_view(self):
        def views():
            return [view for view in json.loads(get("api/live-views"))["items"] if view["stream"] == "acquiring"]

        with Sluice(URL) as client:
            # Before its first frame: the stream is made by it.
            stream = client.stream("acquiring")
            stream.acquisition(True, exposure=20)
            self.assertEqual([view["by"] for view in views()], ["source"])
            self.assertEqual(json.loads(get("api/live-views/long-exposure?stream=acquiring"))["exposure"], 20)
            stream.acquisition(False)
            self.assertEqual(views(), [])
            with self.assertRaisesRegex(SluiceError, "exposure"):
                stream.acquisition(True, exposure=-1)

    def test_receipt_and_pixels(self):
        stream = self.sluice.stream(self.name)
        now = time.time_ns() // 1000
        first = stream.push(picture(1), now, {"z": 3}, **GRAY)
        self.assertEqual(first, Receipt(1, now))
        self.assertEqual(shown(self.name), picture(1))
        second = stream.push(picture(2), now + 1, **GRAY)
        self.assertEqual(second.id, 2)
        self.assertEqual(shown(self.name), picture(2))
        self.assertIs(self.sluice.stream(self.name), stream)

    def test_device_timestamp(self):
        stream = self.sluice.stream(self.name)
        first = stream.push(picture(1), device_timestamp=5_000_000, metadata={"z": 1}, **GRAY)
        self.assertLess(abs(first.timestamp - time.time_ns() // 1000), 5_000_000)
        # Half a second of the camera's clock passes at once: nobody knows better than the camera.
        second = stream.push(picture(2), device_timestamp=5_400_000, **GRAY)
        self.assertIsNone(second.dropped)
        self.assertGreater(second.timestamp - first.timestamp, 250_000)
        self.assertEqual(stream.push(picture(3), device_timestamp=5_400_000, **GRAY).dropped, "not-rising")
        self.raises("bad-timestamp", stream.push, picture(4), device_timestamp=5.5, **GRAY)
        clock = json.loads(get(f"api/streams/{self.name}/stats"))["clock"]
        self.assertEqual(clock["steps"], 0)

    def test_dropped(self):
        stream = self.sluice.stream(self.name)
        now = time.time_ns() // 1000
        stream.push(picture(1), now, **GRAY)
        with self.assertLogs("sluice", "WARNING") as logged:
            again = stream.push(picture(2), now, **GRAY)
            future = stream.push(picture(2), now + 60_000_000, **GRAY)
        self.assertEqual((again.id, again.dropped), (0, "not-rising"))
        self.assertIn("capture times must rise", again.detail)
        self.assertEqual((future.id, future.dropped), (0, "future"))
        self.assertEqual(len(logged.output), 2)
        self.assertEqual(dict(stream.counts), {"accepted": 1, "not-rising": 1, "future": 1})
        self.assertEqual(shown(self.name), picture(1))

    def test_without_waiting(self):
        stream = self.sluice.stream(self.name, in_flight=4)
        for n in range(50):
            self.assertIsNone(stream.push(picture(n), wait=False, **GRAY))
            self.assertLessEqual(len(stream._waiting), 4)
        stream.flush()
        self.assertEqual(stream.counts, {"accepted": 50})
        self.assertEqual(stream.last.id, 50)

    def test_refused_picture(self):
        stream = self.sluice.stream(self.name)
        self.raises("bad-picture", stream.push, b"\xff\xd8 this is no JPEG")
        self.assertEqual(stream.push(picture(1), **GRAY).id, 1)
        # Nobody waited for the answer, so the next call tells.
        stream.push(b"\xff\xd8 this is no JPEG", wait=False)
        self.raises("bad-picture", stream.flush)
        self.assertEqual(stream.push(picture(1), **GRAY).id, 2)

    def test_too_large(self):
        stream = self.sluice.stream(self.name)
        error = self.raises("frame-too-large", stream.push, bytes(6_000_000), width=3000, height=2000, format="gray")
        self.assertIn("larger than this server takes", str(error))
        self.assertEqual(stream.push(picture(1), **GRAY).id, 1)

    def test_replaced(self):
        old = self.sluice.stream(self.name)
        old.push(picture(1), **GRAY)
        new = self.client(URL).stream(self.name)
        self.assertEqual(new.push(picture(2), **GRAY).id, 2)
        self.raises("replaced", old.push, picture(3), **GRAY)
        self.raises("replaced", old.push, picture(3), wait=False, **GRAY)
        self.assertTrue(old.closed)
        # A new hold takes the stream back.
        self.assertEqual(self.sluice.stream(self.name).push(picture(4), **GRAY).id, 3)

    def test_exclusive(self):
        self.sluice.stream(self.name).push(picture(1), **GRAY)
        other = self.client(URL).stream(self.name, exclusive=True)
        self.assertEqual(self.raises("publisher-busy", other.push, picture(2), **GRAY).status, 409)

    def test_lost_connection(self):
        relay = self.relay()
        stream = self.client(relay.url).stream(self.name)
        self.assertEqual(stream.push(picture(1), **GRAY).id, 1)
        relay.cut()
        self.assertEqual(stream.push(picture(2), **GRAY).id, 2)
        relay.down = True
        relay.cut()
        back = threading.Timer(0.7, lambda: setattr(relay, "down", False))
        back.start()
        self.addCleanup(back.join)
        self.assertEqual(stream.push(picture(3), **GRAY).id, 3)
        self.assertEqual(shown(self.name), picture(3))

    def test_lost_without_waiting(self):
        relay = self.relay()
        stream = self.client(relay.url).stream(self.name)
        stream.push(picture(1), **GRAY)
        relay.down = True
        relay.cut()
        longest = 0.0
        end = time.monotonic() + 10
        while not stream.counts["disconnected"] and time.monotonic() < end:
            start = time.monotonic()
            stream.push(picture(2), wait=False, **GRAY)
            longest = max(longest, time.monotonic() - start)
        self.assertLess(longest, 2)
        relay.down = False
        while stream.counts["accepted"] < 2 and time.monotonic() < end:
            stream.push(picture(3), wait=False, **GRAY)
            time.sleep(0.01)
        self.assertGreaterEqual(stream.counts["accepted"], 2)

    def test_lost_while_it_waits(self):
        relay = self.relay()
        stream = self.client(relay.url).stream(self.name)
        stream.push(picture(1), **GRAY)
        relay.held = True
        cut = threading.Timer(0.3, lambda: (relay.cut(), setattr(relay, "held", False)))
        cut.start()
        self.addCleanup(cut.join)
        # The server has it, the answer is lost: with its own time it is not shown twice.
        receipt = stream.push(picture(2), time.time_ns() // 1000, **GRAY)
        self.assertEqual(receipt.dropped, "not-rising")
        self.assertEqual(stream.push(picture(3), **GRAY).id, 3)

    def test_server_that_does_not_answer(self):
        relay = self.relay()
        stream = self.client(relay.url, timeout=0.5, retry=0.2).stream(self.name)
        stream.push(picture(1), **GRAY)
        relay.held = True
        start = time.monotonic()
        self.raises("unreachable", stream.push, picture(2), **GRAY)
        self.assertLess(time.monotonic() - start, 5)
        relay.held = False

    def test_unreachable(self):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        start = time.monotonic()
        error = self.raises("unreachable", self.client(f"http://127.0.0.1:{port}").stream("a").push, picture(1), **GRAY)
        self.assertLess(time.monotonic() - start, 3)
        self.assertIn(f"127.0.0.1:{port}", str(error))

    def test_stream_with_a_source(self):
        body = json.dumps({"source": {"type": "pattern"}}).encode()
        put = urllib.request.Request(f"{URL}api/streams/{self.name}", body, {"content-type": "application/json"}, method="PUT")
        urllib.request.urlopen(put).close()
        error = self.raises("conflict", self.sluice.stream(self.name).push, picture(1), **GRAY)
        self.assertIn("has a source of its own", str(error))

    def test_after_close(self):
        stream = self.sluice.stream(self.name)
        stream.push(picture(1), **GRAY)
        stream.close()
        stream.close()
        self.raises("closed", stream.push, picture(2), **GRAY)
        self.assertFalse([t for t in threading.enumerate() if t.name == f"sluice {self.name}"])

    @unittest.skipIf(np is None, "numpy is missing")
    def test_frames(self):
        pictures = {
            "f-gray": np.arange(48 * 64, dtype=np.uint8).reshape(48, 64),
            "f-deep": (np.arange(48 * 64, dtype=np.uint16) * 21).reshape(48, 64),
            "f-rgb": np.arange(48 * 64 * 3, dtype=np.uint8).reshape(48, 64, 3),
            "f-float": np.linspace(-1, 3, 48 * 64, dtype=np.float32).reshape(48, 64),
        }
        for name, picture in pictures.items():
            with Sluice(URL) as server:
                stream = server.stream(name)
                first = stream.push(picture)
                seen = stream.frames()
                id, timestamp, array = next(seen)
                self.assertEqual((id, timestamp), first[:2])
                np.testing.assert_array_equal(array, picture)
                self.assertEqual(array.dtype, picture.dtype)
                for _ in range(20):
                    receipt = stream.push(picture)
                    frame = next(seen)
                    self.assertEqual((frame.id, frame.timestamp), receipt[:2])
                small = next(stream.frames(width=16))
                self.assertEqual(small.array.shape[:2], (12, 16))
                seen.close()

    @unittest.skipIf(np is None, "numpy is missing")
    def test_frames_over_a_lost_connection(self):
        relay = Relay()
        near = Sluice(URL).stream("f-lost")
        near.push(np.zeros((16, 16), np.uint8))
        seen = Sluice(relay.url).stream("f-lost").frames()
        next(seen)
        relay.cut()
        receipt = near.push(np.ones((16, 16), np.uint8))
        frame = next(seen)
        while frame.id < receipt.id:
            frame = next(seen)
        self.assertEqual(frame.id, receipt.id)
        urllib.request.urlopen(urllib.request.Request(URL + "api/streams/f-lost", method="DELETE")).close()
        self.assertEqual([frame.id for frame in seen], [])

    @unittest.skipIf(np is None, "numpy is missing")
    def test_frames_of_no_stream(self):
        with self.assertRaises(SluiceError) as caught:
            next(Sluice(URL).stream("there-is-none").frames())
        self.assertEqual(caught.exception.code, "unknown-stream")

    def test_masked(self):
        stream = self.sluice.stream(self.name)
        stream.push(picture(1), **GRAY)
        self.assertFalse(stream._socket.masked)
        stream._socket.masked = True
        for n, meta in ((2, None), (3, {"a": "b"})):
            stream.push(picture(n), metadata=meta, **GRAY)
            self.assertEqual(shown(self.name), picture(n))

    def test_threads(self):
        stream = self.sluice.stream(self.name)

        def work():
            for n in range(20):
                stream.push(picture(n), **GRAY)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sum(stream.counts.values()), 80)

    def test_end_of_the_program(self):
        text = f"from sluice import Sluice; Sluice({URL!r}).stream({self.name!r}).push(bytes(range(256)), wait=False, width=16, height=16, format='gray')"
        subprocess.run([sys.executable, "-c", text], check=True, timeout=30, env={**os.environ, "PYTHONPATH": os.path.dirname(os.path.dirname(sluice.__file__))})
        self.assertEqual(shown(self.name), bytes(range(256)))

    def test_tls(self):
        with tempfile.TemporaryDirectory() as folder:
            cert, key = (os.path.join(folder, name) for name in ("cert.pem", "key.pem"))
            call = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-keyout", key, "-out", cert, "-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1"]  # fmt: skip
            try:
                subprocess.run(call, check=True, capture_output=True)
            except (OSError, subprocess.CalledProcessError):
                self.skipTest("openssl is missing")
            own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            own.load_cert_chain(cert, key)
            relay = self.relay(tls=own)
            error = self.raises("unreachable", self.client(relay.url).stream(self.name).push, picture(1), **GRAY)
            self.assertIn("certificate", str(error))
            stream = self.client(relay.url, ssl_context=ssl.create_default_context(cafile=cert)).stream(self.name)
            for n in range(3):
                stream.push(picture(n), **GRAY)
            large = bytes(1_000_000)
            for _ in range(5):
                stream.push(large, width=1000, height=1000, format="gray", wait=False)
            stream.flush()
            self.assertEqual(stream.counts["accepted"], 8)

    @unittest.skipUnless(TOKEN_URL, "SLUICE_TEST_TOKEN_URL is not set")
    def test_token(self):
        error = self.raises("unauthorized", self.client(TOKEN_URL).stream("a").push, picture(1), **GRAY)
        self.assertEqual(error.status, 401)
        self.raises("forbidden", self.client(TOKEN_URL, token="test-token-view").stream("a").push, picture(1), **GRAY)
        for client in (self.client(TOKEN_URL, token="test-token-all"), self.client(f"{TOKEN_URL}?token=test-token-all")):
            self.assertGreater(client.stream("a").push(picture(1), **GRAY).id, 0)

    @unittest.skipIf(np is None, "numpy is missing")
    def test_arrays(self):
        stream = self.sluice.stream(self.name)
        color = np.random.default_rng(3).integers(0, 256, (48, 64, 3), np.uint8)
        for given, expected in (
            (color, color),
            (color[::-1, ::2], color[::-1, ::2]),
            (np.asfortranarray(color[:, :, 0]), color[:, :, 0]),
            (color[:, :, 1].astype(">u2") * 257, color[:, :, 1].astype(np.uint16) * 257),
            (color[:, :, 2] / 255, (color[:, :, 2] / 255).astype(np.float32)),
            (color > 100, np.where(color > 100, 255, 0).astype(np.uint8)),
        ):
            receipt = stream.push(given)
            got = np.load(io.BytesIO(get(f"live/{self.name}/snapshot.npy?frame={receipt.id}")))
            np.testing.assert_array_equal(got, expected)
            self.assertEqual(got.dtype, expected.dtype)


if __name__ == "__main__":
    unittest.main()
