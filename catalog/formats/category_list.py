"""Categories that a document lists before its products, which refer to them by their ids."""

from collections.abc import Iterator, Mapping

from catalog.formats import Record

MAX_CATEGORIES = 100_000
MAX_NAME = 1_000  # characters
MAX_STEPS = 20  # of a path: parents may refer to each other in a circle

PARENT_KEYS = ("parentId", "parent_id", "parentID", "parent", "idParent")
NAME_KEYS = ("value", "name", "title")
# The columns in which products refer to categories.
REFERENCES = ("categoryId", "category_id", "categoryID", "categoryIds", "category_ids",
              "categories", "category")  # fmt: skip


class CategoryList:
    """Categories by their ids."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, str]] = {}  # id → name, id of the parent

    def add(self, category: object) -> None:
        """Add a category: an object with an id, a name and perhaps its parent's id."""
        if not isinstance(category, Mapping) or len(self._known) == MAX_CATEGORIES:
            return
        name = next((part for key in NAME_KEYS if (part := category.get(key))), None)
        parent = next((part for key in PARENT_KEYS if (part := category.get(key))), "")
        identity = category.get("id")
        if isinstance(identity, str | int) and isinstance(name, str) and len(name) <= MAX_NAME:
            self._known[str(identity)] = (name, str(parent))

    def resolve(self, record: Record) -> Record:
        """A record with paths, as lists of names, in place of the ids of categories."""
        for column in REFERENCES if self._known else ():
            cell = record.get(column)
            ids = cell if isinstance(cell, list) else [cell]
            if all(isinstance(each, str | int) and str(each) in self._known for each in ids):
                record[column] = [self._path(str(each)) for each in ids]
        return record

    def _path(self, identity: str) -> list[str]:
        return [*self._upwards(identity)][::-1]

    def _upwards(self, identity: str) -> Iterator[str]:
        for _ in range(MAX_STEPS):
            if identity not in self._known:
                return
            name, identity = self._known[identity]
            yield name
