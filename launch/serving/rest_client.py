"""Classify image files by TensorFlow Serving or KServe.

python rest_client.py http://localhost:8501 NAME cat.jpg dog.png
"""

import base64
import json
import sys
import urllib.request

url, name, *files = sys.argv[1:]
instances = []
for file in files:
    with open(file, "rb") as opened:
        instances.append({"b64": base64.b64encode(opened.read()).decode()})
body = {"signature_name": "serving_bytes", "instances": instances}
address = f"{url}/v1/models/{name}:predict"
request = urllib.request.Request(
    address, json.dumps(body).encode(), {"Content-Type": "application/json"}
)
with urllib.request.urlopen(request) as answer:
    predictions = json.load(answer)["predictions"]
for file, found in zip(files, predictions, strict=True):
    print(file, found["class"], f"{max(found['probabilities']):.3f}")
