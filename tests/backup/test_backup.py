"""A shop as an archive: whole, consistent, checked, and opened elsewhere."""

import json
import os
import shutil
import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from backup import BackupError, reading, writing
from backup.__main__ import app
from backup.archive import LAST
from backup.reading import check_archive, restore_archive
from backup.writing import write_archive
from catalog import CatalogError
from catalog.catalogue import Catalogue
from catalog.product import Product
from qdrant.store import open_embedded
from tests.qdrant.shop import SPEC, ids, shop, vectors

FILES = {
    "images/ab/ab12.jpg": b"a picture",
    "images/.parts/half": None,
    "variants/demo/manifest.json": b"{}",
    "variants/demo/openvino/float32/text.bin": b"weights",
    "variants/demo/openvino/cache/bfloat16/1.blob": None,
    "variants/demo/.openvino.lock": None,
    "vectors/0123/000001.crc32.part": b"vectors",
    "vectors/0123/" + "long/" * 40 + "x" * 120: b"a long name",
    "queries/spring.jsonl": b'{"text": "kettle"}\n',
    "judgements/spring/me.qrels": b"q1 0 p1 1\n",
    "holes.bin": bytes(3 << 20) + b"end",
    "training/run/state.bin": None,
    "uploads/seen.png": None,
    "ingest.lock": None,
    "calibration.json.new": None,
    "qdrant/demo/readers/1.lock": None,
}


def silent(count: int) -> None:
    pass


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop with files of every kind, of which tests copy what they change."""
    home = tmp_path_factory.mktemp("made") / "shop"
    for name, content in FILES.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_bytes(content or b"to be left out")
    with Catalogue(home) as catalogue:
        catalogue.upsert([Product(id="p1", title="kettle")])
    events = home / "events"
    events.mkdir(mode=0o700)
    with closing(sqlite3.connect(events / "events.sqlite")) as log, log:
        log.execute("CREATE TABLE search (text TEXT)")
    with open_embedded(home / "qdrant") as store:
        store.build(SPEC, shop(30))
        store.update(SPEC, shop(3, seed=1))
    (home / "qdrant" / "demo" / "20260101T000000-abcdef").mkdir()
    (home / "qdrant" / "demo" / "20260101T000000-abcdef" / "unfinished").write_text("x")
    return home


@pytest.fixture(params=["shop.tar", "shop.tar.zst"])
def archive(request: pytest.FixtureRequest, made: Path, tmp_path: Path) -> Path:
    out = tmp_path / request.param
    write_archive(made, out, silent)
    return out


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop of a catalogue and one file."""
    home = tmp_path_factory.mktemp("small") / "shop"
    with Catalogue(home):
        pass
    (home / "demo.md").write_text("a demo")
    return home


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_restored_shop_has_every_file_but_temporary_ones(
    archive: Path, made: Path, tmp_path: Path
):
    steps: list[int] = []
    facts = restore_archive(archive, tmp_path / "new" / "shop", steps.append)
    found = tree(tmp_path / "new" / "shop")
    assert {name: found.get(name) for name in FILES} == FILES
    assert sum(steps) == facts["bytes"] == sum(map(len, found.values()))
    assert facts["files"] == len(found)
    assert not [name for name in found if "unfinished" in name or name.startswith(".")]
    assert (tmp_path / "new" / "shop" / "events").stat().st_mode & 0o777 == 0o700
    holes = (tmp_path / "new" / "shop" / "holes.bin").stat()
    assert holes.st_blocks * 512 < holes.st_size
    with Catalogue(tmp_path / "new" / "shop", create=False) as catalogue:
        assert catalogue.get(["p1"])["p1"].title == "kettle"


def test_a_moved_collection_answers_as_before_and_can_be_updated(
    archive: Path, made: Path, tmp_path: Path
):
    restore_archive(archive, tmp_path / "elsewhere", silent)
    queries = vectors(4, seed=9)
    with open_embedded(made / "qdrant") as old, open_embedded(tmp_path / "elsewhere/qdrant") as new:
        ours, theirs = (each.search("demo", queries, vector="text", k=9) for each in (new, old))
        assert [ids(hits) for hits in ours] == [ids(hits) for hits in theirs]
        new.update(SPEC, shop(35)[30:])
        assert new.count("demo") == 35


