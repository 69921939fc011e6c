"""A foreign WHEP viewer: GStreamer's webrtcbin. Prints a line of JSON for each decoded frame: size, time on its own clock in ns, levels of the
barcode's cells; and for each decoded block of sound: rate, samples, the loudest one of 1. `whep_gstreamer.py URL H264|VP8 FRAMES`"""

import json
import sys
import urllib.request

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

url, codec, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
Gst.init(None)
loop = GLib.MainLoop()
pipe = Gst.Pipeline.new("viewer")
webrtc = Gst.ElementFactory.make("webrtcbin")
webrtc.set_property("bundle-policy", "max-bundle")
pipe.add(webrtc)
seen = 0


def tell(line):
    """In one piece: pictures and sound come in threads of their own."""
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def first(*names):
    return next(name for name in names if Gst.ElementFactory.find(name))


def on_sample(sink):
    global seen
    sample = sink.emit("pull-sample")
    shape = sample.get_caps().get_structure(0)
    width, height = shape.get_value("width"), shape.get_value("height")
    buffer = sample.get_buffer()
    data = buffer.extract_dup(0, buffer.get_size())
    stride, side = (width + 3) // 4 * 4, width // 64
    spots = [
        sum(data[(row * side + side // 2 + dy) * stride + column * side + side // 2 + dx] for dy in (-1, 0) for dx in (-1, 0)) / 4
        for row in range(2)
        for column in range(64)
    ]
    if seen < count:
        tell({"width": width, "height": height, "pts": buffer.pts, "cells": spots})
    seen += 1
    if seen == count:
        GLib.idle_add(loop.quit)
    return Gst.FlowReturn.OK


def on_sound(sink):
    sample = sink.emit("pull-sample")
    buffer = sample.get_buffer()
    values = memoryview(buffer.extract_dup(0, buffer.get_size())).cast("h")
    line = {"rate": sample.get_caps().get_structure(0).get_value("rate"), "samples": len(values), "loudest": max(map(abs, values)) / 32768}
    if seen < count:
        tell(line)
    return Gst.FlowReturn.OK


def on_pad(_element, pad):
    if pad.direction != Gst.PadDirection.SRC:
        return
    if pad.get_current_caps().get_structure(0).get_value("media") == "audio":
        decode = "queue ! rtpopusdepay ! opusdec ! audioconvert ! audio/x-raw,format=S16LE,channels=1"
        return play(pad, f"{decode} ! appsink name=sink emit-signals=true sync=false", on_sound)
    decode = (
        f"queue ! rtph264depay ! h264parse ! {first('avdec_h264', 'openh264dec')}"
        if codec == "H264"
        else "queue ! rtpvp8depay ! vp8dec"
    )
    tail = "videoconvert ! video/x-raw,format=GRAY8 ! appsink name=sink emit-signals=true sync=false"
    play(pad, f"{decode} ! {tail}", on_sample)


def play(pad, description, on_new):
    part = Gst.parse_bin_from_description(description, True)
    pipe.add(part)
    part.get_by_name("sink").connect("new-sample", on_new)
    part.sync_state_with_parent()
    pad.link(part.get_static_pad("sink"))


def exchange():
    offer = webrtc.get_property("local-description").sdp.as_text()
    request = urllib.request.Request(url, offer.encode(), {"content-type": "application/sdp"}, method="POST")
    with urllib.request.urlopen(request) as answer:
        print(json.dumps({"status": answer.status, "location": answer.headers["location"]}), flush=True)
        text = answer.read()
    _, message = GstSdp.SDPMessage.new_from_text(text.decode())
    webrtc.emit("set-remote-description", GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, message), None)
    return False


def on_gathering(element, _property):
    if element.get_property("ice-gathering-state") == GstWebRTC.WebRTCICEGatheringState.COMPLETE:
        GLib.idle_add(exchange)


def on_offer(promise, _data):
    promise.wait()
    # The offer lives as long as the reply that it came with.
    reply = promise.get_reply()
    webrtc.emit("set-local-description", reply.get_value("offer"), None)


webrtc.connect("pad-added", on_pad)
webrtc.connect("notify::ice-gathering-state", on_gathering)
webrtc.connect("on-negotiation-needed", lambda element: element.emit("create-offer", None, Gst.Promise.new_with_change_func(on_offer, None)))
more = ",packetization-mode=(string)1,profile-level-id=(string)42e01f" if codec == "H264" else ""
caps = Gst.Caps.from_string(f"application/x-rtp,media=video,encoding-name={codec},payload=96,clock-rate=90000{more}")
webrtc.emit("add-transceiver", GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY, caps)
sound = Gst.Caps.from_string("application/x-rtp,media=audio,encoding-name=OPUS,payload=111,clock-rate=48000,encoding-params=(string)2")
webrtc.emit("add-transceiver", GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY, sound)
GLib.timeout_add_seconds(60, lambda: sys.exit("nothing within 60 s"))
pipe.set_state(Gst.State.PLAYING)
loop.run()
pipe.set_state(Gst.State.NULL)
