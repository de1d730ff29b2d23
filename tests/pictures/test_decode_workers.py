import asyncio
import base64
import io
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from ingest.images import fetch_images
from ingest.products import load_products
from pictures import decode_workers
from pictures.decode_workers import DecodeWorkers
from pictures.errors import DecodeWorkerError, PictureError
from pictures.thumbnail import make_thumbnail
from tests import shop

ROOT = Path(__file__).parents[2]
# The real process, but for pictures that end in a word: what a decoder's flaws would do.
DOOMED = """
import os, signal
from pathlib import Path
from pictures import decode_worker

def make_thumbnail(data, *rest):
    if data.endswith(b"crash") or (data.endswith(b"once") and not Path(MARK).exists()):
        Path(MARK).touch()
        os.kill(os.getpid(), signal.SIGSEGV)
    if data.endswith(b"chatter"):
        os.write(1, b"warning: odd picture")
    while data.endswith(b"hang"):
        pass
    return make_real_thumbnail(data, *rest)

make_real_thumbnail = decode_worker.make_thumbnail
decode_worker.make_thumbnail, decode_worker.SECONDS = make_thumbnail, 1.0
decode_worker.main()
"""


def encoded(width: int = 500, height: int = 400, form: str = "JPEG") -> bytes:
    file = io.BytesIO()
    Image.effect_noise((width, height), 40).convert("RGB").save(file, form)
    return file.getvalue()


@pytest.fixture
def doomed(tmp_path, monkeypatch):
    code = f"MARK = {str(tmp_path / 'mark')!r}\n{DOOMED}"
    monkeypatch.setattr(decode_workers, "PROGRAM", [sys.executable, "-c", code])


def thumbnails(pictures: list[bytes], count: int = 2) -> list:
    """What becomes of some pictures asked for at once, the reason where it is an error."""

    async def run() -> list:
        async with DecodeWorkers(64, count) as processes:
            asked = (processes.thumbnail(data, f"picture {n}") for n, data in enumerate(pictures))
            return await asyncio.gather(*asked, return_exceptions=True)

    return [end.reason if isinstance(end, PictureError) else end for end in asyncio.run(run())]


def test_processes_shrink_as_the_function_does():
    pictures = [encoded(500 + n, 400) for n in range(6)]
    assert thumbnails(pictures) == [make_thumbnail(data, 64, "") for data in pictures]


def test_a_small_plain_picture_comes_back_as_it_went():
    small = encoded(40, 30)
    assert thumbnails([small])[0].data is small


def test_what_is_no_picture_has_the_decoders_own_reason():
    assert thumbnails([b"", b"<html>", encoded()[:900]]) == ["empty", "not a picture", "truncated"]


def test_a_picture_that_kills_its_process_is_told_and_all_others_are_shrunk(doomed):
    good = encoded()
    pictures = [good, good + b"crash", good, good + b"hang", good, good, good + b"crash", good]
    ends = thumbnails(pictures)
    assert [end for end in ends if isinstance(end, str)] == [
        "decoder crashed",
        "decoder hung",
        "decoder crashed",
    ]
    assert ends.count(make_thumbnail(good, 64, "")) == 5


def test_the_job_tells_a_picture_that_killed_its_decoder_and_keeps_the_others(doomed, tmp_path):
    rows = [
        {"id": str(n), "title": "product", "image": f"data:image/jpeg;base64,{told}"}
        for n, end in enumerate([b"", b"crash", b"1", b"2"])
        for told in [base64.b64encode(encoded() + end).decode()]
    ]
    load_products(tmp_path, shop.write_source(tmp_path / "source", rows))
    figures = fetch_images(tmp_path)
    assert (figures["stored"], figures["failed"]) == (3, {"decoder crashed": 1})


def test_a_process_killed_once_is_no_reason_to_give_a_picture_up(doomed):
    data = encoded() + b"once"
    assert thumbnails([data]) == [make_thumbnail(data, 64, "")]


def test_what_a_decoder_prints_is_no_answer(doomed):
    data = encoded() + b"chatter"
    assert thumbnails([data, data], count=1) == [make_thumbnail(data, 64, "")] * 2


def test_a_process_that_does_not_start_stops_the_job_with_a_sentence(monkeypatch):
    monkeypatch.setattr(decode_workers, "PROGRAM", [sys.executable, "-c", "raise SystemExit(3)"])
    (end,) = thumbnails([encoded()])
    assert isinstance(end, DecodeWorkerError)
    assert "status 3" in str(end)
    monkeypatch.setattr(decode_workers, "PROGRAM", ["/nowhere/python"])
    assert isinstance(thumbnails([encoded()])[0], DecodeWorkerError)


def children() -> list[str]:
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()


def test_no_process_is_left_however_the_work_ends(doomed):
    before = children()

    async def called_off() -> None:
        begun = asyncio.Event()

        async def work() -> None:
            async with DecodeWorkers(64, 2) as processes:
                await processes.thumbnail(encoded(), "first")
                begun.set()
                await processes.thumbnail(encoded() + b"hang", "second")

        task = asyncio.create_task(work())
        await begun.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    thumbnails([encoded()] * 3)
    asyncio.run(called_off())
    assert children() == before


def test_a_process_ends_with_its_input_and_not_by_ctrl_c():
    process = subprocess.Popen(
        decode_workers.PROGRAM, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    )
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(b"", timeout=20)
    assert (process.returncode, out) == (0, b"")
