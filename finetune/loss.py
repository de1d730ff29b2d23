"""The contrastive loss: CLIP's, with several positives; and the reference system's."""

import math

import torch
import torch.nn.functional as F  # noqa: N812 (torch's own habit)

# log(100): a temperature below 1/100 makes training unstable (Radford et al. 2021, section 2.5).
MAX_LOG_SCALE = math.log(100)


def contrastive_loss(
    image: torch.Tensor,
    text: torch.Tensor,
    scale: torch.Tensor,
    positives: torch.Tensor,
    ignored: torch.Tensor | None = None,
) -> torch.Tensor:
    """CLIP's symmetric cross-entropy; the target of a row is uniform over its positives.

    With one positive a row this is Radford et al. 2021, figure 3; with several, the mean of their
    log-probabilities (Khosla et al. 2020, equation 2).

    Args:
        image: float32 unit vectors (n, d).
        text: float32 unit vectors (n, d).
        scale: factor on the cosines, one over the temperature; a scalar.
        positives: bool (n, n), the diagonal true: [i, j] says that text j is right for image i.
        ignored: bool (n, n), nowhere true with `positives`: [i, j] says that text j and image i
            are no negatives of each other either; None: none.

    Returns:
        A scalar.
    """
    logits = scale * image @ text.T
    if ignored is not None:
        logits = logits.masked_fill(ignored, -math.inf)
    by_image, by_text = (
        # Not a product with the mask: -inf times 0 is NaN.
        -F.log_softmax(logits, dim).where(positives, 0).sum(dim) / positives.sum(dim)
        for dim in (1, 0)
    )
    return (by_image.mean() + by_text.mean()) / 2


def reference_loss(image: torch.Tensor, text: torch.Tensor) -> torch.Tensor:
    """The reference system's loss, kept to reproduce its results; not for use.

    It has no temperature: cosines are the logits, so that even perfect vectors leave a loss near
    ln n. It has one positive a row: products that share a title are negatives of each other.
    """
    logits = image @ text.T
    diagonal = torch.arange(len(image), device=image.device)
    return (F.cross_entropy(logits, diagonal) + F.cross_entropy(logits.T, diagonal)) / 2


@torch.no_grad()
def clamp_scale(logit_scale: torch.Tensor) -> None:
    """Clamp the logarithm of the scale, in place, after a step that trained it."""
    logit_scale.clamp_(max=MAX_LOG_SCALE)
