# docker build -f launch/docker/gpu.Dockerfile -t tfnas:gpu .
# docker run --rm --gpus=all -v "$PWD/runs:/runs" tfnas:gpu python -m tfnas.search --method=darts --preset=paper --dataset=cifar10 --data_dir=/runs/data --devices=auto --out=/runs/darts
#
# TensorFlow's wheels bring CUDA and cuDNN; the host needs the driver and the
# NVIDIA Container Toolkit.
FROM python:3.11-slim
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY tfnas tfnas
COPY zoo zoo
RUN pip install --no-cache-dir '.[gpu]'
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
# Libraries keep their caches below HOME, for any user.
ENV HOME=/tmp PYTHONUNBUFFERED=1
WORKDIR /
CMD ["python", "-m", "tfnas.search", "--help"]
