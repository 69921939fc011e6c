"""Numbers, events and nodes: without a server where that says something, else against a real one (SLUICE_TEST_URL)."""

import asyncio
import json
import math
import os
import signal
import subprocess
import sys
import threading
import time
import unittest
import urllib.error
import urllib.request

import sluice
from sluice import Data, Marker, Picture, Sluice, SluiceError, _nodes, _values, node
from test_server import URL, Relay

RAW = dict(width=16, height=16, format="gray")
PIXELS = bytes(range(256))


def get(path):
    try:
        with urllib.request.urlopen(URL + path) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        if error.code != 404:
            raise
        # Not there yet.
        return {"series": [], "items": [], "state": None}


def until(ask, done, seconds=20):
    end = time.monotonic() + seconds
    while True:
        answer = ask()
        if done(answer) or time.monotonic() > end:
            return answer
        time.sleep(0.02)


class Pacing(unittest.TestCase):
    def test_work_does_not_change_the_rate(self):
        pacer = _nodes._Pacer(30, 1000.0)
        now, ticks = 1000.0, 0
        while now < 1600.0:
            now += 0.02
            now += pacer.wait(now) + 0.0009
            ticks += 1
        self.assertIn(ticks, (18_000, 18_001))
        self.assertEqual(pacer.missed, 0)

    def test_late_by_less_than_a_tick(self):
        pacer = _nodes._Pacer(10, 0.0)
        self.assertEqual(pacer.wait(0.15), 0.0)
        self.assertAlmostEqual(pacer.wait(0.16), 0.04)
        self.assertEqual(pacer.missed, 0)

    def test_missed_ticks_are_left_out(self):
        pacer = _nodes._Pacer(10, 0.0)
        self.assertEqual(pacer.wait(1.03), 0.0)
        self.assertEqual(pacer.missed, 9)
        self.assertAlmostEqual(pacer.wait(1.04), 0.06)


class Restarting(unittest.TestCase):
    def decide(self, policy):
        return _nodes._Restart(policy, (0.5, 10.0), lambda low, high: 1.0)

    def test_policies(self):
        self.assertIsNone(self.decide("never").after(True, 0))
        self.assertIsNone(self.decide("on-failure").after(False, 0))
        self.assertEqual(self.decide("on-failure").after(True, 0), 0.5)
        self.assertEqual(self.decide("always").after(False, 0), 0.5)

    def test_backoff(self):
        decision = self.decide("on-failure")
        self.assertEqual([decision.after(True, 0.1) for _ in range(7)], [0.5, 1, 2, 4, 8, 10, 10])
        self.assertEqual(decision.after(True, 10.1), 0.5)

    def test_wrong_options(self):
        for more in (dict(fps=0), dict(fps=2000), dict(restart="sometimes"), dict(backoff=(2, 1))):
            with self.assertRaises(SluiceError, msg=str(more)):
                node("a", **more)(lambda: None)
        with self.assertRaises(SluiceError):
            sluice.start(lambda: None)
        with self.assertRaises(SluiceError):
            sluice.start(node("a b")(lambda: None))


class Numbers(unittest.TestCase):
    def test_gaps_and_vectors(self):
        self.assertEqual(_values._numbers({"a": 1, "b": 2.5, "c": None, "d": math.nan, "e": math.inf, "f": (1, None, math.nan)}), {"a": 1, "b": 2.5, "c": None, "d": None, "e": None, "f": [1, None, None]})

    def test_numpy(self):
        try:
            import numpy as np
        except ImportError:
            self.skipTest("numpy is missing")
        made = _values._numbers({"a": np.float32(0.5), "b": np.int64(3), "c": np.array([1.0, np.nan]), "d": np.bool_(True)})
        self.assertEqual(made, {"a": 0.5, "b": 3, "c": [1.0, None], "d": 1})
        self.assertEqual(json.loads(json.dumps(made)), made)
        self.assertEqual(_values._json({"x": np.int32(4), "y": np.arange(2)}, "data"), {"x": 4, "y": [0, 1]})

    def test_refused(self):
        for wrong in ({"a": "1"}, {"a": {}}, [1], 5):
            with self.assertRaises(SluiceError, msg=str(wrong)):
                _values._numbers(wrong)
        with self.assertRaises(SluiceError):
            _values._json({"a": object()}, "data")


