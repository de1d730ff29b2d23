"""What the server measures, for Prometheus."""

import os
from pathlib import Path

import psutil
from prometheus_client import REGISTRY as OWN
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # where several processes write what they measure
SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)

REQUESTS = Counter(
    "vitrine_requests", "Requests by route, method and status", ["route", "method", "status"]
)
LATENCY = Histogram(
    "vitrine_request_seconds", "Time of a request by route", ["route"], buckets=SECONDS
)
ENCODING = Histogram("vitrine_encode_seconds", "Time of a search in the model", buckets=SECONDS)
TEXTS = Counter(
    "vitrine_text_vectors", "Texts of searches, by whether their vectors were cached", ["cache"]
)
STORE = Histogram(
    "vitrine_store_seconds", "Time of a search in the store and in ranking", buckets=SECONDS
)
CONFIDENCE = Histogram(
    "vitrine_confidence",
    "Calibrated chance that the shop has what was searched for",
    buckets=[step / 10 for step in range(1, 11)],
)
NOTHING_FITS = Counter("vitrine_nothing_fits", "Searches of which probably no result fits")
WAITING = Gauge(
    "vitrine_waiting_searches", "Searches that wait for a thread", multiprocess_mode="livesum"
)
BATCH = Histogram(
    "vitrine_batch_size", "Searches that are answered together", buckets=(1, 2, 4, 8, 16, 32)
)
REFUSED = Counter(
    "vitrine_refused", "Requests that were refused for their number, by reason", ["reason"]
)


EVENTS = Counter("vitrine_events", "Events that were sent, by what became of them", ["outcome"])
UNLOGGED = Counter("vitrine_unlogged_searches", "Searches that the log could not keep")


def render() -> bytes:
    """What was measured, of all processes of the server, in Prometheus's text format."""
    if not os.environ.get(FOLDER):
        return generate_latest(OWN)
    for file in Path(os.environ[FOLDER]).glob("gauge_live*.db"):
        process = int(file.stem.rpartition("_")[2])
        if not psutil.pid_exists(process):  # what waited in it waits no longer
            mark_process_dead(process)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)
    return generate_latest(registry)
