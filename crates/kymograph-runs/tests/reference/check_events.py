"""Reads event files with TensorBoard's own reader and prints what they hold as JSON.

    pip install -r events-requirements.txt && python check_events.py FOLDER

Every scalar comes as [step, value], every histogram as [step, smallest, largest, count, sum of counts], every image as
[step, height, width] with the size that its PNG really has.
"""

import json
import struct
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

events = EventAccumulator(sys.argv[1], size_guidance={"tensors": 0, "scalars": 0, "histograms": 0, "images": 0})
events.Reload()
tags = events.Tags()
found = {"scalars": {}, "histograms": {}, "images": {}}
for tag in tags["scalars"]:
    found["scalars"][tag] = [[e.step, e.value] for e in events.Scalars(tag)]
for tag in tags["histograms"]:
    rows = []
    for event in events.Histograms(tag):
        value = event.histogram_value
        rows.append([event.step, value.min, value.max, value.num, sum(value.bucket)])
    found["histograms"][tag] = rows
for tag in tags["images"]:
    rows = []
    for event in events.Images(tag):
        width, height = struct.unpack(">II", event.encoded_image_string[16:24])
        assert (width, height) == (event.width, event.height), tag
        rows.append([event.step, height, width])
    found["images"][tag] = rows
print(json.dumps(found))