def test_what_a_database_has_not_merged_yet_is_in_the_archive(small: Path, tmp_path: Path):
    with Catalogue(small) as catalogue:
        catalogue.upsert([Product(id="p9", title="late")])
        write_archive(small, tmp_path / "a.tar", silent)
    restore_archive(tmp_path / "a.tar", tmp_path / "new", silent)
    with Catalogue(tmp_path / "new", create=False) as catalogue:
        assert catalogue.get(["p9"])["p9"].title == "late"


def test_no_archive_is_made_while_a_job_runs_and_no_job_runs_meanwhile(small: Path, tmp_path: Path):
    with Catalogue(small) as catalogue:
        with (
            catalogue.exclusive("images"),
            pytest.raises(CatalogError, match="ingest job is running"),
        ):
            write_archive(small, tmp_path / "a.tar", silent)

        def try_a_job(count: int) -> None:
            with pytest.raises(CatalogError, match="is running"), catalogue.exclusive("images"):
                pass

        write_archive(small, tmp_path / "a.tar", try_a_job)
    assert (tmp_path / "a.tar").exists()


def test_an_archive_is_written_whole_or_not_at_all(small: Path, tmp_path: Path):
    def fail(count: int) -> None:
        raise ZeroDivisionError

    (tmp_path / "a.tar.part").write_text("of a run that was killed")
    with pytest.raises(ZeroDivisionError):
        write_archive(small, tmp_path / "a.tar", fail)
    assert list(tmp_path.iterdir()) == []
    write_archive(small, tmp_path / "a.tar", silent)
    whole = (tmp_path / "a.tar").read_bytes()
    with pytest.raises(BackupError, match="exists already"):
        write_archive(small, tmp_path / "a.tar", silent)
    with pytest.raises(ZeroDivisionError):
        write_archive(small, tmp_path / "a.tar", fail, replace=True)
    assert (tmp_path / "a.tar").read_bytes() == whole


def test_a_file_that_becomes_shorter_while_it_is_read_is_named(small: Path, tmp_path: Path):
    home = tmp_path / "shop"
    shutil.copytree(small, home)
    (home / "zzz.bin").write_bytes(bytes(4 << 20))
    read = 0

    def shorten(count: int) -> None:
        nonlocal read
        read += count
        if read > 1 << 20:
            os.truncate(home / "zzz.bin", 0)

    with pytest.raises(BackupError, match=r"zzz\.bin was changed while it was archived"):
        write_archive(home, tmp_path / "a.tar", shorten)
    assert [path.name for path in tmp_path.iterdir()] == ["shop"]


def test_a_file_that_is_removed_before_its_turn_is_not_in_the_archive(small: Path, tmp_path: Path):
    home = tmp_path / "shop"
    shutil.copytree(small, home)
    write_archive(home, tmp_path / "a.tar", lambda _: (home / "demo.md").unlink(missing_ok=True))
    assert check_archive(tmp_path / "a.tar", silent)["files"] == 1


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.5, 0.7, 0.9, 0.999])
@pytest.mark.parametrize("name", ["a.tar", "a.tar.zst"])
def test_an_archive_that_is_damaged_or_cut_off_anywhere_leaves_nothing(
    small: Path, tmp_path: Path, name: str, share: float
):
    write_archive(small, tmp_path / name, silent)
    whole = (tmp_path / name).read_bytes()
    end = len(whole.rstrip(b"\0"))  # what pads a tar file has no meaning
    at = int(end * share)
    damaged = bytearray(whole)
    damaged[at] ^= 0xFF
    for content in (whole[:at], bytes(damaged)):
        (tmp_path / "bad").write_bytes(content)
        with pytest.raises(BackupError, match="is not a sound archive"):
            restore_archive(tmp_path / "bad", tmp_path / "new", silent)
        assert not (tmp_path / "new").exists()
        with pytest.raises(BackupError):
            check_archive(tmp_path / "bad", silent)


