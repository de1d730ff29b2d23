"""The precision of the model's forward and backward pass: float32, or mixed by torch's autocast."""

from typing import TYPE_CHECKING

import torch

from finetune.settings import Settings

if TYPE_CHECKING:
    from transformers import PreTrainedModel

NO_BFLOAT16 = (
    "This CPU has no bfloat16 instructions, which mixed precision needs: training in float32."
)


def precision_of(settings: Settings, device: torch.device) -> torch.dtype:
    """The dtype of matrix products.

    Mixed precision is bfloat16 where the device has instructions for it. A GPU without them uses
    float16. A CPU without them uses float32: there torch computes bfloat16 products several times
    slower.
    """
    if settings.precision == "float32":
        return torch.float32
    if device.type == "cuda":
        supported = torch.cuda.is_bf16_supported(including_emulation=False)
        return torch.bfloat16 if supported else torch.float16
    return torch.bfloat16 if cpu_has_bfloat16() else torch.float32


def falls_back(settings: Settings, device: torch.device) -> bool:
    """Whether mixed precision was set and is float32 on this device."""
    return settings.precision == "mixed" and precision_of(settings, device) == torch.float32


def cpu_has_bfloat16() -> bool:
    """Whether torch has instructions of this CPU for bfloat16 products."""
    return torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported()


def autocast(device: torch.device, dtype: torch.dtype) -> torch.autocast:
    """The context of a forward pass.

    torch's own autocast: accelerate's has one precision for the life of the process, and several
    trainings may run in one.
    """
    return torch.autocast(device.type, dtype, enabled=dtype != torch.float32)


def choose_attention(
    dual_encoder: "PreTrainedModel", device: torch.device, dtype: torch.dtype
) -> None:
    """Choose the fastest attention implementation for a precision."""
    if dtype == torch.bfloat16 and device.type == "cpu":
        # Fused attention makes a whole step 1.5 times slower here.
        dual_encoder.set_attn_implementation("eager")
