"""A dual encoder in training: LoRA adapters in its layers, or all of its weights."""

import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import torch
from torch import nn

from encoder.checkpoint import Checkpoint
from encoder.families import Family
from encoder.model import ClassTokenLayer, load_model, normalize_pixels
from encoder.tokenizer import text_inputs
from finetune.errors import FinetuneError
from finetune.loss import clamp_scale, factor
from finetune.sampling import seed_of
from finetune.settings import Settings

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedModel

MAX_NAMED = 12  # layers in an error message


class Model:
    """A dual encoder in training, float32; made by `Model.load`.

    Attributes:
        dual_encoder: the model; adapters are inside its layers.
        checkpoint: the base.
        trained: the trainable weights, by name.
        device: the model's.
    """

    def __init__(
        self, dual_encoder: "PreTrainedModel", checkpoint: Checkpoint, adapted: "PeftModel | None"
    ) -> None:
        self.dual_encoder: Any = dual_encoder
        self.checkpoint, self.device = checkpoint, dual_encoder.device
        self.trained: dict[str, nn.Parameter] = {
            name: weight for name, weight in dual_encoder.named_parameters() if weight.requires_grad
        }
        self._adapted = adapted

    @classmethod
    def load(cls, checkpoint: Checkpoint, settings: Settings, device: torch.device) -> Self:
        """Load a base and make it trainable.

        Raises:
            EncoderError: the weights cannot be read.
            FinetuneError: no layer has a target's name, or one cannot have an adapter; or the base
                has no bias, which the sigmoid loss needs.
        """
        if settings.objective == "sigmoid" and not checkpoint.family.bias:
            raise FinetuneError(
                f"{checkpoint.base} has no bias, which the sigmoid loss needs: leave objective "
                "out, for the loss that its family was trained with, or give a SigLIP checkpoint."
            )
        dual_encoder = load_base(checkpoint, device)
        adapted = None
        if settings.method == "full":
            dual_encoder.requires_grad_(True)
        else:
            adapted = _with_adapter(dual_encoder, checkpoint, settings)
        if checkpoint.family.class_token:
            _use_class_token_only(dual_encoder)
        return cls(dual_encoder, checkpoint, adapted)

    @property
    def scale(self) -> torch.Tensor:
        """Factor on the cosines, one over the temperature."""
        return factor(self._family.scale, self._parameter(self._family.scale))

    @property
    def bias(self) -> torch.Tensor | None:
        """Added to the scaled cosines; None where the family has none."""
        return self._parameter(self._family.bias) if self._family.bias else None

    @property
    def shared(self) -> list[nn.Parameter]:
        """The loss's own parameters, whose whole gradients every process computes."""
        names = (self._family.scale, self._family.bias)
        return [self._parameter(name) for name in names if name]

    @property
    def _family(self) -> Family:
        return self.checkpoint.family

    def _parameter(self, name: str) -> nn.Parameter:
        return getattr(self.dual_encoder, name)

    def image_features(self, pixels: torch.Tensor) -> torch.Tensor:
        """Image vectors (n, d), not normalised, of uint8 pixels (n, side, side, 3)."""
        pixels = pixels.to(self.device, non_blocking=True)
        values = normalize_pixels(pixels, self.checkpoint.processor)
        return self.dual_encoder.get_image_features(pixel_values=values).pooler_output

    def text_features(self, tokens: Sequence[Sequence[int]]) -> torch.Tensor:
        """Text vectors (n, d), not normalised, of the token ids of n texts."""
        inputs = text_inputs(tokens, self.checkpoint.family.padding)
        arrays = {
            name: torch.from_numpy(array).to(self.device, non_blocking=True)
            for name, array in inputs.items()
        }
        return self.dual_encoder.get_text_features(**arrays).pooler_output

    def clamp_scale(self) -> None:
        """Keep a trained temperature in the range where contrastive training is stable."""
        weight = self._parameter(self._family.scale)
        if weight.requires_grad and self._family.loss == "contrastive":
            clamp_scale(weight, self._family.scale)

    def tensors(self) -> dict[str, torch.Tensor]:
        """A copy of the trainable weights, on the CPU."""
        return {
            name: weight.detach().to("cpu", copy=True).contiguous()
            for name, weight in self.trained.items()
        }

    @torch.no_grad()
    def restore(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """Set the trainable weights to what `tensors` returned."""
        for name, weight in self.trained.items():
            weight.copy_(tensors[name])

    @torch.no_grad()
    def interpolate(self, weight: float) -> None:
        """Interpolate between base and trained weights (Wortsman et al. 2022, WiSE-FT).

        For a model whose weights were all trained; an adapter is weighted when it is merged.

        Args:
            weight: 0 is the base, 1 the trained model.
        """
        base = load_base(self.checkpoint, self.device).state_dict()
        for name, trained in self.trained.items():
            trained.copy_(torch.lerp(base[name], trained, weight))

    @contextmanager
    def weighted(self, weight: float) -> Iterator[None]:
        """Multiply the adapter's change by a weight, within a `with` statement."""
        from peft.helpers import rescale_adapter_scale

        assert self._adapted is not None  # noqa: S101 (full training has no adapter)
        with rescale_adapter_scale(self._adapted, weight):
            yield

    def is_finite(self) -> bool:
        """Whether no trainable weight is NaN or infinite."""
        return all(bool(weight.isfinite().all()) for weight in self.trained.values())

    def save_adapter(self, folder: Path) -> None:
        """Write the adapter in PEFT's format, with the name and revision of its base."""
        assert self._adapted is not None  # noqa: S101 (full training has no adapter)
        # With embedding layers PEFT would look the base's vocabulary up on the hub.
        self._adapted.save_pretrained(str(folder), save_embedding_layers=False)


def load_base(checkpoint: Checkpoint, device: torch.device) -> "PreTrainedModel":
    """A base as transformers has it: the encoder's, without its wrapper for inference."""
    dual_encoder: Any = load_model(checkpoint, None, 1.0, device)
    if checkpoint.family.class_token:
        layers = dual_encoder.vision_model.encoder.layers
        layers[-1] = layers[-1].layer
    return dual_encoder


def parameter_groups(weights: Iterable[nn.Parameter], weight_decay: float) -> list[dict[str, Any]]:
    """Groups for an optimiser: matrices decay; gains, biases and the temperature do not."""
    weights = list(weights)
    groups = [
        {"params": [each for each in weights if each.ndim >= 2], "weight_decay": weight_decay},
        {"params": [each for each in weights if each.ndim < 2], "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]


def cuda_of(device: torch.device) -> list[torch.device]:
    """The devices whose random state has to be saved beside the CPU's."""
    return [device] if device.type == "cuda" else []


def _with_adapter(
    dual_encoder: "PreTrainedModel", checkpoint: Checkpoint, settings: Settings
) -> "PeftModel":
    from peft import LoraConfig, get_peft_model

    _check_targets(dual_encoder, settings.targets)
    config = LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,  # type: ignore[arg-type] # annotated int, used as a factor
        lora_dropout=settings.dropout,
        target_modules=list(settings.targets),
    )
    with warnings.catch_warnings(), torch.random.fork_rng(devices=cuda_of(dual_encoder.device)):
        warnings.simplefilter("ignore")  # PEFT reads a deprecated attribute of transformers
        torch.manual_seed(seed_of(settings.seed, "adapter"))
        try:
            adapted = get_peft_model(dual_encoder, config)
        except ValueError as error:
            raise FinetuneError(
                f"targets {', '.join(settings.targets)}: not every one is a layer that can have "
                f"an adapter ({str(error).splitlines()[0]})"
            ) from error
    # `get_peft_model` has set the folder of the base, which may be in the hub's cache.
    kept = adapted.peft_config["default"]
    kept.base_model_name_or_path, kept.revision = checkpoint.base, checkpoint.revision
    return adapted


def _check_targets(dual_encoder: nn.Module, targets: Iterable[str]) -> None:
    """Check that each target is a layer: PEFT ignores a missing one if another exists."""
    layers = {
        name.rpartition(".")[2]
        for name, module in dual_encoder.named_modules()
        if isinstance(module, nn.Linear | nn.Embedding | nn.Conv2d)
    }
    names = [name for name, _ in dual_encoder.named_modules()]
    for target in targets:
        if not any(re.fullmatch(rf"(.*\.)?{re.escape(target)}", name) for name in names):
            raise FinetuneError(
                f"No layer of {dual_encoder.config._name_or_path} is called {target!r}: "  # type: ignore[union-attr]
                f"--target is one of {', '.join(sorted(layers)[:MAX_NAMED])}."
            )


def _use_class_token_only(dual_encoder: Any) -> None:  # noqa: ANN401 (the annotation lacks the layers)
    """Compute the last vision layer for the class token only, its weights' names unchanged."""
    if dual_encoder.config.vision_config.attention_dropout:
        return  # `ClassTokenLayer` has no dropout
    last = dual_encoder.vision_model.encoder.layers[-1]
    last.forward = ClassTokenLayer(last).forward
