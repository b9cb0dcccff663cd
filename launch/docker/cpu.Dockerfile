# docker build -f launch/docker/cpu.Dockerfile -t tfnas:cpu .
# docker run --rm -v "$PWD/runs:/runs" tfnas:cpu python -m tfnas.search --method=darts --out=/runs/darts
FROM python:3.11-slim
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY tfnas tfnas
COPY zoo zoo
RUN pip install --no-cache-dir '.[cpu]'
# Libraries keep their caches below HOME, for any user.
ENV HOME=/tmp PYTHONUNBUFFERED=1
WORKDIR /
CMD ["python", "-m", "tfnas.search", "--help"]
