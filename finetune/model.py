"""A CLIP with what is trained of it: adapters beside its weights, or the weights themselves."""

import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from torch import nn

from encoder.adapter import CONFIG, WEIGHTS
from encoder.checkpoint import Checkpoint
from encoder.model import ClassTokenLayer, load_model
from encoder.tokenizer import pad
from finetune.errors import SettingsInvalid
from finetune.loss import MAX_LOG_SCALE
from finetune.sampling import seed_of
from finetune.settings import Settings

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import CLIPModel

NAMED = 12  # layers that a sentence names
SECOND = re.compile(r"\blora_(embedding_)?B\b")  # as PEFT names it, of layers and of tables


class Model:
    """A CLIP in training, float32; made by `Model.load`.

    Attributes:
        clip: the model; adapters sit in its layers.
        trained: what is trained, by name.
    """

    def __init__(
        self, clip: "CLIPModel", checkpoint: Checkpoint, adapted: "PeftModel | None"
    ) -> None:
        self.clip, self.checkpoint = clip, checkpoint
        self.trained: dict[str, nn.Parameter] = {
            name: weight for name, weight in clip.named_parameters() if weight.requires_grad
        }
        self.device = clip.device
        self._adapted = adapted
        processor = checkpoint.processor
        mean, std = torch.tensor(processor.mean), torch.tensor(processor.std)
        self._factor = (processor.scale / std).view(3, 1, 1).to(self.device)
        self._shift = (-mean / std).view(3, 1, 1).to(self.device)

    @classmethod
    def load(cls, checkpoint: Checkpoint, settings: Settings, device: torch.device) -> Self:
        """Load a base and make it trainable.

        Raises:
            CheckpointError: the weights cannot be read.
            SettingsInvalid: a target is not there, or no layer that takes an adapter.
        """
        clip = load_base(checkpoint, device)
        adapted = None
        if settings.method == "full":
            clip.requires_grad_(True)
        else:
            adapted = _with_adapter(clip, checkpoint, settings)
        _read_class_token_only(clip)
        return cls(clip, checkpoint, adapted)

    @property
    def scale(self) -> torch.Tensor:
        """What cosines are multiplied by: one over the temperature."""
        return self.clip.logit_scale.exp()

    def pictures(self, pixels: torch.Tensor) -> torch.Tensor:
        """Run the vision tower: uint8 (n, side, side, 3) to (n, d), not yet unit."""
        values = pixels.to(self.device, non_blocking=True).permute(0, 3, 1, 2)
        values = values.to(torch.float32, memory_format=torch.contiguous_format)
        values = values.mul_(self._factor).add_(self._shift)
        return self.clip.get_image_features(pixel_values=values).pooler_output

    def texts(self, tokens: Sequence[Sequence[int]]) -> torch.Tensor:
        """Run the text tower: token numbers of n texts to (n, d), not yet unit."""
        numbers = torch.from_numpy(pad(tokens)).to(self.device, non_blocking=True)
        return self.clip.get_text_features(input_ids=numbers).pooler_output

    def groups(self, weight_decay: float) -> list[dict[str, Any]]:
        """What is trained, for an optimiser: matrices decay; gains, biases and the scale do not."""
        matrices = [weight for weight in self.trained.values() if weight.ndim >= 2]
        others = [weight for weight in self.trained.values() if weight.ndim < 2]
        groups = [
            {"params": matrices, "weight_decay": weight_decay},
            {"params": others, "weight_decay": 0.0},
        ]
        return [group for group in groups if group["params"]]

    @torch.no_grad()
    def clamp_scale(self) -> None:
        """Keep the temperature in the range where training is steady."""
        if self.clip.logit_scale.requires_grad:
            self.clip.logit_scale.clamp_(max=MAX_LOG_SCALE)

    def tensors(self) -> dict[str, torch.Tensor]:
        """A copy of what is trained, on the CPU."""
        return {
            name: weight.detach().to("cpu", copy=True).contiguous()
            for name, weight in self.trained.items()
        }

    def interpolated(self, adapter_weight: float) -> dict[str, torch.Tensor]:
        """What is trained, between the base and what became of it (Wortsman et al. 2022, WiSE-FT).

        Args:
            adapter_weight: 0 is the base, 1 what was trained.
        """
        tuned = self.tensors()
        if self._adapted is None:
            base = load_base(self.checkpoint, torch.device("cpu")).state_dict()
            return {name: torch.lerp(base[name], tuned[name], adapter_weight) for name in tuned}
        # An adapter's change is a product of two matrices: the second one is scaled.
        return {
            name: weight * adapter_weight if SECOND.search(name) else weight
            for name, weight in tuned.items()
        }

    @torch.no_grad()
    def restore(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """Put back what `tensors` or `at` gave."""
        for name, weight in self.trained.items():
            weight.copy_(tensors[name])

    def is_finite(self) -> bool:
        """Whether all that is trained is still made of numbers."""
        return all(bool(weight.isfinite().all()) for weight in self.trained.values())

    def save_adapter(self, folder: Path) -> None:
        """Write the adapter in PEFT's format, with the base that it belongs to."""
        from peft import get_peft_model_state_dict
        from safetensors.torch import save_file

        assert self._adapted is not None  # noqa: S101 (full training has no adapter to save)
        folder.mkdir(parents=True, exist_ok=True)
        # Without this PEFT asks the hub what the base's vocabulary was.
        state = get_peft_model_state_dict(self._adapted, save_embedding_layers=False)
        tensors = {name: value.detach().cpu().contiguous() for name, value in state.items()}
        save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})
        config = self._adapted.peft_config["default"]
        config.base_model_name_or_path = self.checkpoint.base
        config.revision = self.checkpoint.revision
        config.inference_mode = True
        config.save_pretrained(str(folder))
        assert (folder / CONFIG).is_file()  # noqa: S101 (the encoder reads it by that name)


