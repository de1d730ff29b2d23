"""The architecture holds: each room imports only the rooms below it."""

import ast
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# DESIGN: room → the rooms it may import. Data flows one way.
MAY_IMPORT = {
    "catalog": set(),
    "encoder": set(),
    "qdrant": set(),
    "search": {"catalog", "encoder", "qdrant"},
    "ingest": {"catalog", "encoder", "qdrant"},
    "eval": {"catalog", "encoder", "qdrant", "search"},
    "finetune": {"catalog", "encoder", "eval"},
    "app": {"catalog", "search", "eval"},
}
MAY_IMPORT_ANY = {"demo", "benchmarks", "tests"}
ROOMS = set(MAY_IMPORT) | MAY_IMPORT_ANY
BAGS = {"utils", "util", "helpers", "helper", "common", "core", "misc"}


def tracked(suffix: str = ".py") -> list[Path]:
    """Files that git knows or would add, so that a stray virtual environment does not count."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [Path(line) for line in listed.stdout.splitlines() if line.endswith(suffix)]


def imported_rooms(path: Path) -> set[str]:
    tree = ast.parse((ROOT / path).read_text())
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module.split(".")[0])
    return names & ROOMS


@pytest.mark.parametrize("room", sorted(MAY_IMPORT))
def test_a_room_imports_only_the_rooms_below_it(room):
    allowed = MAY_IMPORT[room] | {room}
    trespasses = [
        f"{path} imports {other}"
        for path in tracked()
        if path.parts[0] == room
        for other in sorted(imported_rooms(path) - allowed)
    ]
    assert trespasses == []


def test_every_top_level_folder_with_code_is_a_room():
    folders = {path.parts[0] for path in tracked() if len(path.parts) > 1}
    assert folders <= ROOMS


def test_nothing_bears_the_name_of_a_bag():
    assert [
        path for path in tracked() if BAGS & {part.removesuffix(".py") for part in path.parts}
    ] == []


def test_no_module_of_the_app_bears_a_rooms_name():
    modules = {path.stem for path in tracked() if path.parts[0] == "app"}
    assert modules & (ROOMS | {"app"}) == set()
