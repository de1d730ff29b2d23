"""The losses: CLIP's and SigLIP's, with what products share."""

import math

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from transformers import AutoModel

from finetune.loss import clamp_scale, contrastive_loss, factor, reference_loss, sigmoid_loss
from tests.tiny_models import build_tiny_model


@pytest.fixture
def vectors():
    torch.manual_seed(0)
    return F.normalize(torch.randn(6, 4), dim=1), F.normalize(torch.randn(6, 4), dim=1)


def test_with_one_right_answer_each_it_is_clips_own_loss(vectors):
    image, text = vectors
    own = torch.arange(6)
    logits = 20 * image @ text.T
    clips = (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2
    ours = contrastive_loss(image, text, torch.tensor(20.0), torch.eye(6, dtype=torch.bool))
    assert ours.item() == pytest.approx(clips.item(), abs=1e-6)


def test_products_that_share_something_are_not_negatives():
    # Two pictures of one title: its text lies between them, nearer to the first.
    image = F.normalize(torch.tensor([[1.0, 0.2], [0.6, 0.8], [-1.0, 0.1]]), dim=1)
    text = image.clone().requires_grad_()
    positives = torch.eye(3, dtype=torch.bool)
    scale = torch.tensor(10.0)
    (pushed,) = torch.autograd.grad(contrastive_loss(image, text, scale, positives), text)
    positives[0, 1] = positives[1, 0] = True
    (pulled,) = torch.autograd.grad(contrastive_loss(image, text, scale, positives), text)
    assert (-pushed[0] @ image[1]).item() < 0 < (-pulled[0] @ image[1]).item()


def test_a_pair_that_belongs_together_gains_nothing_by_being_pushed_apart():
    image = F.normalize(torch.tensor([[1.0, 0.0], [1.0, 0.0]]), dim=1)
    together = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    apart = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    both = torch.ones(2, 2, dtype=torch.bool)
    scale = torch.tensor(10.0)
    assert contrastive_loss(image, together, scale, both) < contrastive_loss(
        image, apart, scale, both
    )


def test_ignored_pairs_change_nothing(vectors):
    image, text = vectors
    scale, positives = torch.tensor(20.0), torch.eye(6, dtype=torch.bool)
    ignored = torch.zeros(6, 6, dtype=torch.bool)
    ignored[0, 1] = ignored[1, 0] = True
    image.requires_grad_()

    loss = contrastive_loss(image, text, scale, positives, ignored)
    (gradient,) = torch.autograd.grad(loss, image)
    assert gradient.isfinite().all()
    assert loss.item() < contrastive_loss(image, text, scale, positives).item()
    nowhere = contrastive_loss(image, text, scale, positives, torch.zeros_like(ignored))
    assert nowhere.item() == contrastive_loss(image, text, scale, positives).item()
    pair = contrastive_loss(image[:2], text[:2], scale, positives[:2, :2], ignored[:2, :2])
    assert pair.item() == 0


def test_perfect_vectors_still_have_a_loss_under_the_references_objective():
    perfect = torch.eye(128)
    assert reference_loss(perfect, perfect).item() > 3.8
    right = torch.eye(128, dtype=torch.bool)
    assert contrastive_loss(perfect, perfect, torch.tensor(100.0), right).item() < 1e-3


def test_the_references_objective_has_no_temperature(vectors):
    image, text = vectors
    own = torch.arange(6)
    logits = image @ text.T
    expected = (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2
    assert reference_loss(image, text).item() == pytest.approx(expected.item())
    assert reference_loss(image, text).item() < math.log(6) + 2


SCALE, BIAS = torch.tensor([20.0]), torch.tensor([-5.0])


def test_with_one_right_answer_each_the_sigmoid_loss_is_siglips_own(tmp_path):
    model = AutoModel.from_pretrained(build_tiny_model("siglip", tmp_path)).eval()
    torch.manual_seed(0)
    pixels, ids = torch.randn(4, 3, 32, 32), torch.randint(3, 20, (4, 24))
    with torch.no_grad():
        model.logit_scale.fill_(3.0)
        model.logit_bias.fill_(-5.0)
        output = model(input_ids=ids, pixel_values=pixels, return_loss=True)
        ours = sigmoid_loss(
            output.image_embeds,
            output.text_embeds,
            model.logit_scale.exp(),
            model.logit_bias,
            torch.eye(4, dtype=torch.bool),
        )
    assert ours.item() == pytest.approx(output.loss.item(), rel=1e-5)


def test_positives_are_pulled_together_by_the_sigmoid_loss_and_ignored_pairs_change_nothing(
    vectors,
):
    image, text = vectors
    text = text.clone().requires_grad_()
    positives, ignored = torch.eye(6, dtype=torch.bool), torch.zeros(6, 6, dtype=torch.bool)

    def direction():
        loss = sigmoid_loss(image, text, SCALE, BIAS, positives, ignored)
        (gradient,) = torch.autograd.grad(loss, text)
        return (-gradient[1] @ image[0]).item()

    negative = direction()
    ignored[0, 1] = True
    neither = direction()
    ignored[0, 1], positives[0, 1] = False, True
    assert negative < neither < direction()


def test_a_temperature_is_one_over_the_factor_and_stays_in_the_same_range():
    assert factor("temperature", torch.tensor(0.05)).item() == pytest.approx(20)
    assert factor("logit_scale", torch.tensor(3.0)).item() == pytest.approx(math.exp(3))
    for name, value in (("temperature", 1e-4), ("logit_scale", 9.0)):
        weight = torch.tensor(value)
        clamp_scale(weight, name)
        assert factor(name, weight).item() == pytest.approx(100, rel=1e-4)