@unittest.skipUnless(URL, "SLUICE_TEST_URL is not set")
class Server(unittest.TestCase):
    def setUp(self):
        self.name = f"{self.id().rsplit('.', 1)[1]}-{time.time_ns() % 10**9}"[:64]
        self.sluice = Sluice(URL, timeout=5, retry=8)
        self.addCleanup(self.sluice.close)

    def start(self, *nodes, **more):
        runner = sluice.start(*nodes, **{"server": URL, **more})
        self.addCleanup(runner.close)
        return runner

    def series(self, name="n", count=1):
        def ask():
            found = get(f"api/streams/{self.name}/metrics?step=0&names={name}")["series"]
            return found[0] if found else {"value": []}

        return until(ask, lambda series: len(series["value"]) >= count)

    def markers(self, count=1):
        return until(lambda: get(f"api/streams/{self.name}/markers")["items"], lambda items: len(items) >= count)

    # -- numbers and events of a stream

    def test_bound_to_the_last_frame(self):
        stream = self.sluice.stream(self.name)
        for n in range(10):
            wait = n % 2 == 0
            stream.push(PIXELS, wait=wait, **RAW)
            stream.metric({"n": n, "trace": [n, n + 1]})
        stream.data({"n": 9, "boxes": [{"x": 1, "y": 2, "w": 3, "h": 4}]})
        marker = stream.marker("here", kind="spike", data={"why": "test"})
        stream.flush()
        last = stream.last.id
        self.assertEqual((marker["label"], marker["kind"], marker["frame"], marker["data"]), ("here", "spike", last, {"why": "test"}))
        series = self.series(count=10)
        self.assertEqual(series["frame"], list(range(last - 9, last + 1)))
        self.assertEqual(series["value"], list(range(10)))
        self.assertEqual(self.series("trace", 10)["value"], [[n, n + 1] for n in range(10)])
        self.assertEqual(get(f"api/streams/{self.name}/data")["items"][0]["frame"], last)

    def test_told_where(self):
        stream = self.sluice.stream(self.name)
        first = stream.push(PIXELS, **RAW)
        stream.push(PIXELS, **RAW)
        stream.metric({"n": 1}, frame=first.id)
        self.assertEqual(stream.marker("a", frame=first.id)["frame"], first.id)
        self.assertEqual(stream.marker("b", timestamp=first.timestamp, end=first.timestamp + 5)["end"], first.timestamp + 5)
        self.assertTrue(stream.marker("c", id="open", open=True)["open"])
        closed = stream.marker("c", id="open", end=int(time.time() * 1e6) + 1_000_000)
        self.assertFalse(closed["open"])
        self.assertEqual(self.series()["frame"], [first.id])
        self.assertEqual(len(self.markers(3)), 3)

    def test_dropped_frame_keeps_its_time(self):
        stream = self.sluice.stream(self.name)
        now = time.time_ns() // 1000
        stream.push(PIXELS, now, **RAW)
        self.assertEqual(stream.push(PIXELS, now - 5, **RAW).dropped, "not-rising")
        stream.metric({"n": 1})
        stream.flush()
        self.assertEqual(self.series()["timestamp"], [now - 5])

    def test_refused(self):
        stream = self.sluice.stream(self.name)
        stream.push(PIXELS, **RAW)
        with self.assertRaises(SluiceError) as caught:
            stream.marker("x" * 501)
        self.assertEqual(caught.exception.code, "bad-value")
        stream.metric({"a|b": 1})
        stream.metric({"n": 1})
        with self.assertRaises(SluiceError) as caught:
            stream.flush()
        self.assertIn("a|b", str(caught.exception))
        # The wrong one has not taken the others with it.
        self.assertEqual(self.series()["value"], [1])
        stream.metric({"n": 2})
        stream.flush()

    def test_lost_connection_doubles_nothing(self):
        relay = Relay()
        self.addCleanup(relay.close)
        stream = Sluice(relay.url, timeout=2, retry=8).stream(self.name)
        self.addCleanup(stream.close)
        stream.push(PIXELS, **RAW)
        for n in range(40):
            if n in (10, 20, 30):
                relay.cut()
            if n == 20:
                relay.down = True
            if n == 25:
                relay.down = False
            stream.marker(f"m{n}", wait=False)
            time.sleep(0.01)
        stream.flush(20)
        labels = [marker["label"] for marker in self.markers(40)]
        self.assertEqual(sorted(labels), sorted(f"m{n}" for n in range(40)))

    # -- nodes

    def test_generator(self):
        @node(self.name, fps=50, **RAW)
        def cells():
            for n in range(1, 21):
                yield PIXELS, {"n": n}
                if n == 7:
                    yield Marker("seven", kind="spike"), Data({"n": n})

        runner = self.start(cells)
        self.assertTrue(runner.wait(20))
        self.assertEqual(runner.nodes[0]["state"], "ended")
        self.assertEqual(runner.nodes[0]["reason"], "node cells has come to its end; it is not started again")
        self.assertEqual((runner.nodes[0]["frames"], runner.nodes[0]["values"]), (20, 22))
        series = self.series(count=20)
        self.assertEqual(series["value"], list(range(1, 21)))
        self.assertEqual(series["frame"], list(range(series["frame"][0], series["frame"][0] + 20)))
        self.assertEqual([marker["frame"] for marker in self.markers()], [series["frame"][6]])
        self.assertEqual(next(cells())[0], PIXELS)

    def test_async_generator_and_function(self):
        closed = threading.Event()

        @node(self.name)
        async def waits():
            try:
                for n in range(3):
                    # Numbers without a frame of their own lie at the newest one: some of each.
                    await asyncio.sleep(0.2)
                    yield Picture(PIXELS, **RAW), {"n": n}
                await asyncio.sleep(1000)
            finally:
                closed.set()

        @node(self.name, fps=50, name="ticks")
        def ticks(context):
            self.assertEqual((context.name, context.run), ("ticks", 1))
            return {"m": 1}

        runner = self.start(waits, ticks)
        self.assertEqual(self.series(count=3)["value"], [0, 1, 2])
        self.assertGreaterEqual(len(self.series("m", 3)["value"]), 3)
        self.assertEqual(runner.close(), [])
        self.assertTrue(closed.is_set())
        self.assertEqual([each["state"] for each in runner.nodes], ["stopped", "stopped"])

    def test_failures_stay_apart(self):
        @node(self.name, fps=50, **RAW)
        def steady():
            while True:
                yield PIXELS

        runs = []

        @node(f"{self.name}-2", fps=50)
        def shaky(context):
            runs.append(context.run)
            yield {"n": 1}
            raise RuntimeError("the laser is off")

        with self.assertLogs("sluice", "ERROR") as logs:
            runner = self.start(steady, shaky, backoff=(0.05, 0.2))
            until(lambda: len(runs), lambda count: count >= 3)
        self.assertRegex(logs.output[0], r"node shaky failed: the laser is off; it starts again in 0\.\d s")
        self.assertEqual(runs[:3], [1, 2, 3])
        frames = runner.nodes[0]["frames"]
        self.assertGreater(until(lambda: runner.nodes[0]["frames"], lambda now: now > frames + 5), frames)
        self.assertEqual(runner.nodes[0]["starts"], 1)

    def test_wrong_yield(self):
        for item, words in (("picture", "str was yielded"), ((PIXELS, PIXELS), "2 pictures in one yield"), ({"a": "b"}, "metrics: a: str received")):

            @node(self.name, **RAW)
            def wrong(item=item):
                yield item

            with self.assertLogs("sluice", "ERROR") as logs:
                self.assertTrue(self.start(wrong, restart="never").wait(20))
            self.assertIn(words, logs.output[0])

    def test_one_maker(self):
        def make(name):
            @node(self.name, fps=50, name=name, **RAW)
            def cells():
                while True:
                    yield PIXELS

            return cells

        first = make("first")
        with self.assertLogs("sluice", "ERROR") as logs:
            runner = self.start(first)
            until(lambda: runner.nodes[0]["frames"], lambda frames: frames > 0)
            both = self.start(make("a"), make("b"), server=Sluice(URL))
            until(lambda: [each["state"] for each in both.nodes], lambda states: "failed" in states)
        self.assertRegex("".join(logs.output), "gets its pictures from node [ab]; a stream has one maker")
        # The other program took the stream over: the first one's node does not fight for it.
        self.assertTrue(runner.wait(20))
        self.assertRegex(runner.nodes[0]["reason"], "another program publishes .* it is not started again")

    def test_server_away(self):
        relay = Relay()
        self.addCleanup(relay.close)
        relay.down = True
        starts = []

        @node(self.name, fps=50, **RAW)
        def cells(context):
            starts.append(context.run)
            n = 0
            while True:
                n += 1
                yield PIXELS, {"n": n}

        with self.assertLogs("sluice", "WARNING"):
            runner = self.start(cells, server=Sluice(relay.url, timeout=2, retry=5))
            time.sleep(0.3)
        relay.down = False
        info = until(self.info, lambda now: now["state"] == "live")
        self.assertEqual(info["state"], "live")
        relay.cut()
        before = runner.nodes[0]["frames"]
        until(lambda: self.info()["lastFrame"]["id"], lambda id: id > info["lastFrame"]["id"] + 20)
        self.assertGreater(runner.nodes[0]["frames"], before)
        self.assertEqual(starts, [1])

    def info(self):
        return get(f"api/streams/{self.name}")

    def test_deaf_node(self):
        release = threading.Event()
        reached = threading.Event()

        @node(self.name)
        def deaf():
            reached.set()
            release.wait()
            yield {"n": 1}

        runner = self.start(deaf, deadline=0.1)
        reached.wait(10)
        with self.assertLogs("sluice", "WARNING"):
            self.assertEqual(runner.close(), ["deaf"])
        self.assertEqual(runner.nodes[0]["state"], "stuck")
        release.set()

    @unittest.skipIf(os.name == "nt", "no SIGINT")
    def test_interrupt(self):
        program = f"""
from sluice import node, run
@node({self.name!r}, fps=50, width=16, height=16, format="gray")
def cells():
    try:
        while True:
            yield bytes(range(256))
    finally:
        print("cleaned", flush=True)
print(run(cells, server={URL!r})[0]["state"])
"""
        env = {**os.environ, "PYTHONPATH": os.path.dirname(os.path.dirname(sluice.__file__))}
        child = subprocess.Popen([sys.executable, "-c", program], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.assertEqual((until(self.info, lambda now: now["state"] == "live"))["state"], "live")
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=20)
        self.assertEqual((child.returncode, out, err), (0, "cleaned\nstopped\n", ""))


if __name__ == "__main__":
    unittest.main()
