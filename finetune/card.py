"""The model card of a trained variant."""

from pathlib import Path

from huggingface_hub import ModelCard, ModelCardData

from encoder.base import as_dual_encoder
from encoder.variant import Variant
from eval.comparison import Estimate, format_p
from eval.measures import DECIDING
from finetune import curves, split
from finetune.evaluation import BASE, SHOWN, TUNED, Evaluation
from finetune.settings import Settings

FILE = "README.md"
TEMPLATE = Path(__file__).with_name("card.md.j2")


def make_card(variant: Variant, settings: Settings, evaluation: Evaluation | None) -> ModelCard:
    """Make the model card.

    Args:
        variant: with the facts of its training in the manifest's notes.
        settings: how it was trained.
        evaluation: on the test split; None where no test products were held out.
    """
    notes, lora = variant.manifest.notes, settings.method == "lora"
    data = ModelCardData(
        library_name="peft" if lora else "transformers",
        base_model=notes["trained_from"]["base"],
        pipeline_tag="zero-shot-image-classification",
        tags=[
            as_dual_encoder(variant.checkpoint()).config.model_type,
            "product-search",
            *(["lora"] if lora else []),
        ],
    )
    return ModelCard.from_template(
        data,
        template_path=str(TEMPLATE),
        metadata=data.to_yaml(),
        name=variant.name,
        fingerprint=variant.fingerprint,
        created=variant.manifest.created,
        notes=notes,
        split=notes["data"]["split"],
        figures=notes["figures"],
        settings=settings,
        settings_table={
            name.replace("_", " "): _value(value) for name, value in settings.named().items()
        },
        evaluation=evaluation,
        rows=_rows(evaluation) if evaluation else [],
        deciding=DECIDING,
        format_p=_relation,
        split_file=split.FILE,
        curves_file=curves.FILE,
    )


def _rows(evaluation: Evaluation) -> list[tuple[str, ...]]:
    """Direction, measure, base, variant, change."""
    return [
        (
            direction if measure == SHOWN[0] else "",
            measure,
            _cell(both[BASE][measure]),
            _cell(both[TUNED][measure]),
            f"{both[TUNED][measure].value - both[BASE][measure].value:+z.3f}",
        )
        for direction, both in evaluation.estimates.items()
        for measure in SHOWN
    ]


def _cell(estimate: Estimate) -> str:
    return f"{estimate.value:.3f} ({estimate.low:.3f}–{estimate.high:.3f})"


def _relation(p: float) -> str:
    text = format_p(p)
    return text if text.startswith("<") else f"= {text}"


def _value(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(f"`{each}`" for each in value)
    return f"{value:g}" if isinstance(value, float) else str(value)
