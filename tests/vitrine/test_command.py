"""The one handler of errors, seen from outside: one line, no traceback, a status."""

import ctypes
import json
import os
import re
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ingest.products import load_products
from vitrine import VitrineError
from vitrine.command import CommandLine, Json, print_json

PR_CAPBSET_DROP = 24  # linux/prctl.h
CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 1, 2  # linux/capability.h: what lets root read anything
FILE_LIMIT = 200  # bytes


def _word(word: object) -> str | bytes:
    return word if isinstance(word, bytes) else str(word)


@pytest.fixture
def vitrine(tmp_path):
    """`vitrine …` as a process in a folder that is not the checkout."""

    def run(*words: object, before: Callable[[], None] | None = None, **environment: str):
        folder = tmp_path / "elsewhere"
        folder.mkdir(exist_ok=True)
        home = {"VITRINE_HOME": str(tmp_path / "home"), "COLUMNS": "200"}
        return subprocess.run(
            [sys.executable, "-m", "vitrine", *map(_word, words)],
            cwd=folder,
            env={**os.environ, **home, **environment},
            preexec_fn=before,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def sentence(ended: subprocess.CompletedProcess[str]) -> str:
    """The one line of an error that a user can put right."""
    assert (ended.returncode, ended.stdout) == (1, ""), ended.stderr
    [line] = ended.stderr.splitlines()
    assert line.startswith("Error: ")
    return line


@pytest.fixture
def command():
    """A command line with one command for each way to end."""
    app = CommandLine()

    @app.command("fails")
    def fails() -> None:
        raise VitrineError("The shop is closed: come back tomorrow.")

    @app.command("broken")
    def broken() -> None:
        raise ZeroDivisionError("an error of ours")

    @app.command("signal")
    def without_file() -> None:
        raise OSError(4, "Interrupted system call")

    @app.command("full")
    def full() -> None:
        raise OSError(28, "No space left on device")

    @app.command("large")
    def large(kind: str) -> None:
        raise {
            "object": MemoryError(),
            "fork": OSError(12, "Cannot allocate memory"),
            "library": ImportError("libmath.so: failed to map segment from shared object"),
            "tensor": RuntimeError("[alloc.cpp:1]\nAllocator: can't allocate memory: 9 bytes"),
            "bug": RuntimeError("an error of ours"),
        }[kind]

    @app.command("figures")
    def figures(as_json: Json = False) -> None:
        if as_json:
            print_json({"mean": float("nan"), "parts": [1.5, float("inf"), {"low": -0.0}]})

    return lambda *words: CliRunner().invoke(app, words)


def test_an_error_that_a_user_can_put_right_is_one_line(command):
    ended = command("fails")
    assert (ended.exit_code, ended.stdout) == (1, "")
    assert ended.stderr == "Error: The shop is closed: come back tomorrow.\n"


def test_a_full_disk_is_named_though_the_system_names_no_file(command):
    ended = command("full")
    assert (ended.exit_code, ended.stdout) == (1, "")
    assert ended.stderr.startswith("Error: No space left on device; free some space")


@pytest.mark.parametrize("kind", ["object", "fork", "library", "tensor"])
def test_memory_that_is_used_up_is_one_line_with_a_remedy(command, kind):
    ended = command("large", kind)
    assert (ended.exit_code, ended.stdout) == (1, "")
    [line] = ended.stderr.splitlines()
    assert line.startswith("Error: ")
    assert line.endswith("free some memory, or raise its limit, then run the same command again.")
    assert isinstance(command("large", "bug").exception, RuntimeError)


@pytest.mark.parametrize(("words", "error"), [("broken", ZeroDivisionError), ("signal", OSError)])
def test_an_error_of_our_own_is_not_caught(command, words, error):
    assert isinstance(command(words).exception, error)


def test_wrong_usage_is_status_two(command):
    assert command("fails", "--unknown").exit_code == 2
    assert command("unknown").exit_code == 2


def test_json_has_null_where_a_number_is_not_finite(command):
    ended = command("figures", "--json")
    assert json.loads(ended.stdout) == {"mean": None, "parts": [1.5, None, {"low": -0.0}]}
    assert "NaN" not in ended.stdout


def test_an_error_of_our_own_keeps_its_traceback(tmp_path):
    script = "from vitrine.command import CommandLine\napp = CommandLine()\n"
    script += "@app.command()\ndef run() -> None: 1 / 0\napp()\n"
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert ended.returncode == 1
    assert "Traceback" in ended.stderr
    assert "ZeroDivisionError" in ended.stderr


@pytest.mark.parametrize("words", [("ingest", "status"), ("encoder", "list"), ("search", "red")])
def test_a_file_where_the_installation_should_be_is_named(vitrine, tmp_path, words):
    (tmp_path / "home").write_text("a file")
    assert "home" in sentence(vitrine(*words))


def drop_roots_rights() -> None:
    """Root reads folders whatever their permissions, unless its next program may not."""
    libc = ctypes.CDLL(None)
    for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="root's rights are dropped as Linux does")
def test_a_folder_that_cannot_be_read_is_named(vitrine, tmp_path):
    variants = tmp_path / "home" / "variants" / "photo"
    variants.mkdir(parents=True)
    (variants / "manifest.json").write_text("{}")
    variants.chmod(0)
    try:
        found = sentence(vitrine("encoder", "show", "photo", before=drop_roots_rights))
    finally:
        variants.chmod(0o755)
    assert str(variants) in found


