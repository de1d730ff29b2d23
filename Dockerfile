# The shop in a container: slim, without root. `docker compose up` builds it.
FROM python:3.11-slim-bookworm

# Where torch comes from. Where pip looks by itself, it is built for CUDA on Linux; the CPU build, a
# tenth of that, has an index of its own, which torch's install page names.
ARG TORCH_INDEX=

ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONPATH=/vitrine \
    VITRINE_HOME=/data \
    HF_HOME=/models

WORKDIR /vitrine
SHELL ["/bin/bash", "-o", "pipefail", "-c"]

# The volumes take their owner from these folders when they are first made.
RUN useradd --uid 10001 --user-group --create-home vitrine \
    && install --directory --owner=vitrine --group=vitrine /data /models

# Torch first and alone: from its index, and a layer that changes least. Then all that runs; what
# stands under "Tests" in requirements.txt stays out.
COPY requirements.txt constraints.txt ./
RUN grep '^torch==' constraints.txt > torch.txt \
    && pip install --no-cache-dir ${TORCH_INDEX:+--index-url "${TORCH_INDEX}"} -r torch.txt
RUN sed '/^# Tests/,$d' requirements.txt > running.txt \
    && pip install --no-cache-dir -r running.txt -c constraints.txt

COPY . .
RUN pip install --no-cache-dir --no-deps --editable .

USER 10001:10001
EXPOSE 8501
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8501/_stcore/health', timeout=3)"]
CMD ["vitrine", "app", "--host", "0.0.0.0", "--port", "8501"]
