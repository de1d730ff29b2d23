"""The model of a variant as it is run on this machine, loaded once for all variants of it."""

from collections.abc import Callable, Sequence, Sized
from functools import partial

from encoder.checkpoint import Checkpoint
from encoder.embedder import Embedder, EmbedderCheckpoint
from encoder.errors import EncoderError
from encoder.runtimes.openvino_model import OpenVINOModel, find_converted
from encoder.runtimes.runtime import Precision, Runtime, check_precision
from encoder.runtimes.source import DualEncoderSource
from encoder.shared_models import SharedModels
from encoder.tokenizer import Tokenizer
from encoder.variant import Variant

Tokenize = Callable[[Sequence[str]], Sequence[Sized]]

# What several variants share is in memory once.
_models: SharedModels[Runtime] = SharedModels()


def load_runtime(
    variant: Variant, precision: Precision, device: str | None
) -> tuple[Runtime, Tokenize]:
    """The model of a variant's image vectors, and what makes its tokens of texts.

    Args:
        variant: which.
        precision: see `encoder.encoder.Encoder.load`.
        device: torch's name of it; when None, CUDA where there is one, else the CPU.

    Raises:
        EncoderError: see `encoder.encoder.Encoder.load`.
    """
    check_precision(precision)
    manifest = variant.manifest
    # Neither the template nor the text model is part of the base.
    key = (manifest.image_fingerprint, manifest.tokenizer_hash)
    converted = find_converted(DualEncoderSource(variant), precision, device)
    if converted:
        wanted = converted.named(precision)
        tokenizer = converted.tokenizer()
        model = _models.get(
            (*key, converted.folder, wanted), lambda: OpenVINOModel(converted, wanted)
        )
        return model, tokenizer
    base = variant.checkpoint()
    if isinstance(base, EmbedderCheckpoint):
        load: Callable[[], Runtime] = partial(_load_embedder, base, precision, device)
        tokenize: Tokenize = list  # its own processor makes tokens of texts
    else:
        tokenize = base.tokenizer()
        load = partial(_load, variant, base, tokenize, precision, device)
    return _models.get((*key, device, precision), load), tokenize


def _load_embedder(base: EmbedderCheckpoint, precision: Precision, device: str | None) -> Embedder:
    """Load an embedder.

    Raises:
        EncoderError: see `Encoder.load`.
    """
    from encoder.precision import find_device

    if precision == "bfloat16":
        raise EncoderError(f"{base.base} is an embedder, which runs in float32: name that.")
    return base.load(str(find_device(device)))


def _load(
    variant: Variant,
    checkpoint: Checkpoint,
    tokenizer: Tokenizer,
    precision: Precision,
    device: str | None,
) -> Runtime:
    """Load a variant's model by torch.

    Raises:
        EncoderError: see `Encoder.load`.
    """
    from encoder.model import DualEncoder, load_model
    from encoder.precision import find_device, in_precision

    weight = variant.manifest.adapter_weight
    loaded = load_model(checkpoint, variant.adapter_folder, weight, find_device(device))
    return in_precision(DualEncoder(loaded, checkpoint), precision, tokenizer)
