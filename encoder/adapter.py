"""LoRA adapters in PEFT's format: checked, identified, merged into a model."""

import json
import math
import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from encoder.digest import digest_files, digest_json
from encoder.errors import AdapterError, VariantInvalid

if TYPE_CHECKING:
    from transformers import CLIPModel

CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"
EXACT = re.compile("[0-9a-f]{40}|[0-9a-f]{64}")  # a commit of git, a sha256

# Fields that say where an adapter came from or how it was trained, not what it computes.
HISTORY = {
    "auto_mapping",
    "base_model_name_or_path",
    "inference_mode",
    "lora_dropout",
    "peft_version",
    "revision",
    "task_type",
}


def read_config(folder: Path) -> dict[str, Any]:
    """Read and check an adapter's settings, and see that its weights are whole.

    Raises:
        AdapterError: the folder is no LoRA adapter with safetensors, or a damaged one.
    """
    for name in (CONFIG, WEIGHTS):
        if not (folder / name).is_file():
            raise AdapterError(
                f"{folder} has no {name}: give the folder that PEFT's save_pretrained wrote "
                "(safetensors only)."
            )
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except ValueError as error:
        raise AdapterError(f"{folder / CONFIG} is not readable JSON: {error}.") from error
    kind = config.get("peft_type") if isinstance(config, dict) else None
    if kind != "LORA":
        raise AdapterError(f"{folder} is an adapter of the kind {kind!r}: Vitrine takes LoRA.")
    _weight_names(folder)
    return config


def check_base(folder: Path, base: str, revision: str) -> None:
    """Make sure that an adapter meets the base that it was trained on, where it names one.

    Another base of the same shape would take it without a word, and its vectors be worth little.
    Branches and tags move, so that only a commit or a digest decides.

    Args:
        folder: of the adapter.
        base: the base's name, for the sentence.
        revision: the base's commit on the hub, or the digest of its files.

    Raises:
        AdapterError: it was trained on another base.
    """
    config = read_config(folder)
    trained_on = config.get("revision") or ""
    if EXACT.fullmatch(trained_on) and trained_on != revision:
        raise AdapterError(
            f"The adapter in {folder} was trained on {config.get('base_model_name_or_path')} at "
            f"{trained_on[:12]}, not on {base} at {revision[:12]}: name the base it was trained on."
        )


def adapter_hash(folder: Path) -> str:
    """sha256 over the weights and the settings that take part in the arithmetic.

    PEFT writes sets in any order, so lists of module names are sorted first.
    """
    config = {
        key: sorted(value) if _names(value) else value
        for key, value in read_config(folder).items()
        if key not in HISTORY
    }
    return digest_json({"config": config, "weights": digest_files([folder / WEIGHTS])})


def check_adapter_weight(weight: float) -> float:
    """Admit any finite weight that is not negative: 0 is the base, 1 the adapter as trained."""
    if not (math.isfinite(weight) and weight >= 0):
        raise VariantInvalid(f"An adapter's weight is 0 or more, usually 1, not {weight}.")
    return float(weight)


def merge_adapter(model: "CLIPModel", folder: Path, weight: float = 1.0) -> "CLIPModel":
    """Add an adapter's weights, times `weight`, to the model's own.

    Loaded by `PeftModel.from_pretrained`: `get_peft_model` would start a fresh adapter instead,
    which computes the base's vectors without a word. Merged, it costs nothing per picture.

    Args:
        model: the base; changed in place.
        folder: PEFT's adapter_config.json and adapter_model.safetensors.
        weight: factor on the adapter's change.

    Returns:
        The model with the adapter in its weights.

    Raises:
        AdapterError: the adapter was made for a model of another shape.
    """
    from peft import PeftModel, get_peft_model_state_dict
    from peft.tuners.lora import LoraLayer

    read_config(folder)
    try:
        with warnings.catch_warnings():
            # PEFT asks transformers for an attribute by its old name, and for keys that are
            # missing it only warns; those are counted below.
            warnings.simplefilter("ignore")
            adapted = PeftModel.from_pretrained(model, folder, use_safetensors=True)
    except (RuntimeError, ValueError, KeyError) as error:
        raise AdapterError(_misfit(folder)) from error
    # Names that match nothing are only warned about by PEFT, and the base would answer.
    if _weight_names(folder) != set(get_peft_model_state_dict(adapted)):
        raise AdapterError(_misfit(folder))
    for module in adapted.modules():
        if isinstance(module, LoraLayer):
            # Its own `scale_layer` passes over tables of words.
            module.scaling = {name: scale * weight for name, scale in module.scaling.items()}
    return adapted.merge_and_unload()


def _weight_names(folder: Path) -> set[str]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(folder / WEIGHTS, framework="numpy") as weights:
            return set(weights.keys())
    except SafetensorError as error:
        raise AdapterError(
            f"The adapter in {folder} is damaged ({error}): train it again, or get the file again."
        ) from error


def _misfit(folder: Path) -> str:
    return (
        f"The adapter in {folder} does not fit this base checkpoint: it was trained on a model "
        "of other layers; name the base it was trained on."
    )


def _names(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
