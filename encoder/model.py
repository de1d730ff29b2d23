"""A dual encoder: a model of any family, loaded with its adapter and run by torch."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from PIL import Image
from torch import nn

from encoder.adapter import merge_adapter
from encoder.checkpoint import Checkpoint
from encoder.errors import EncoderError, VectorError
from encoder.hub import CONFIG
from encoder.processor import ImageProcessor
from encoder.schema import SECTIONS
from encoder.tokenizer import Tokenizer, text_inputs
from encoder.vectors import normalize

if TYPE_CHECKING:
    from transformers import PreTrainedModel

PROBE = "two words"


class DualEncoder:
    """A model on a device; safe to run from several threads at once.

    Args:
        model: the model, on its device, in the precision to run it in.
        checkpoint: where it comes from: its picture settings and its family.

    The other attributes are those of `encoder.runtimes.runtime.Runtime`.
    """

    def __init__(self, model: "PreTrainedModel", checkpoint: Checkpoint) -> None:
        self.model: Any = model
        self.checkpoint, self.device, self.dtype = checkpoint, model.device, model.dtype
        self.processor = checkpoint.processor
        self.precision, self.device_name = (
            str(model.dtype).removeprefix("torch."),
            str(model.device),
        )
        # A GPU is fed by one thread; each core of a CPU runs batches of its own.
        self.runners = torch.get_num_threads() if model.device.type == "cpu" else 1

    def for_batches(self) -> Self:
        """The model itself: `encoder.pipeline` sets the threads that torch uses for a batch."""
        return self

    @torch.inference_mode()
    def image_features(self, pixels: np.ndarray) -> np.ndarray:
        """Run the image encoder.

        Args:
            pixels: uint8 (n, side, side, 3).

        Returns:
            float32 (n, d), not normalised.
        """
        values = torch.from_numpy(pixels).to(self.device)
        values = normalize_pixels(values, self.checkpoint.processor)
        return _numpy(self.model.get_image_features(pixel_values=values.to(self.dtype)))

    @torch.inference_mode()
    def text_features(self, tokens: Sequence[Sequence[int]]) -> np.ndarray:
        """Run the text encoder.

        Args:
            tokens: token ids of n texts, each with its start and end.

        Returns:
            float32 (n, d), not normalised.
        """
        inputs = text_inputs(tokens, self.checkpoint.family.padding)
        arrays = {name: torch.from_numpy(array).to(self.device) for name, array in inputs.items()}
        return _numpy(self.model.get_text_features(**arrays))

    def check(self, tokenizer: Tokenizer) -> None:
        """Check that a picture and a text have vectors.

        Raises:
            EncoderError: one has none: the weights are zero, or too large.
        """
        pixels = self.processor.pixels(Image.new("RGB", (2, 2), "gray"))
        try:
            normalize(self.image_features(self.processor.batch([pixels])))
            normalize(self.text_features(tokenizer([PROBE])))
        except VectorError as error:
            raise EncoderError(
                f"{self.checkpoint.base} gives no vectors ({error}): its weights are no trained "
                "model's; get the checkpoint again."
            ) from error


def _numpy(output: Any) -> np.ndarray:  # noqa: ANN401 (transformers' output object)
    return output.pooler_output.float().cpu().numpy()


def normalize_pixels(pixels: torch.Tensor, processor: ImageProcessor) -> torch.Tensor:
    """Rescale and normalise pixels: uint8 (n, side, side, 3) to float32 (n, 3, side, side)."""
    factor, shift = (each.view(3, 1, 1).to(pixels.device) for each in normalisation(processor))
    values = pixels.permute(0, 3, 1, 2)
    values = values.to(torch.float32, memory_format=torch.contiguous_format)
    return values.mul_(factor).add_(shift)


def normalisation(processor: ImageProcessor) -> tuple[torch.Tensor, torch.Tensor]:
    """Rescaling and normalisation as a factor on pixels and a number to add, by channel (3,)."""
    mean, std = torch.tensor(processor.mean), torch.tensor(processor.std)
    return processor.scale / std, -mean / std


def load_model(
    checkpoint: Checkpoint, adapter: Path | None, adapter_weight: float, device: torch.device
) -> "PreTrainedModel":
    """Load a checkpoint in float32, with the adapter merged into its weights.

    Raises:
        EncoderError: the weights cannot be read, are not finite or do not belong to the
            configuration, or the adapter does not fit.
    """
    import transformers
    from safetensors import SafetensorError
    from transformers.utils import logging

    checkpoint.check_weights()
    family = checkpoint.family
    model_class: Any = getattr(transformers, family.model_class)
    logging.disable_progress_bar()  # it takes a second, between our own bars
    logging.set_verbosity_error()  # what it reports of missing weights is checked below
    try:
        model, report = model_class.from_pretrained(
            checkpoint.folder,
            config=_configuration(checkpoint, model_class.config_class),
            attn_implementation="sdpa",
            local_files_only=True,
            use_safetensors=True,
            dtype=torch.float32,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
        )
    except (SafetensorError, OSError, ValueError, RuntimeError) as error:
        raise EncoderError(
            f"The weights of {checkpoint.base} cannot be read ({error}): get the checkpoint again."
        ) from error
    # transformers fills what is missing or of another shape with random numbers.
    if report["missing_keys"]:
        raise EncoderError(
            f"The weights of {checkpoint.base} lack {len(report['missing_keys'])} of the model's "
            f"parts, {min(report['missing_keys'])} among them: get the checkpoint again."
        )
    if report["mismatched_keys"]:
        name, held, described = min(report["mismatched_keys"])
        raise EncoderError(
            f"The weights of {checkpoint.base} are of other shapes than its {CONFIG} describes "
            f"({name}: {list(held)}, not {list(described)}): get the checkpoint again."
        )
    if adapter:
        model = merge_adapter(model, adapter, adapter_weight)
    broken = [name for name, each in model.named_parameters() if not each.isfinite().all()]
    if broken:
        raise EncoderError(
            f"{checkpoint.base}{' with its adapter' if adapter else ''} has NaN or infinite "
            f"weights, in {min(broken)} for one, and gives no vectors: get it again, or train it "
            "again at a lower learning rate."
        )
    if family.class_token:
        layers = model.vision_model.encoder.layers
        layers[-1] = ClassTokenLayer(layers[-1])
    return model.eval().requires_grad_(False).to(device)


def _configuration(checkpoint: Checkpoint, config_class: Any) -> Any:  # noqa: ANN401 (transformers')
    """The configuration for transformers, made of checked values.

    A file could also name code for the attention, from a repository.
    """
    values = checkpoint.config.model_dump(exclude_unset=True, exclude={"model_type"})
    for section in SECTIONS:
        if "projection_dim" in values[section]:
            values[section]["projection_dim"] = checkpoint.dim
    if checkpoint.family.text_pooling != "end":
        # Nothing reads them there; SigLIP's defaults are beyond its vocabulary, which would warn.
        values["text_config"] |= {"bos_token_id": None, "eos_token_id": None}
    return config_class(**values)


class ClassTokenLayer(nn.Module):
    """The image encoder's last layer, computed for the class token alone.

    CLIP pools a picture at its class token, so in the last layer the other tokens are keys and
    values but need no query, no projection and no MLP. The arithmetic is that of
    CLIPEncoderLayer; an image encoder of 12 layers is 7 % faster, one of 6 layers 14 %.

    Args:
        layer: the CLIPEncoderLayer to replace.
    """

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, hidden_states: torch.Tensor, *_: object, **__: object) -> torch.Tensor:
        """Give the class token's state: (n, tokens, width) to (n, 1, width)."""
        layer: Any = self.layer
        attention = layer.self_attn
        # `shape`, not `len`: torch's tracing keeps the size of the batch open.
        heads = (hidden_states.shape[0], -1, attention.num_heads, attention.head_dim)
        states, read = layer.layer_norm1(hidden_states), hidden_states[:, :1]
        query, key, value = (
            projected.view(heads).transpose(1, 2)
            for projected in (
                attention.q_proj(states[:, :1]),
                attention.k_proj(states),
                attention.v_proj(states),
            )
        )
        seen = nn.functional.scaled_dot_product_attention(query, key, value, scale=attention.scale)
        read = read + attention.out_proj(seen.transpose(1, 2).reshape(read.shape))
        return read + layer.mlp(layer.layer_norm2(read))
