"""What the towers compute in while they are trained."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F  # noqa: N812 (torch's own habit)
from torch.overrides import TorchFunctionMode

from finetune.settings import Settings

if TYPE_CHECKING:
    from transformers import CLIPModel

# What autocast has a layer of CLIP, or an adapter on it, multiply in bfloat16.
PRODUCTS = frozenset(
    {F.linear, F.conv2d, torch.matmul, torch.bmm, torch.Tensor.matmul, torch.Tensor.__matmul__}
)


def precision_of(settings: Settings, device: torch.device) -> torch.dtype:
    """What the towers compute in: mixed is bfloat16 where the hardware has it, as CPUs always."""
    if settings.precision == "float32":
        return torch.float32
    if device.type == "cuda" and not torch.cuda.is_bf16_supported(including_emulation=False):
        return torch.float16
    return torch.bfloat16


def autocast_of(
    device: torch.device, dtype: torch.dtype
) -> Callable[[], AbstractContextManager[object]]:
    """The context in which the towers run.

    torch's own, not the accelerator's: that has one precision for the life of the process, and
    the two recipes are trained one after the other.
    """
    if dtype == torch.float32:
        return nullcontext
    if device.type == "cpu" and not _multiplies_bfloat16():
        return rounded_products
    return partial(torch.autocast, device.type, dtype)


def choose_attention(clip: "CLIPModel", device: torch.device, dtype: torch.dtype) -> None:
    """Have a model attend in the way that is fastest in a precision."""
    if dtype == torch.bfloat16 and device.type == "cpu":
        # Here the fused attention is the slower one: 1.5 times, over a whole step.
        clip.set_attn_implementation("eager")


def _multiplies_bfloat16() -> bool:
    """Whether torch multiplies bfloat16 on this CPU by instructions made for it."""
    return torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported()


@contextmanager
def rounded_products() -> Iterator[None]:
    """Mixed precision for a CPU without instructions for bfloat16, which has every older one.

    There torch multiplies number by number, several times slower than in float32. Here numbers
    are rounded to bfloat16 before and after a product, and multiplied as float32: what hardware
    does too, which adds up in float32.
    """
    with torch.autocast("cpu", torch.bfloat16), _Rounded():
        yield


class _Rounded(TorchFunctionMode):
    def __torch_function__(
        self,
        func: Callable[..., torch.Tensor],
        types: Sequence[type],
        args: Sequence[object] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> torch.Tensor:
        named = kwargs or {}
        if func not in PRODUCTS:
            return func(*args, **named)
        with torch.autocast("cpu", enabled=False):
            product = func(*map(_round, args), **{key: _round(named[key]) for key in named})
        return product.bfloat16()


def _round(value: Any) -> Any:  # noqa: ANN401 (tensors, and settings of a convolution)
    """A tensor's numbers as bfloat16 has them, in float32; its gradients are rounded as well."""
    return value.bfloat16().float() if isinstance(value, torch.Tensor) else value
