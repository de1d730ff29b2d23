import base64
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from multiprocessing import active_children, spawn
from pathlib import Path

import psutil
import pytest
from PIL import Image

from ingest.images import fetch_images
from ingest.products import load_products
from pictures import decode_workers
from pictures.decode_process import MEMORY
from pictures.decode_workers import DecodeWorkers, machine_memory, open_untrusted
from pictures.decoder import decode
from pictures.errors import PictureError
from pictures.limit import Busy
from pictures.thumbnail import make_thumbnail
from tests import shop
from tests.pictures.encoding import encoded, noise
from tests.pictures.failing_decoders import (
    allocate,
    decode_in_32_mebibytes,
    fail_by_ending,
    list_modules,
)
from tests.processes import still_running
from vitrine import VitrineError

ROOT = Path(__file__).parents[2]
LIMIT = 1.0  # seconds of processor time where a decoder hangs


PARENT = """
import io, sys
from PIL import Image
from pictures.decode_workers import open_untrusted
file = io.BytesIO()
Image.new("RGB", (80, 60)).save(file, "JPEG")
open_untrusted(file.getvalue())
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def workers() -> Iterator[DecodeWorkers]:
    with DecodeWorkers(2) as workers:
        yield workers


@pytest.fixture
def failing(monkeypatch):
    """Thumbnails are made by a decoder that fails where a file ends in a word."""
    monkeypatch.setattr(decode_workers, "make_thumbnail", fail_by_ending)


def thumbnails(workers: DecodeWorkers, pictures: list[bytes]) -> list:
    """The thumbnails of some pictures asked for at once; the reason where one cannot be made."""

    def one(data: bytes) -> object:
        try:
            return workers.thumbnail(data, 64, f"picture {len(data)}")
        except PictureError as error:
            return error.reason

    with ThreadPoolExecutor(len(pictures)) as threads:
        return list(threads.map(one, pictures))


def test_thumbnails_are_those_of_the_function(workers):
    pictures = [encoded(noise(500 + n, 400)) for n in range(6)] + [encoded(noise(40, 30))]
    assert thumbnails(workers, pictures) == [make_thumbnail(data, 64, "") for data in pictures]


def test_a_small_picture_is_decoded_to_the_same_pixels_as_in_this_process(workers):
    data = encoded(noise(500, 400), "PNG")
    assert workers.decode(data).tobytes() == decode(data).tobytes()


def test_of_a_large_picture_only_the_reduced_one_comes_back(workers):
    assert workers.decode(encoded(noise(1500, 600)), side=200).size == (500, 200)


def test_what_is_no_picture_has_the_decoders_own_reason_and_name(workers):
    pictures = [b"", b"<html>", encoded(noise())[:900]]
    assert thumbnails(workers, pictures) == ["empty", "not a picture", "truncated"]
    with pytest.raises(PictureError, match=r"^shop/a\.jpg is empty"):
        workers.decode(b"", "shop/a.jpg")


def test_a_picture_that_crashes_or_hangs_its_decoder_costs_only_itself(failing):
    good = encoded(noise())
    pictures = [good, good + b"crash", good, good + b"spin", good, good, good + b"crash", good]
    with DecodeWorkers(2, LIMIT) as workers:
        ends = thumbnails(workers, pictures)
    made = make_thumbnail(good, 64, "")
    expected = {1: "decoder crashed", 3: "decoder hung", 6: "decoder crashed"}
    assert ends == [expected.get(place, made) for place in range(len(pictures))]


def test_a_decoder_that_sleeps_is_ended_by_the_wall_clock(failing):
    with DecodeWorkers(1, 0.2) as workers:
        assert thumbnails(workers, [encoded(noise()) + b"sleep"]) == ["decoder hung"]


def test_a_process_that_was_killed_once_is_not_the_pictures_fault(failing, tmp_path, workers):
    data = encoded(noise()) + b"once"
    assert workers.thumbnail(data, 64, str(tmp_path / "mark")) == make_thumbnail(data, 64, "")


def test_a_pool_whose_idle_process_was_killed_goes_on(failing):
    data = encoded(noise())
    before = set(active_children())
    with DecodeWorkers(1) as workers:
        assert thumbnails(workers, [data]) == [make_thumbnail(data, 64, "")]
        for process in set(active_children()) - before:
            process.kill()
            process.join()
        assert make_thumbnail(data, 64, "") in thumbnails(workers, [data])


def test_the_job_records_a_picture_that_crashed_its_decoder_and_keeps_the_others(failing, tmp_path):
    rows = [
        {"id": str(n), "title": "product", "image": f"data:image/jpeg;base64,{content}"}
        for n, end in enumerate([b"", b"crash", b"1", b"2"])
        for content in [base64.b64encode(encoded(noise()) + end).decode()]
    ]
    load_products(tmp_path, shop.write_source(tmp_path / "source", rows))
    figures = fetch_images(tmp_path)
    assert (figures["stored"], figures["failed"]) == (3, {"decoder crashed": 1})


def test_a_process_has_a_limit_of_memory(workers):
    assert workers._run(allocate, b"1000000", 0, "") == 1_000_000
    with pytest.raises(MemoryError):
        workers._run(allocate, str(MEMORY).encode(), 0, "")


def test_a_picture_that_needs_more_memory_has_its_reason_and_the_process_goes_on(
    workers, monkeypatch
):
    large = encoded(Image.new("L", (8000, 8000)), "PNG", compress_level=1)
    monkeypatch.setattr(decode_workers, "make_thumbnail", decode_in_32_mebibytes)
    small = encoded(noise())
    ends = thumbnails(workers, [large, small])
    assert ends == ["too much memory", make_thumbnail(small, 64, "")]


def test_the_largest_pictures_within_the_cap_fit_into_the_memory_of_a_process(workers):
    grey = Image.new("I", (8000, 8000), 70_000)
    data = encoded(grey, "TIFF", compression="tiff_deflate")
    assert workers.thumbnail(data, 64, "").width == 64


def test_no_more_processes_are_started_than_the_machine_has_memory_for():
    assert DecodeWorkers(10_000).count == max(1, machine_memory() // MEMORY)


def test_a_process_imports_neither_models_nor_the_store_nor_the_web():
    with DecodeWorkers(1) as workers:
        loaded = set(workers._run(list_modules, b"", 0, ""))
    assert {"PIL.Image", "pictures.thumbnail"} <= loaded
    assert not loaded & {"torch", "qdrant_edge", "qdrant_client", "httpx", "numpy", "streamlit"}


def test_the_main_module_of_a_page_or_a_job_is_not_run_again_in_its_processes(tmp_path):
    script = tmp_path / "page.py"
    script.write_text(PARENT)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(script)]
    ended = subprocess.run(command, env=environment, input=b"", capture_output=True, check=False)
    assert (ended.stdout, ended.stderr, ended.returncode) == (b"ready\n", b"", 0)


def test_what_a_decoder_prints_reaches_neither_standard_stream(failing, capfd, workers):
    data = encoded(noise()) + b"print"
    assert thumbnails(workers, [data]) == [make_thumbnail(data, 64, "")]
    assert capfd.readouterr() == ("", "")


def test_processes_that_cannot_start_are_one_sentence():
    executable = spawn.get_executable()
    for broken in ("/bin/false", "/nowhere/python"):
        spawn.set_executable(broken)
        try:
            with DecodeWorkers(1) as workers, pytest.raises(VitrineError, match="to see why"):
                workers.decode(encoded(noise()))
        finally:
            spawn.set_executable(executable)


def test_closing_ends_what_is_under_way_and_every_process(failing):
    before = set(active_children())
    workers = DecodeWorkers(2)
    ends: list[Exception] = []

    def hang() -> None:
        try:
            workers.thumbnail(encoded(noise()) + b"spin", 64, "")
        except VitrineError as error:
            ends.append(error)

    thread = threading.Thread(target=hang)
    thumbnails(workers, [encoded(noise())])
    thread.start()
    workers.close()
    thread.join()
    assert len(ends) == 1
    assert set(active_children()) <= before
    with pytest.raises(VitrineError, match="closed"):
        workers.decode(encoded(noise()))


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM, None])
def test_processes_end_with_their_parent_however_that_ends(ending):
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert parent.stdout.readline() == b"ready\n"
    children = psutil.Process(parent.pid).children(recursive=True)
    assert len(children) >= 2
    if ending is not None:
        parent.send_signal(ending)
    parent.communicate()
    assert still_running(children) == []


def test_ctrl_c_is_the_parents_to_handle(workers):
    thumbnails(workers, [encoded(noise())] * 2)
    pids = [child.pid for child in active_children() if child.name == "pebble_pool_worker"]
    for pid in pids:
        os.kill(pid, signal.SIGINT)
    assert thumbnails(workers, [encoded(noise(40, 30))] * 2)
    assert [pid for pid in pids if not psutil.pid_exists(pid)] == []


def test_a_query_is_decoded_in_a_pool_that_the_process_shares():
    assert open_untrusted(encoded(noise(1200, 1100))).size == (1117, 1024)
    with pytest.raises(PictureError, match="is HTML, not a picture"):
        open_untrusted(b"<html>")


def test_one_query_more_than_the_limit_is_refused_at_once():
    with ExitStack() as others:
        for _ in range(decode_workers.AT_ONCE):
            others.enter_context(decode_workers._limit)
        with pytest.raises(Busy, match="16 pictures are being decoded; try again in a moment"):
            open_untrusted(encoded(noise()))
    assert open_untrusted(encoded(noise())).size == (500, 400)


def test_a_query_that_fails_gives_its_place_back():
    for _ in range(2 * decode_workers.AT_ONCE):
        with pytest.raises(PictureError):
            open_untrusted(b"<html>")