def member(name: str, **settings: object) -> tarfile.TarInfo:
    found = tarfile.TarInfo(name)
    for setting, value in settings.items():
        setattr(found, setting, value)
    return found


@pytest.mark.parametrize(
    ("hostile", "sentence"),
    [
        (member("../outside"), "leads out of"),
        (member("/outside"), "leads out of"),
        (member("images/../../outside"), "leads out of"),
        (member("images//x"), "leads out of"),
        (member("../folder", type=tarfile.DIRTYPE), "leads out of"),
        (member("link", type=tarfile.SYMTYPE, linkname="/etc"), "is a link or a device"),
        (member("link", type=tarfile.LNKTYPE, linkname="demo.md"), "is a link or a device"),
        (member("pipe", type=tarfile.FIFOTYPE), "is a link or a device"),
        (member("disk", type=tarfile.BLKTYPE), "is a link or a device"),
        (member("demo.md"), "demo.md twice"),
        (member("demo.md/below"), "twice"),
        (member("huge", size=1 << 50), "holds more than it states"),
        (member("x" * 9000), "too long"),
    ],
    ids=lambda value: (
        value.name[:20] + str(value.type) if isinstance(value, tarfile.TarInfo) else ""
    ),
)
def test_a_hostile_archive_writes_nothing_outside_and_leaves_nothing(
    small: Path, tmp_path: Path, hostile: tarfile.TarInfo, sentence: str
):
    write_archive(small, tmp_path / "a.tar", silent)
    with tarfile.open(tmp_path / "a.tar") as whole, tarfile.open(tmp_path / "bad.tar", "w") as bad:
        for each in whole.getmembers():
            if each.name == LAST:
                size, hostile.size = hostile.size, 0
                bad.addfile(hostile)
                hostile.size = size
                if size:
                    bad.fileobj.seek(-tarfile.BLOCKSIZE, 1)
                    bad.fileobj.write(hostile.tobuf(tarfile.GNU_FORMAT))
            bad.addfile(each, whole.extractfile(each))
    before = set(tmp_path.iterdir())
    with pytest.raises(BackupError, match=sentence):
        restore_archive(tmp_path / "bad.tar", tmp_path / "new", silent)
    assert set(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    "content", [b"", b"no archive", b"PK\x03\x04" + bytes(2000), bytes(20_000)]
)
def test_a_file_that_is_no_archive_is_an_error(tmp_path: Path, content: bytes):
    (tmp_path / "a.tar").write_bytes(content)
    with pytest.raises(BackupError, match="is not a sound archive"):
        check_archive(tmp_path / "a.tar", silent)


def test_a_header_never_fills_the_memory(tmp_path: Path):
    """The name of a member may be any number of bytes that stand before it."""
    header = member("././@LongLink", type=tarfile.GNUTYPE_LONGNAME, size=1 << 40)
    (tmp_path / "a.tar").write_bytes(header.tobuf(tarfile.GNU_FORMAT) + bytes(2048))
    with pytest.raises(BackupError, match="is not a sound archive"):
        check_archive(tmp_path / "a.tar", silent)


def test_an_archive_of_a_newer_version_is_named_as_such(small: Path, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(writing, "FORMAT", 2)
    write_archive(small, tmp_path / "a.tar", silent)
    with pytest.raises(BackupError, match="written by a newer Vitrine"):
        check_archive(tmp_path / "a.tar", silent)


def test_too_little_space_is_found_before_anything_is_unpacked(
    small: Path, tmp_path: Path, monkeypatch
):
    write_archive(small, tmp_path / "a.tar", silent)
    monkeypatch.setattr(
        reading.shutil, "disk_usage", lambda folder: shutil._ntuple_diskusage(9, 8, 1)
    )
    with pytest.raises(BackupError, match="has 1 free"):
        restore_archive(tmp_path / "a.tar", tmp_path / "new", silent)


def test_a_folder_that_is_not_empty_is_left_as_it_is(small: Path, tmp_path: Path):
    write_archive(small, tmp_path / "a.tar", silent)
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "mine").write_text("mine")
    with pytest.raises(BackupError, match="is not empty"):
        restore_archive(tmp_path / "a.tar", tmp_path / "new", silent)
    assert tree(tmp_path / "new") == {"mine": b"mine"}


