"""`vitrine encoder`: add, list and show variants, convert checkpoints."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from encoder.checkpoint import DEFAULT_BASE
from encoder.errors import EncoderError
from encoder.template import DEFAULT_TEMPLATE, TEMPLATES
from encoder.variant import WEIGHT_KEY, Variant
from encoder.variants import Variants
from vitrine import home
from vitrine.command import CommandLine, Json, messages, print_json

app = CommandLine(
    help="Variants: named ways to embed products, each a dual encoder, an optional LoRA "
    "adapter and a text template.",
    no_args_is_help=True,
)

Name = Annotated[str, typer.Argument(help="Lower-case letters, digits and underscores.")]


@app.command()
def add(
    name: Name,
    base: Annotated[
        str,
        typer.Option(help="Folder of a checkpoint (CLIP, SigLIP, an embedder, …), or its hub id."),
    ] = DEFAULT_BASE,
    adapter: Annotated[
        Path | None, typer.Option(help="Folder of a LoRA adapter in PEFT's format; it is copied.")
    ] = None,
    adapter_weight: Annotated[
        float, typer.Option("--adapter-weight", help="Factor on the adapter's change: 0 to 1.")
    ] = 1.0,
    strength: Annotated[float | None, typer.Option(hidden=True)] = None,
    template: Annotated[
        str,
        typer.Option(help=f'One of {", ".join(TEMPLATES)}, or a format: "{{title}} by {{brand}}".'),
    ] = DEFAULT_TEMPLATE,
    revision: Annotated[
        str | None, typer.Option(help="Branch, tag or commit on the hub; main by default.")
    ] = None,
    text_model: Annotated[
        str | None,
        typer.Option(
            help="Folder or hub id of a SentenceTransformer model for the texts; "
            "pictures stay with the base."
        ),
    ] = None,
    dim: Annotated[
        int | None,
        typer.Option(
            min=1, help="Numbers kept of an embedder's vectors (Matryoshka); all by default."
        ),
    ] = None,
    open_clip: Annotated[
        bool,
        typer.Option(
            "--open-clip", help="The base is an open_clip checkpoint, as Marqo's are: convert it."
        ),
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Replace another variant of that name.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Add a variant.

    vitrine add zeroshot

    vitrine add photo --base ../models/clip-photo --template title

    vitrine add words --text-model sentence-transformers/all-MiniLM-L6-v2

    vitrine add qwen --base Qwen/Qwen3-VL-Embedding-2B --dim 1024

    vitrine add marqo --base Marqo/marqo-ecommerce-embeddings-B --open-clip
    """
    plain = _converted(base, revision) if open_clip else nullcontext((base, revision))
    with plain as (found, found_revision):
        variant = Variants(home()).add(
            name,
            found,
            adapter=adapter,
            adapter_weight=adapter_weight if strength is None else strength,
            template=template,
            revision=found_revision,
            text_model=text_model,
            dim=dim or 0,
            force=force,
            keep_base=True,
        )
    _print_one(_facts(variant), as_json)


@contextmanager
def _converted(base: str, revision: str | None) -> Iterator[tuple[str, None]]:
    """An open_clip checkpoint in the transformers format, in a folder for the time of the copy."""
    from encoder.conversion import convert as convert_checkpoint

    home().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".converted-", dir=home()) as folder:
        name = Path(base).name if Path(base).is_dir() else base.replace("/", "-")
        found = convert_checkpoint(base, Path(folder) / name, revision=revision)
        yield found.base, None


@app.command()
def convert(
    base: Annotated[str, typer.Argument(help="Folder of an open_clip checkpoint, or its hub id.")],
    folder: Annotated[Path, typer.Argument(help="Where the new checkpoint goes.")],
    revision: Annotated[
        str | None, typer.Option(help="Branch, tag or commit on the hub; main by default.")
    ] = None,
    tokenizer: Annotated[
        str | None,
        typer.Option(help="Folder or hub id of its tokenizer, where the checkpoint has none."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a ViT CLIP or ViT SigLIP of open_clip a checkpoint in the transformers format.

    `vitrine add … --open-clip` does the same on the way to a variant.

    vitrine convert Marqo/marqo-ecommerce-embeddings-B marqo-b
    """
    from encoder.conversion import convert as convert_checkpoint

    found = convert_checkpoint(base, folder, revision=revision, tokenizer=tokenizer)
    facts = {
        "folder": found.base,
        "model_type": found.config.model_type,
        "dim": found.dim,
        "image_side": found.image_side,
        "max_tokens": found.max_tokens,
    }
    _print_one(facts, as_json)


@app.command("list")
def list_variants(as_json: Json = False) -> None:
    """List the variants, and those whose manifest cannot be read with the reason."""
    known = Variants(home())
    variants: list[Variant] = []
    errors: list[dict[str, str]] = []
    for name in known.names():
        try:
            variants.append(known.get(name))
        except EncoderError as error:
            errors.append({"variant": name, "error": str(error)})
    if as_json:
        print_json({"variants": [_facts(variant) for variant in variants], "errors": errors})
        return
    table = Table("variant", box=None)
    for column in ("base", "text model", "adapter", "template", "vectors", "fingerprint"):
        table.add_column(column, overflow="fold", no_wrap=column == "fingerprint")
    for variant in variants:
        table.add_row(
            variant.name,
            variant.base,
            variant.manifest.text_model.name if variant.manifest.text_model else "the base",
            f"weight {variant.manifest.adapter_weight:g}" if variant.adapter_folder else "none",
            variant.template.name,
            str(variant.dim),
            variant.fingerprint,
        )
    Console().print(table)
    for each in errors:
        messages.print(Text.assemble((each["variant"], "red"), ": ", each["error"]), soft_wrap=True)
    if not variants and not errors:
        messages.print(
            f"No variant yet in {home()}: vitrine add NAME --base HUB_ID_OR_FOLDER",
            markup=False,
        )


@app.command()
def show(name: Name, as_json: Json = False) -> None:
    """Show a variant's manifest, and whether its base is unchanged."""
    variant = Variants(home()).get(name)
    try:
        variant.checkpoint()
        variant.text_model()
        state = "ready"
    except EncoderError as error:
        state = str(error)
    _print_one({**_facts(variant), "state": state}, as_json)


def _facts(variant: Variant) -> dict[str, Any]:
    return {**variant.manifest.to_dict(), "folder": str(variant.folder)}


def _print_one(facts: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(facts)
        return
    table = Table.grid("", "", padding=(0, 2), pad_edge=True)
    adapted = facts.get("adapter_hash")
    for key, value in facts.items():
        if value in ("", {}) or (key == WEIGHT_KEY and not adapted):
            continue
        if isinstance(value, dict):
            value = "\n".join(f"{name}: {part}" for name, part in value.items() if part)
        label = "adapter weight" if key == WEIGHT_KEY else key.replace("_", " ")
        table.add_row(label, Text(str(value), overflow="fold"))
    Console().print(table)


if __name__ == "__main__":
    app(prog_name="python -m encoder")
