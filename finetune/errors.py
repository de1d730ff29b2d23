"""What can go wrong in training; the text of each is one sentence with its remedy.

```
FinetuneError
├── SettingsInvalid         a setting that cannot be used, alone or with the others
├── DataUnfit               too few products, or products that cannot be told apart
├── Diverged                loss or weights are no longer numbers; carries the step
├── Unwritable              no space, or no right, for what a training writes
├── SnapshotDamaged         a checkpoint of the run cannot be read
└── RunConflict             another run of that name is at work, unfinished, or finished
```

A base or an adapter that cannot be used is the encoder's to tell (`encoder.errors`).
"""

from vitrine import VitrineError


class FinetuneError(VitrineError):
    """Something the user can put right; its text is one sentence that says how."""


class SettingsInvalid(FinetuneError):
    """A setting that cannot be used, alone or with the others."""


class DataUnfit(FinetuneError):
    """Too few products, or products that cannot be told apart."""


class Diverged(FinetuneError):
    """Loss or weights are no longer numbers.

    Attributes:
        step: whose it was, from 1.
    """

    def __init__(self, step: int, sentence: str) -> None:
        super().__init__(sentence)
        self.step = step


class Unwritable(FinetuneError):
    """No space, or no right, for what a training writes."""


class SnapshotDamaged(FinetuneError):
    """A checkpoint of the run cannot be read."""


class RunConflict(FinetuneError):
    """Another run of that name is at work, unfinished, or finished."""
