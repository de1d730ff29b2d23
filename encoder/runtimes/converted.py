"""A converted model's files, in a folder beside the variant's manifest."""

import contextlib
import dataclasses
import json
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from filelock import FileLock

from encoder.files import digest_files, digest_json
from encoder.processor import ImageProcessor
from encoder.runtimes.machine import instructions, load_openvino
from encoder.runtimes.source import Source
from encoder.tokenizer import Tokenizer
from vitrine.whole_files import write_whole

LOCK, UNFINISHED = ".openvino.lock", ".openvino-"
FACTS, TOKENIZER, CACHE = "facts.json", "tokenizer.json", "cache"

# Counted up when the files' content changes: older ones are then made anew.
FORMAT = 1

# Graphs in float32 are run in bfloat16 too.
GRAPHS = {"float32": "float32", "bfloat16": "float32", "int8": "int8"}

NEVER = "torch"  # in place of a precision, where a model cannot be converted

Stats = dict[str, list[int]]  # sizes and times of change of files, by name


@dataclass(frozen=True)
class Facts:
    """What a query needs beside the graphs, and what the files were made from.

    Attributes:
        key: digest of the checkpoint, adapter, rules of the family, OpenVINO's version.
        precision: the one chosen for this machine; `NEVER` where there are no graphs.
        reason: why, one sentence.
        few: whether there were too few samples for int8.
        instructions: of the CPU that it was chosen for.
        sources: size and time of change of the checkpoint's and the adapter's files.
        digest: over all files but the facts and OpenVINO's cache.
        sizes: bytes of each of these files.
        padding: of texts, as in `encoder.families`.
        cleaner: key of `encoder.tokenizer.CLEANERS`; empty for none.
        max_tokens: most tokens of a text.
        processor: how pictures are prepared; None for a text model.
        prompts: of a text model, put before texts: for "query" and "document".
        refused: precisions that `vitrine eval precision` refused.
    """

    key: str
    precision: str
    reason: str
    few: bool
    instructions: list[str]
    sources: Stats
    digest: str
    sizes: dict[str, int]
    padding: Any
    cleaner: str
    max_tokens: int
    processor: ImageProcessor | None
    prompts: dict[str, str] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, file: Path) -> Self | None:
        """The facts in a file; None where it is missing, damaged or of another format."""
        try:
            value = json.loads(file.read_text(encoding="utf-8"))
            settings = value.pop("processor")
            return cls(**value, processor=_processor(settings) if settings else None)
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None

    def write(self, file: Path) -> None:
        """Write the facts as JSON."""
        write_whole(file, json.dumps(dataclasses.asdict(self), indent=2))


def _processor(settings: dict[str, Any]) -> ImageProcessor:
    lists = {name: tuple(each) for name, each in settings.items() if isinstance(each, list)}
    return ImageProcessor(**{**settings, **lists})


@dataclass(frozen=True)
class Converted:
    """A converted model on this disk, and its facts."""

    folder: Path
    facts: Facts

    @classmethod
    def find(cls, source: Source) -> Self | None:
        """A source's converted model; None where there is none, or one of another state.

        Raises:
            EncoderError: the source has changed since the variant was made.
        """
        facts = Facts.read(source.folder / FACTS)
        if facts is None or facts.key != key_of(source) or sizes_of(source.folder) != facts.sizes:
            return None
        if facts.instructions != instructions():  # chosen on another machine
            return None
        if facts.sources != stats_of(source):
            source.check()  # whether the content has changed takes longer to see
        return cls(source.folder, facts)

    def graph(self, part: str, precision: str) -> Path:
        """The file of a part's graph."""
        return self.folder / GRAPHS[precision] / f"{part}.xml"

    def named(self, precision: str) -> str:
        """The precision that a name means: "auto" is the one chosen by a trial."""
        return self.facts.precision if precision == "auto" else precision

    def has(self, precision: str) -> bool:
        """Whether the model can be run in a precision: it has the graphs, and the CPU can."""
        named = self.named(precision)
        if named == NEVER or (precision == "auto" and named in self.facts.refused):
            return False
        possible = named != "bfloat16" or "bfloat16" in self.facts.instructions
        return possible and self.graph("text", named).is_file()

    def tokenizer(self) -> Tokenizer:
        """The tokenizer, without transformers."""
        file, of_text_model = self.folder / TOKENIZER, self.facts.processor is None
        return Tokenizer.read(file, self.facts.cleaner, special=of_text_model)

    def refuse(self) -> None:
        """Have its precision not be chosen again; torch runs the model until it is converted anew.

        Raises:
            OSError: the facts cannot be written.
        """
        refused = sorted({*self.facts.refused, self.facts.precision})
        dataclasses.replace(self.facts, refused=refused).write(self.folder / FACTS)

    def whole(self) -> bool:
        """Whether every byte is as it was written."""
        return digest_of(self.folder) == self.facts.digest


def key_of(source: Source) -> str:
    """Digest of all that a converted model depends on."""
    return digest_json({"format": FORMAT, **source.key, "openvino": load_openvino().__version__})


def stats_of(source: Source) -> Stats:
    """Size and time of change of the files that a model is converted from.

    Raises:
        EncoderError: a folder of the source is missing.
    """
    stats: Stats = {}
    for folder in source.folders():
        for file in sorted(folder.iterdir()):
            if file.is_file():
                found = file.stat()
                stats[f"{folder.name}/{file.name}"] = [found.st_size, found.st_mtime_ns]
    return stats


def sizes_of(folder: Path) -> dict[str, int]:
    """Bytes of a converted model's files, by their name in its folder."""
    return {str(file.relative_to(folder)): file.stat().st_size for file in _files(folder)}


def digest_of(folder: Path) -> str:
    """Digest over a converted model's files."""
    return digest_json(
        {str(file.relative_to(folder)): digest_files([file]) for file in _files(folder)}
    )


def _files(folder: Path) -> list[Path]:
    graphs = [file for name in set(GRAPHS.values()) for file in folder.glob(f"{name}/*")]
    return sorted([*graphs, *folder.glob(TOKENIZER)])


@contextlib.contextmanager
def building(source: Source) -> Iterator[Path]:
    """A temporary folder that becomes the source's converted model, whole or not at all.

    Only one process builds at a time. What a killed one left is deleted.

    Raises:
        OSError: the variant's folder cannot be written.
    """
    parent = source.folder.parent
    with FileLock(parent / LOCK):
        for left in parent.glob(f"{UNFINISHED}*"):
            shutil.rmtree(left, ignore_errors=True)
        unfinished = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=parent))
        try:
            fresh = unfinished / source.folder.name
            fresh.mkdir()
            yield fresh
            if (fresh / FACTS).is_file():
                with contextlib.suppress(FileNotFoundError):
                    source.folder.rename(unfinished / "old")
                fresh.rename(source.folder)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