def load_base(checkpoint: Checkpoint, device: torch.device) -> "CLIPModel":
    """A base as transformers has it: the encoder's, less its shortcut for inference."""
    clip: Any = load_model(checkpoint, None, 1.0, device)
    layers = clip.vision_model.encoder.layers
    layers[-1] = layers[-1].layer
    return clip


def _with_adapter(clip: "CLIPModel", checkpoint: Checkpoint, settings: Settings) -> "PeftModel":
    from peft import LoraConfig, get_peft_model

    _check_targets(clip, settings.targets)
    config = LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,  # type: ignore[arg-type] # annotated int, used as a factor
        lora_dropout=settings.dropout,
        target_modules=list(settings.targets),
    )
    with warnings.catch_warnings(), torch.random.fork_rng(devices=cuda_of(clip.device)):
        warnings.simplefilter("ignore")  # PEFT asks transformers for an attribute's old name
        torch.manual_seed(seed_of(settings.seed, "adapter"))
        try:
            return get_peft_model(clip, config)
        except ValueError as error:
            raise SettingsInvalid(
                f"--target {', '.join(settings.targets)}: not every one is a layer that takes an "
                f"adapter ({str(error).splitlines()[0]})"
            ) from error


def _check_targets(clip: nn.Module, targets: Iterable[str]) -> None:
    """PEFT passes over a target that is not there, as long as another one is."""
    layers = {
        name.rpartition(".")[2]
        for name, module in clip.named_modules()
        if isinstance(module, nn.Linear | nn.Embedding | nn.Conv2d)
    }
    named = [name for name, _ in clip.named_modules()]
    for target in targets:
        if not any(re.fullmatch(rf"(.*\.)?{re.escape(target)}", name) for name in named):
            raise SettingsInvalid(
                f"No layer of {clip.config._name_or_path} is called {target!r}: "  # type: ignore[union-attr]
                f"--target takes {', '.join(sorted(layers)[:NAMED])}."
            )


def _read_class_token_only(clip: Any) -> None:  # noqa: ANN401 (the annotation lacks the layers)
    """Give the vision tower's last layer the encoder's shortcut, its weights' names unchanged."""
    if clip.config.vision_config.attention_dropout:
        return  # which the shortcut leaves out, as inference does
    last = clip.vision_model.encoder.layers[-1]
    last.forward = ClassTokenLayer(last).forward


def cuda_of(device: torch.device) -> list[torch.device]:
    """The device, where it draws random numbers of its own."""
    return [device] if device.type == "cuda" else []


def pixels_of(array: np.ndarray) -> torch.Tensor:
    """Pictures as a tensor that shares their memory."""
    return torch.from_numpy(array)
