"""Models in memory, each once: variants of one model share it."""

import threading
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar
from weakref import WeakValueDictionary

Model = TypeVar("Model")


class SharedModels(Generic[Model]):
    """Loaded models by what they were made from; one that nobody uses any more is freed."""

    def __init__(self) -> None:
        self._models: WeakValueDictionary[Hashable, Model] = WeakValueDictionary()
        self._loading = threading.Lock()

    def get(self, key: Hashable, load: Callable[[], Model]) -> Model:
        """The model of a key; loaded where it is not in memory, one at a time.

        Args:
            key: all that the model is made from.
            load: what it raises is raised, and nothing is kept.
        """
        with self._loading:
            model = self._models.get(key)
            if model is None:
                model = self._models[key] = load()
            return model
