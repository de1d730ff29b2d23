"""The losses: CLIP's contrastive one and SigLIP's sigmoid one, with several positives.

And the reference system's contrastive loss, for comparison.
"""

import math

import torch
import torch.nn.functional as F  # noqa: N812 (torch's own habit)

# log(100): a temperature below 1/100 makes training unstable (Radford et al. 2021, section 2.5).
MAX_LOG_SCALE = math.log(100)
TEMPERATURE = "temperature"  # the parameter of models without a `logit_scale`, such as ALIGN


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


def sigmoid_loss(
    image: torch.Tensor,
    text: torch.Tensor,
    scale: torch.Tensor,
    bias: torch.Tensor,
    positives: torch.Tensor,
    ignored: torch.Tensor | None = None,
) -> torch.Tensor:
    """SigLIP's loss: whether a text is right for an image is decided for each pair alone.

    With one positive a row this is Zhai et al. 2023, algorithm 1: the sum over all pairs, divided
    by n, of −log σ(z · (scale · cosine + bias)); z is 1 for positives and −1 for others.

    Args:
        image: float32 unit vectors (n, d).
        text: float32 unit vectors (n, d).
        scale: factor on the cosines.
        bias: added to the scaled cosines.
        positives: as of `contrastive_loss`.
        ignored: as of `contrastive_loss`.

    Returns:
        A scalar.
    """
    logits = scale * image @ text.T + bias
    losses = -F.logsigmoid(torch.where(positives, logits, -logits))
    if ignored is not None:
        losses = losses.masked_fill(ignored, 0.0)
    return losses.sum() / len(image)


def reference_loss(image: torch.Tensor, text: torch.Tensor) -> torch.Tensor:
    """The reference system's loss, kept to reproduce its results; not for use.

    It has no temperature: cosines are the logits, so that even perfect vectors leave a loss near
    ln n. It has one positive a row: products that share a title are negatives of each other.
    """
    logits = image @ text.T
    diagonal = torch.arange(len(image), device=image.device)
    return (F.cross_entropy(logits, diagonal) + F.cross_entropy(logits.T, diagonal)) / 2


def factor(name: str, weight: torch.Tensor) -> torch.Tensor:
    """The factor on the cosines, one over the temperature, from the parameter that a model has.

    Args:
        name: of the parameter: `temperature`, or that of a logarithm of the factor.
        weight: the parameter.
    """
    return 1 / weight if name == TEMPERATURE else weight.exp()


@torch.no_grad()
def clamp_scale(weight: torch.Tensor, name: str = "logit_scale") -> None:
    """Clamp the temperature's parameter, in place, after a step that trained it."""
    if name == TEMPERATURE:
        weight.clamp_(min=math.exp(-MAX_LOG_SCALE))
    else:
        weight.clamp_(max=MAX_LOG_SCALE)
