"""LoRA adapters in PEFT's format: checked, identified, merged into a model."""

import math
import re
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from encoder.errors import EncoderError, VariantInvalid
from encoder.files import digest_files, digest_json, read_json

if TYPE_CHECKING:
    from peft import LoraConfig
    from transformers import PreTrainedModel

CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"
# Tensors of a low-rank change, which is linear in the adapter's weight. DoRA's magnitudes, biases
# and whole modules are not: they replace what the base has.
LOW_RANK = re.compile(r"base_model\.model\.(.+)\.lora_(?:embedding_)?([AB])(?:\.weight|\.bias)?")
EXACT = re.compile("[0-9a-f]{40}|[0-9a-f]{64}")  # a git commit, a sha256

# Fields about an adapter's origin and training, not about what it computes.
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
    """Read and check an adapter's settings, and check that its weights are whole.

    Raises:
        EncoderError: the folder is no LoRA adapter with safetensors, or a damaged one.
    """
    from encoder.adapter_config import AdapterConfig  # pydantic, which no search needs

    config = read_json(folder / CONFIG)
    AdapterConfig.read(config, folder / CONFIG)
    if config.get("peft_type") != "LORA":
        raise EncoderError(
            f"{folder} is an adapter of the type {config.get('peft_type')!r}: Vitrine takes LoRA."
        )
    if not (folder / WEIGHTS).is_file():
        raise EncoderError(f"{folder} has no {WEIGHTS}: Vitrine reads safetensors only.")
    _shapes(folder)
    return config


def check_base(folder: Path, base: str, revision: str) -> None:
    """Check that a base is the one that an adapter was trained on, where the adapter names it.

    Another base of the same shape would accept it silently and give poor vectors.
    Branches and tags move, so only a commit or a digest is compared.

    Args:
        folder: of the adapter.
        base: the base's name, for the message.
        revision: the base's commit on the hub, or the digest of its files.

    Raises:
        EncoderError: it was trained on another base.
    """
    config = read_config(folder)
    trained_on = config.get("revision") or ""
    if EXACT.fullmatch(trained_on) and trained_on != revision:
        raise EncoderError(
            f"The adapter in {folder} was trained on {config.get('base_model_name_or_path')} at "
            f"{trained_on[:12]}, not on {base} at {revision[:12]}: name the base it was trained on."
        )


def adapter_hash(folder: Path) -> str:
    """sha256 over the weights and the settings that change vectors.

    PEFT writes sets in any order, so lists of module names are sorted first.
    """
    config = {
        key: sorted(value) if _names(value) else value
        for key, value in read_config(folder).items()
        if key not in HISTORY
    }
    return digest_json({"config": config, "weights": digest_files([folder / WEIGHTS])})


def check_adapter_weight(weight: float) -> float:
    """A finite weight that is not negative: 0 is the base, 1 the adapter as trained.

    Raises:
        VariantInvalid: another number.
    """
    if not (math.isfinite(weight) and weight >= 0):
        raise VariantInvalid(f"An adapter's weight is 0 or more, usually 1, not {weight}.")
    return float(weight)


def check_scalable(folder: Path, weight: float) -> None:
    """Check that an adapter can be merged with a weight: 0 must give the base's vectors.

    Raises:
        VariantInvalid: the weight is not 1, and the adapter has parts that it does not scale.
    """
    whole = sorted(name for name in _shapes(folder) if not LOW_RANK.fullmatch(name))
    if whole and weight != 1:
        raise VariantInvalid(
            f"The adapter in {folder} can have the weight 1 only, not {weight:g}: it replaces "
            f"{len(whole)} of the base's tensors, {whole[0]} among them, and scales none."
        )


def merge_adapter(model: "PreTrainedModel", folder: Path, weight: float = 1.0) -> "PreTrainedModel":
    """Add an adapter's weights, times `weight`, to the model's own.

    Loaded by `PeftModel.from_pretrained`: `get_peft_model` would start a fresh adapter instead,
    which silently computes the base's vectors. Merged, it costs nothing per picture.

    Args:
        model: the base; changed in place.
        folder: PEFT's adapter_config.json and adapter_model.safetensors.
        weight: factor on the adapter's change.

    Returns:
        The model with the adapter in its weights.

    Raises:
        EncoderError: the adapter was made for a model of another shape, or cannot have the weight.
    """
    from peft import PeftModel, get_peft_model_state_dict
    from peft.helpers import rescale_adapter_scale

    shapes = _shapes(folder)
    config = _lora_config(folder, shapes)
    check_scalable(folder, weight)
    try:
        with warnings.catch_warnings():
            # PEFT reads a deprecated attribute of transformers, and only warns of missing keys;
            # those are compared below.
            warnings.simplefilter("ignore")
            adapted = PeftModel.from_pretrained(model, folder, config=config, use_safetensors=True)
    except (RuntimeError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise EncoderError(_misfit(folder)) from error
    # PEFT only warns of names that match nothing, and the vectors would be the base's.
    if set(shapes) != set(get_peft_model_state_dict(adapted)):
        raise EncoderError(_misfit(folder))
    with rescale_adapter_scale(adapted, weight):
        return adapted.merge_and_unload()


def _lora_config(folder: Path, shapes: Mapping[str, Sequence[int]]) -> "LoraConfig":
    """PEFT's settings, made of checked values.

    PEFT would read more of the file: patterns that can take minutes to match, modules to import.

    Raises:
        EncoderError: not a LoRA adapter's settings, or a rank above that of the weights.
    """
    from peft import LoraConfig

    from encoder.adapter_config import AdapterConfig

    config = AdapterConfig.read(read_config(folder), folder / CONFIG)
    parts = {name: match for name in shapes if (match := LOW_RANK.fullmatch(name))}
    held = max((shapes[name][0] for name, match in parts.items() if match[2] == "A"), default=0)
    if max([config.r, *(config.rank_pattern or {}).values()]) > held:
        raise EncoderError(_misfit(folder))  # PEFT would allocate it
    return LoraConfig(
        target_modules=config.targets or sorted({match[1] for match in parts.values()}),
        rank_pattern=dict(config.rank_pattern or {}),
        alpha_pattern=dict(config.alpha_pattern or {}),
        **config.model_dump(
            include={
                "r",
                "lora_alpha",
                "modules_to_save",
                "bias",
                "fan_in_fan_out",
                "lora_bias",
                "use_rslora",
                "use_dora",
            }
        ),
    )


def _shapes(folder: Path) -> dict[str, list[int]]:
    """The shape of each tensor, by name."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(folder / WEIGHTS, framework="numpy") as weights:
            return {name: weights.get_slice(name).get_shape() for name in weights.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise EncoderError(
            f"The adapter in {folder} is damaged ({error}): train it again, or get the file again."
        ) from error


def _misfit(folder: Path) -> str:
    return (
        f"The adapter in {folder} does not fit this base checkpoint: it was trained on a model "
        "of other layers; name the base it was trained on."
    )


def _names(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
