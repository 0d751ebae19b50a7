"""Counts of a run's inferences."""

from dataclasses import dataclass

import pandas as pd

from training.report.outcomes import outcomes, repeated


@dataclass(frozen=True)
class Summary:
    """Counts of inferences; `labelled` ones have a known true class and are right or wrong."""

    captured: int
    refused: int
    labelled: int
    right: int
    accepted_labelled: int
    accepted_right: int
    wrong: int
    wrong_refused: int
    missing: int
    repeated: int  # labelled ones of photos that have got the same answer before

    @property
    def accepted(self) -> int:
        """Inferences at or above the threshold."""
        return self.captured - self.refused

    @property
    def unlabelled(self) -> int:
        """Inferences that cannot be joined to an image."""
        return self.captured - self.labelled


def summarise(inferences: pd.DataFrame, expected: int) -> Summary:
    """Count the outcomes of captured inferences."""
    found = outcomes(inferences)
    return Summary(
        captured=len(inferences),
        refused=int(found.refused.sum()),
        labelled=int(found.labelled.sum()),
        right=int(found.right.sum()),
        accepted_labelled=int((found.labelled & ~found.refused).sum()),
        accepted_right=int((found.right & ~found.refused).sum()),
        wrong=int(found.wrong.sum()),
        wrong_refused=int((found.wrong & found.refused).sum()),
        missing=max(0, expected - len(inferences)),
        repeated=int(repeated(inferences).sum()),
    )
