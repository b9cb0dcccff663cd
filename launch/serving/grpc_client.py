"""Classify image files by TensorFlow Serving's gRPC.

pip install tensorflow-serving-api
python grpc_client.py localhost:8500 NAME cat.jpg dog.png
"""

import sys

import grpc
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

address, name, *files = sys.argv[1:]
request = predict_pb2.PredictRequest()
request.model_spec.name = name
request.model_spec.signature_name = "serving_bytes"
content = [tf.io.read_file(file).numpy() for file in files]
request.inputs["image_bytes"].CopyFrom(tf.make_tensor_proto(content))
with grpc.insecure_channel(address) as channel:
    service = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    outputs = service.Predict(request, timeout=60).outputs
found = {key: tf.make_ndarray(value) for key, value in outputs.items()}
for file, *row in zip(
    files, found["class"], found["probabilities"], strict=True
):
    print(file, row[0], f"{row[1].max():.3f}")
