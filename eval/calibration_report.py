"""Writes the report of a calibration: `report.html` and `results.json`."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from eval.calibration import Tested, reliability
from eval.plots import reliability_plot
from eval.report import render, replace_folder, svg_image
from vitrine.command import finite

BINS = 10  # of the reliability diagram


def write_calibration_report(
    home: Path, name: str, variant: str, tested: Mapping[str, Tested]
) -> Path:
    """Write a report; one of the same name is replaced once the new one is complete.

    Args:
        home: the installation's folder.
        name: of the report.
        variant: that was calibrated.
        tested: its calibrations by match.

    Returns:
        Its folder.

    Raises:
        EvalError: it cannot be written.
    """
    created = datetime.now(UTC)
    bins = {match: reliability(each, BINS) for match, each in tested.items()}

    def fill(folder: Path) -> None:
        results = {
            "name": name,
            "created": f"{created:%Y-%m-%dT%H:%M:%SZ}",
            "variant": variant,
            "matches": {match: as_object(each) for match, each in tested.items()},
        }
        (folder / "results.json").write_text(
            json.dumps(finite(results), ensure_ascii=False, indent=1), encoding="utf-8"
        )
        page = render(
            "calibration.html.j2",
            name=name,
            created=f"{created:%Y-%m-%d %H:%M} UTC",
            variant=variant,
            tested=tested,
            plot=svg_image(reliability_plot(bins), "Stated chance and share that fits, by match"),
        )
        (folder / "report.html").write_text(page, encoding="utf-8")

    return replace_folder(home, name, fill)


def as_object(tested: Tested) -> dict[str, object]:
    """A tested calibration as JSON."""
    return {
        "calibration": asdict(tested.calibration),
        "false_alarms": asdict(tested.false_alarms),
        "caught": asdict(tested.caught),
        "reliability": reliability(tested, BINS),
    }
