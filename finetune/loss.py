"""What is made small: CLIP's contrastive loss, and the reference system's for comparison."""

import math

import torch
import torch.nn.functional as F  # noqa: N812 (torch's own habit)

# Cosines divided by less than 1/100 make training unsteady (Radford et al. 2021, 2.5).
MAX_LOG_SCALE = math.log(100)


def contrastive_loss(
    image: torch.Tensor, text: torch.Tensor, scale: torch.Tensor, positives: torch.Tensor
) -> torch.Tensor:
    """CLIP's symmetric cross-entropy, the target of a row spread over all that is mask.

    With one mask answer a row this is Radford et al. 2021, figure 3; with several, the mean of
    their log-probabilities (Khosla et al. 2020, equation 2).

    Args:
        image: float32 unit vectors (n, d).
        text: float32 unit vectors (n, d).
        scale: what cosines are multiplied by, one over the temperature.
        positives: bool (n, n), the diagonal true: whose picture goes with whose text.
    """
    logits = scale * image @ text.T
    mask = positives.float()
    by_image = -(F.log_softmax(logits, dim=1) * mask).sum(1) / mask.sum(1)
    by_text = -(F.log_softmax(logits, dim=0) * mask).sum(0) / mask.sum(0)
    return (by_image.mean() + by_text.mean()) / 2


def reference_loss(image: torch.Tensor, text: torch.Tensor) -> torch.Tensor:
    """The reference system's loss, kept to reproduce what it did; not for use.

    Cosines go into the cross-entropy as they are, between -1 and 1, so that even perfect vectors
    leave a loss near ln n, and products that share a title are pushed apart.
    """
    logits = image @ text.T
    own = torch.arange(len(image), device=image.device)
    return (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2