def test_a_disk_that_takes_no_more_is_named_and_nothing_half_written_stays(
    vitrine, tiny_clip, tmp_path
):
    def limit_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_LIMIT, FILE_LIMIT))

    ended = vitrine("add", "photo", "--base", tiny_clip, before=limit_files)
    variants = tmp_path / "home" / "variants"
    assert f"{variants}: File too large; raise the limit of file sizes" in sentence(ended)
    assert list(variants.iterdir()) == []


@pytest.mark.parametrize(
    "words",
    [
        ("search", b"\xff"),
        ("search", "red", "--category", b"a\xff"),
        ("ingest", "products", "x.csv", "--category", b"\xff"),
        ("ingest", "products", "x.csv", "--field", b"title=\xff"),
    ],
)
def test_words_that_are_not_utf8_are_wrong_usage(vitrine, words):
    ended = vitrine(*words)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "has bytes that are not UTF-8" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_words_are_utf8_in_a_locale_of_ascii_too(vitrine, furniture):
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    variant = vitrine("encoder", "show", "möbel", **ascii_only)
    assert sentence(variant).startswith("Error: No variant is called 'm\\xf6bel'")


def test_files_and_folders_may_have_names_that_are_not_utf8(vitrine, tiny_clip, tmp_path):
    source = os.fsencode(tmp_path) + b"/a\xff.jsonl"
    Path(os.fsdecode(source)).write_text('{"id": "1", "title": "a kettle", "image": "a.png"}\n')
    assert vitrine("ingest", "products", source).returncode == 0
    assert "\\udcff" in sentence(vitrine("ingest", "products", b"missing\xff.jsonl"))
    home = os.fsdecode(os.fsencode(tmp_path) + b"/home\xff")
    added = sentence(vitrine("add", "photo", "--base", tiny_clip, VITRINE_HOME=home))
    assert re.fullmatch(rf"Error: '{tmp_path}/home\\udcff/\S+' has bytes that are .*", added)
    assert vitrine("ingest", "products", source, VITRINE_HOME=home).returncode == 0
    ended = vitrine("ingest", "status", "--json", VITRINE_HOME=home)
    assert json.loads(ended.stdout)["home"] == home


@pytest.fixture
def furniture(vitrine, tmp_path):
    """A catalogue with a category that is not ASCII."""
    source = tmp_path / "products.jsonl"
    source.write_text('{"id": "1", "title": "Tür", "category": "Möbel"}\n')
    assert vitrine("ingest", "products", source, "--category-field", "category").returncode == 0
    return "Möbel"


@pytest.mark.parametrize(
    "terminal",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ],
)
def test_a_terminal_without_utf8_shows_ascii(vitrine, furniture, terminal):
    ended = vitrine("ingest", "status", **terminal)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "M?bel" in ended.stdout
    assert ended.stdout.isascii()
    listed = vitrine("ingest", "status", "--json", **terminal).stdout
    assert listed.isascii()
    assert furniture in json.loads(listed)["jobs"][0]["categories"]
    assert sentence(vitrine("ingest", "products", "öl.csv", **terminal)).isascii()


@pytest.mark.parametrize("words", [("ingest", "status"), ("ingest", "status", "--json")])
def test_a_reader_that_has_gone_ends_a_command_without_a_traceback(vitrine, furniture, words):
    reader, writer = os.pipe()
    os.close(reader)
    gone = vitrine(*words, before=lambda: os.dup2(writer, 1))
    os.close(writer)
    assert gone.stderr == ""
    closed = vitrine(*words, before=lambda: os.close(1))
    assert (closed.returncode, closed.stderr) == (0, "")


def test_wrong_usage_of_the_one_command_is_status_two(vitrine):
    ended = vitrine("polish")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "polish" in ended.stderr


def heavy_modules(folder: Path, *words: str) -> list[str]:
    """Lines that `vitrine …` prints in a folder, and a list of the heavy modules it imported."""
    script = "import sys; from vitrine.__main__ import app\n"
    script += f"try: app({list(words)})\n"
    script += "except SystemExit: print(sorted({'torch', 'transformers'} & set(sys.modules)))"
    environment = {name: value for name, value in os.environ.items() if name != "VITRINE_HOME"}
    ended = subprocess.run(
        [sys.executable, "-c", script], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert ended.stdout, ended.stderr
    return ended.stdout.splitlines()


@pytest.mark.parametrize(
    "words",
    ["add", "search", "ingest all", "ingest status", "eval run", "eval compare", "finetune", "app"],
)
def test_help_is_there_in_any_folder_and_imports_no_torch(tmp_path, words):
    *usage, modules = heavy_modules(tmp_path, *words.split(), "--help")
    assert f"{words} [OPTIONS]" in usage[0]
    assert modules == "[]"


def test_the_status_of_a_shop_imports_no_torch(tmp_path):
    source = tmp_path / "products.jsonl"
    source.write_text('{"id": "1", "title": "a teal kettle"}\n')
    load_products(tmp_path / "data", source)
    status, modules = heavy_modules(tmp_path, "ingest", "status", "--json")
    assert json.loads(status)["products"] == 1
    assert modules == "[]"
