"""A model's folder of sentence-transformers: its files, and a check that it runs no code."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from encoder.errors import EncoderError
from encoder.files import digest_files, digest_json, keep_files, read_json, read_json_list
from encoder.hub import CONFIG, FILES, WEIGHTS
from encoder.weights import weight_files

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

    from encoder.schema import TextModule

MODULES, TRANSFORMER = "modules.json", "sentence_bert_config.json"
TOKENIZER = "tokenizer_config.json"

# What a module may be. Any other class is code that this package does not know: a Router loads
# further modules, a WordEmbeddings unpickles.
MODULE = re.compile(
    r"sentence_transformers\.(?:[a-z_]+\.)*(Transformer|Pooling|Normalize|Dense|LayerNorm|Dropout)"
)
WITH_WEIGHTS = ("Dense", "LayerNorm")
# What a bad folder makes the libraries raise has no end; this is what the missing one names.
MISSING_LIBRARY = re.compile(r"requires the (\w+) library")
ACTIVATION = re.compile(r"torch\.nn\.modules\.(activation|linear)\.[A-Za-z]+")
# Settings of the Transformer module that would be handed to the libraries' loaders unchecked.
ARGUMENTS = (
    *("model_args", "tokenizer_args", "config_args"),
    *("model_kwargs", "processor_kwargs", "config_kwargs"),
    "tokenizer_name_or_path",
)


def files_in(folder: Path) -> list[Path]:
    """The files of a folder that loading it reads, in order."""
    return sorted({file for each in FILES for file in folder.glob(each) if file.is_file()})


def digest_folder(folder: Path) -> str:
    """sha256, in hex, over relative names and contents of those files."""
    files = {str(file.relative_to(folder)): file for file in files_in(folder)}
    return digest_json({name: digest_files([file]) for name, file in files.items()})


def copy_folder(base: str, folder: Path, target: Path) -> str:
    """Copy a local model into a shop's folder of checkpoints, unless it lies there already.

    Args:
        base: hub id, or absolute folder.
        folder: of its files.
        target: the copy, in the folder of checkpoints.

    Returns:
        The copy's folder; `base` where it is a hub id.

    Raises:
        OSError: it cannot be written.
    """
    if not Path(base).is_absolute() or folder.is_relative_to(target.parent):
        return base
    keep_files(folder, files_in(folder), target)
    return str(target)


def check_folder(folder: Path) -> None:
    """Check that loading a folder reads safetensors and runs classes of the library alone.

    Raises:
        EncoderError: it would not, or it has no weights.
    """
    from encoder.schema import (  # pydantic, which no search needs
        InputSettings,
        StoredWeights,
        TextModule,
        TokenizerSettings,
        read_schema,
        read_schema_list,
    )

    for module in read_schema_list(TextModule, read_json_list(folder / MODULES), folder / MODULES):
        _check_module(module, folder)
    settings = read_json(folder / CONFIG)
    StoredWeights.read(settings, folder / CONFIG)
    if (folder / TOKENIZER).is_file():
        read_schema(TokenizerSettings, folder / TOKENIZER)
    own = [key for key in ("auto_map", "quantization_config") if settings.get(key)]
    if (folder / TRANSFORMER).is_file():
        arguments = read_json(folder / TRANSFORMER)
        own += [key for key in ARGUMENTS if arguments.get(key)]
        read_schema(InputSettings, folder / TRANSFORMER)
    if own:
        raise EncoderError(
            f"{folder} sets {', '.join(own)}, which Vitrine does not use: choose a model without "
            "code and arguments of its own."
        )
    weight_files(folder)


def _check_module(module: "TextModule", folder: Path) -> None:
    matched = MODULE.fullmatch(module.type)
    if not matched:
        raise EncoderError(
            f"{folder} has a part of the type {module.type}, which Vitrine does not run: use a "
            "model of Transformer, Pooling, Normalize and Dense."
        )
    within = folder / module.path
    if matched[1] in WITH_WEIGHTS and not (within / WEIGHTS).is_file():
        raise EncoderError(
            f"{within} has no {WEIGHTS}: Vitrine reads weights as safetensors only; use another "
            "model."
        )
    if matched[1] == "Dense":
        activation = read_json(within / CONFIG).get("activation_function", "")
        if activation and not ACTIVATION.fullmatch(str(activation)):
            raise EncoderError(
                f"{within / CONFIG} names the activation {activation!r}: only torch's own are used."
            )


def load_folder(folder: Path, device: str) -> "SentenceTransformer":
    """Load a checked folder in float32, for inference.

    Raises:
        Exception: of any kind, of the libraries that load it.
    """
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    logging.disable_progress_bar()
    model = SentenceTransformer(
        str(folder),
        device=device,
        trust_remote_code=False,
        local_files_only=True,
        model_kwargs={
            "use_safetensors": True,
            "attn_implementation": "sdpa",
            "dtype": "float32",
        },
    )
    return model.eval()


def not_loaded(name: str, error: Exception) -> EncoderError:
    """What to raise for an error of the libraries that load a model.

    Args:
        name: of the model: "the text model X".
        error: of any kind.
    """
    reason = " ".join(str(error).split())[:200]
    subject = name[0].upper() + name[1:]
    if missing := MISSING_LIBRARY.search(reason):
        library = missing[1].lower()
        return EncoderError(
            f"{subject} needs {library}, which is not installed: install the {library} that "
            "belongs to the installed torch."
        )
    return EncoderError(
        f"{subject} cannot be loaded ({reason}): get it again, or use another model."
    )
