"""What is checked of a model before a variant of it is added: it is loaded, and gives vectors."""

from pathlib import Path

from encoder import adapter as lora
from encoder.checkpoint import Checkpoint
from encoder.embedder import EmbedderCheckpoint
from encoder.errors import EncoderError
from encoder.text_model import TextModel
from encoder.variant import TextModelFacts


def text_model_facts(words: TextModel) -> TextModelFacts:
    """Facts of a text model, which is loaded for them.

    Raises:
        EncoderError: it cannot be loaded.
    """
    from encoder.sentence_weights import check_sentence_weights  # pydantic, which no search needs

    check_sentence_weights(words.folder, f"the text model {words.base}")
    loaded = words.load()
    return TextModelFacts(words.name, words.base, words.hash, loaded.dim, loaded.max_tokens)


def checked_embedder(found: EmbedderCheckpoint, adapter: Path | None) -> EmbedderCheckpoint:
    """An embedder with the facts that only a loaded model has.

    Raises:
        EncoderError: it cannot be loaded, or an adapter is given.
    """
    from encoder.sentence_weights import check_sentence_weights

    if adapter:
        raise EncoderError(
            f"{found.base} is an embedder, and adapters are for dual encoders such as CLIP or "
            "SigLIP: leave --adapter out."
        )
    check_sentence_weights(found.folder, f"the embedder {found.base}")
    return found.loaded()


def check_dual_encoder(
    checkpoint: Checkpoint, adapter: Path | None, weight: float, dim: int
) -> None:
    """Check that a base's files belong together, that the adapter fits, and that it has vectors.

    Raises:
        EncoderError: they do not, or it does not, or it has none.
    """
    import torch

    from encoder.model import DualEncoder, load_model

    if dim:
        raise EncoderError(
            f"--dim is for embedders that were trained for it (Matryoshka); {checkpoint.base} is a "
            f"dual encoder, and its vectors have {checkpoint.dim} numbers: leave it out."
        )
    checkpoint.check_weights()
    tokenizer = checkpoint.tokenizer()
    if adapter:
        lora.check_base(adapter, checkpoint.base, checkpoint.revision)
    model = load_model(checkpoint, adapter, weight, torch.device("cpu"))
    DualEncoder(model, checkpoint).check(tokenizer)
