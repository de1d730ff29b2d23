"""A check of the weights of sentence-transformers' models, before they are loaded.

The libraries allocate what the settings describe, and fill what the files lack with random numbers.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from encoder.errors import EncoderError
from encoder.families import FAMILIES
from encoder.files import read_json
from encoder.hub import CONFIG, WEIGHTS
from encoder.schema import MAX_LAYERS, DenseConfig, read_schema
from encoder.sentence_files import not_loaded
from encoder.tokenizer import Tokenizer, check_vocabulary
from encoder.weights import check_weights

# Numbers of parts that are built one by one, by the ends of their names.
COUNTS = re.compile(r"(layers?|blocks|depths?|experts)$")
# BERT's pooler, which many checkpoints lack: sentence-transformers pools the tokens' states itself.
UNUSED = re.compile(r"(^|\.)pooler\.")
META = {"": "meta"}  # every part on torch's device without memory


def check_sentence_weights(folder: Path, name: str) -> None:
    """Check that a folder's files hold every weight of the model that its settings describe.

    Args:
        folder: checked by `encoder.sentence_files.check_folder`.
        name: of the model, for messages: "the text model X".

    Raises:
        EncoderError: they do not, the tokenizer is of another vocabulary, or the libraries cannot
            load it.
    """
    for key, count in _numbers(read_json(folder / CONFIG)):
        if COUNTS.search(key) and count > MAX_LAYERS:
            raise EncoderError(
                f"{folder / CONFIG} describes a model with {key} {count:,}, above {MAX_LAYERS}: "
                "get the files again, or use another model."
            )
    for file in folder.glob(f"*/{WEIGHTS}"):
        dense = read_schema(DenseConfig, file.parent / CONFIG)
        check_weights(file.parent, dense.in_features * dense.out_features, name)
    try:
        tokenizer = Tokenizer(folder, FAMILIES["clip"], longest=None)  # checks its steps
        taken = _vocabulary_size(folder)
    except Exception as error:  # several libraries' own, of any kind
        raise not_loaded(name, error) from error
    if taken is not None:
        check_vocabulary(tokenizer, taken, name)
    try:
        report = _report(folder)
    except Exception as error:
        raise not_loaded(name, error) from error
    missing = sorted(part for part in report["missing_keys"] if not UNUSED.search(part))
    if missing:
        raise EncoderError(
            f"The weights of {name} lack {len(missing):,} of the model's parts, {missing[0]} among "
            "them: get the files again."
        )
    if report["mismatched_keys"]:
        part, held, described = min(report["mismatched_keys"])
        raise EncoderError(
            f"The weights of {name} are of other shapes than its {CONFIG} describes ({part}: "
            f"{list(held)}, not {list(described)}): get the files again."
        )


def _numbers(value: Any, name: str = "") -> Iterator[tuple[str, int]]:  # noqa: ANN401 (JSON)
    """Whole numbers in a JSON value, by the innermost key."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _numbers(each, key)
    elif isinstance(value, list):
        for each in value:
            yield from _numbers(each, name)
    elif isinstance(value, int):
        yield name, value


def _vocabulary_size(folder: Path) -> int | None:
    """Number of tokens that the model takes; None where its settings do not name it so."""
    from transformers import AutoConfig

    settings = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    return getattr(settings.get_text_config(), "vocab_size", None)


def _report(folder: Path) -> dict[str, Any]:
    """Transformers' report of what the files lack, of a load without memory."""
    from sentence_transformers.base.modules import Transformer
    from transformers.utils import logging

    logging.disable_progress_bar()
    logging.set_verbosity_error()  # what it reports of missing weights is checked
    options = {
        "use_safetensors": True,
        "device_map": META,
        "ignore_mismatched_sizes": True,
        "attn_implementation": "sdpa",  # a file could name code for it, from a repository
    }
    # It finds the class: of an encoder and a decoder, the encoder alone.
    model: Any = Transformer.load(str(folder), local_files_only=True, model_kwargs=options)
    model = model.auto_model
    _, report = type(model).from_pretrained(
        folder, config=model.config, local_files_only=True, output_loading_info=True, **options
    )
    return report