@pytest.mark.parametrize("moved", [0, 1])
def test_a_restoration_that_was_killed_is_begun_again(
    small: Path, tmp_path: Path, monkeypatch, moved: int
):
    write_archive(small, tmp_path / "a.tar", silent)
    replace = Path.replace
    calls: list[Path] = []

    def killed(path: Path, target: Path) -> None:
        if len(calls) == moved:
            raise KeyboardInterrupt
        calls.append(path)
        replace(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            restore_archive(tmp_path / "a.tar", tmp_path / "new", silent)
    assert not (tmp_path / "new" / "catalog.sqlite").exists()
    restore_archive(tmp_path / "a.tar", tmp_path / "new", silent)
    assert sorted(tree(tmp_path / "new")) == ["catalog.sqlite", "demo.md"]


def test_links_are_archived_as_what_they_lead_to_and_loops_are_errors(small: Path, tmp_path: Path):
    home = tmp_path / "shop"
    shutil.copytree(small, home)
    (tmp_path / "large").mkdir()
    (tmp_path / "large" / "one").write_text("1")
    (home / "images").symlink_to(tmp_path / "large")
    write_archive(home, tmp_path / "a.tar", silent)
    restore_archive(tmp_path / "a.tar", tmp_path / "new", silent)
    assert tree(tmp_path / "new")["images/one"] == b"1"
    (tmp_path / "large" / "loop").symlink_to(home)
    with pytest.raises(BackupError, match="link to a folder above it"):
        write_archive(home, tmp_path / "b.tar", silent)
    (tmp_path / "large" / "loop").unlink()
    (tmp_path / "large" / "lost").symlink_to(tmp_path / "nowhere")
    with pytest.raises(BackupError, match="link to nothing"):
        write_archive(home, tmp_path / "b.tar", silent)


def test_the_commands_print_what_they_did(small: Path, tmp_path: Path, monkeypatch):
    monkeypatch.setenv("VITRINE_HOME", str(small))
    out = str(tmp_path / "a.tar.zst")
    run = CliRunner().invoke
    written = run(app, ["backup", out, "--json"])
    assert json.loads(written.stdout)["archive"] == out
    assert "2 files" in run(app, ["backup", out, "--force"]).stdout
    monkeypatch.setenv("VITRINE_HOME", str(tmp_path / "new"))
    checked = json.loads(run(app, ["restore", out, "--check", "--json"]).stdout)
    assert not (tmp_path / "new").exists()
    restored = json.loads(run(app, ["restore", out, "--json"]).stdout)
    assert restored == {**checked, "home": str(tmp_path / "new")}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["backup", "{tmp}/a.zip"], "name the archive *.tar.zst (compressed) or *.tar."),
        (["backup", "{home}/a.tar"], "lies in the shop's own folder"),
        (["backup", "{tmp}/nowhere/a.tar"], "nowhere/a.tar.part: No such file or directory"),
        (["restore", "{tmp}/nothing.tar"], "nothing.tar: No such file or directory"),
        (["restore", "{home}/demo.md"], "is not a sound archive"),
    ],
)
def test_a_users_mistake_is_one_sentence(
    small: Path, tmp_path: Path, monkeypatch, words, sentence: str
):
    monkeypatch.setenv("VITRINE_HOME", str(small))
    words = [word.format(tmp=tmp_path, home=small) for word in words]
    answer = CliRunner().invoke(app, words)
    assert answer.exit_code == 1
    assert answer.stderr.replace("\n", "").count("Error:") == 1
    assert sentence in answer.stderr.replace("\n", "")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_shop_is_named(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("VITRINE_HOME", str(tmp_path / "none"))
    answer = CliRunner().invoke(app, ["backup", str(tmp_path / "a.tar")])
    assert (answer.exit_code, list(tmp_path.iterdir())) == (1, [])
    assert "There is no catalogue" in answer.stderr
