# The images of Vitrine: slim, without root. `serve` has the search page and the HTTP API, without
# torch, for shops whose models `vitrine ingest vectors` converted; `jobs` has everything.
# `docker compose` builds them, and so does:
#
#   docker build --target serve --tag vitrine:serve .
FROM python:3.11-slim-bookworm AS base

ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONPATH=/vitrine \
    VITRINE_HOME=/data \
    HF_HOME=/models

WORKDIR /vitrine
SHELL ["/bin/bash", "-o", "pipefail", "-c"]

# A new volume takes its owner from these folders.
RUN useradd --uid 10001 --user-group --create-home vitrine \
    && install --directory --owner=vitrine --group=vitrine /data /models

EXPOSE 8501
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8501/_stcore/health', timeout=3)"]
CMD ["vitrine", "app", "--host", "0.0.0.0", "--port", "8501"]

FROM base AS serve
COPY requirements-serve.txt constraints.txt ./
RUN pip install --no-cache-dir -r requirements-serve.txt -c constraints.txt
COPY . .
RUN pip install --no-cache-dir --no-deps --editable .
USER 10001:10001

FROM base AS jobs
# The package index for torch. In pip's default index torch is built for CUDA on Linux, which makes an
# image of 6.25 GB. The CPU build has another index, which torch's installation page has; with it all
# Python packages take 1.9 GB.
ARG TORCH_INDEX=

# Torch first: it has its own index, and its layer changes least. Then the other requirements, without
# those under "Tests" in requirements.txt.
COPY requirements.txt constraints.txt ./
RUN grep '^torch==' constraints.txt > torch.txt \
    && pip install --no-cache-dir ${TORCH_INDEX:+--index-url "${TORCH_INDEX}"} -r torch.txt
RUN sed '/^# Tests/,$d' requirements.txt > runtime.txt \
    && pip install --no-cache-dir -r runtime.txt -c constraints.txt

COPY . .
RUN pip install --no-cache-dir --no-deps --editable .

USER 10001:10001
