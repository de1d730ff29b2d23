"""The architecture: which package may import which, and no import cycle among files."""

import ast
import subprocess
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# Package → the packages that it may import.
MAY_IMPORT = {
    "vitrine": set(),
    "pictures": {"vitrine"},
    "catalog": {"vitrine", "pictures"},
    "encoder": {"vitrine"},
    "qdrant": {"vitrine"},
    "events": {"vitrine"},
    "backup": {"vitrine", "pictures", "catalog"},
    "search": {"vitrine", "pictures", "catalog", "encoder", "qdrant", "events"},
    "ingest": {"vitrine", "pictures", "catalog", "encoder", "qdrant"},
    "eval": {"vitrine", "pictures", "catalog", "encoder", "qdrant", "events", "search"},
    "finetune": {"vitrine", "pictures", "catalog", "encoder", "eval"},
    "api": {"vitrine", "pictures", "catalog", "events", "search"},
    "app": {"vitrine", "pictures", "catalog", "events", "search", "eval"},
    "demo": {"vitrine", "pictures", "catalog", "encoder", "qdrant", "events", "search", "ingest",
             "eval", "finetune", "api", "app", "benchmarks"},
    "benchmarks": {"vitrine", "pictures", "catalog", "encoder", "qdrant", "events", "search",
                   "ingest", "eval", "finetune", "api", "app", "demo"},
}  # fmt: skip
PACKAGES = {*MAY_IMPORT, "tests"}
NOT_NAMES = {"utils", "util", "helpers", "helper", "common", "core", "misc"}


def python_files() -> list[Path]:
    """Files that git knows or would add, so that a stray virtual environment does not count."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [Path(line) for line in listed.stdout.splitlines() if (ROOT / line).exists()]


def imports(node: ast.AST) -> set[str]:
    """Modules that the code under a node imports, and `module.name` for each imported name."""
    found: set[str] = set()
    for each in ast.walk(node):
        if isinstance(each, ast.Import):
            found |= {alias.name for alias in each.names}
        elif isinstance(each, ast.ImportFrom):
            assert each.level == 0, "relative imports are not used"
            found |= {each.module} | {f"{each.module}.{alias.name}" for alias in each.names}
    return found


def tree_of(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text())


def imported(tree: ast.Module) -> set[str]:
    """Modules that this one imports, in functions too; not those for type checkers alone."""
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            node.body = []
    return imports(tree)


@pytest.mark.parametrize("package", sorted(MAY_IMPORT))
def test_a_package_imports_only_the_packages_that_the_table_allows(package):
    allowed = MAY_IMPORT[package] | {package}
    assert [
        f"{path} imports {other}"
        for path in python_files()
        if path.parts[0] == package
        for other in sorted({name.split(".")[0] for name in imports(tree_of(path))} & PACKAGES)
        if other not in allowed
    ] == []


def test_no_files_import_each_other_in_a_circle():
    modules = {
        ".".join(path.with_suffix("").parts).removesuffix(".__init__"): path
        for path in python_files()
        if path.parts[0] in MAY_IMPORT
    }
    graph = {
        module: {name for name in imported(tree_of(path)) if name in modules} - {module}
        for module, path in modules.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" → ".join(reversed(error.args[1])))


def test_every_top_level_folder_with_code_is_a_package_of_the_table():
    assert {path.parts[0] for path in python_files() if len(path.parts) > 1} <= PACKAGES


def test_no_file_or_folder_is_named_for_being_shared():
    assert [
        path for path in python_files() if NOT_NAMES & {part.split(".")[0] for part in path.parts}
    ] == []


def test_no_module_of_the_app_has_the_name_of_a_package():
    modules = {path.stem for path in python_files() if path.parts[0] == "app"}
    assert modules & (PACKAGES | {"app"}) == set()
