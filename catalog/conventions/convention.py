"""What a convention is: which columns it has, and what they mean."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from catalog import values
from catalog.column_names import key

BRAND = "brand"


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows that stand together and describe one article.

    Attributes:
        article: The column whose value all rows of an article have; a blank one continues it.
            Without it, an article begins at each row of the kinds `heads`.
        named_by: The column that names the article, if it is not `article`.
        variant: Of these columns a variant's row has one; other rows only add pictures.
        own: Beginnings of columns that a variant does not take from the article's first row.
        pictures: The columns of the article's pictures, one in each row.
        position: The column that orders them.
        kind: The column that says what a row is, if there is one.
        heads: Kinds of rows that are the article: products only where no variant follows.
        kinds: Kinds of rows that are variants.
        options: The column in which a variant has its options, as "Colour=Red,Size=S", and the
            article something else. They become the columns "Option1 Name", "Option1 Value".
    """

    article: str
    variant: str
    own: tuple[str, ...]
    pictures: str
    named_by: str = ""
    position: str = ""
    kind: str = ""
    heads: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()
    options: str = ""


@dataclass(frozen=True, slots=True)
class References:
    """Variants that refer to the row of their article, or are named by it.

    An article is a product only where no variant of it is in the file.

    Attributes:
        kind: The column that says what a row is; empty where rows without `parent` are articles.
        articles: Kinds of rows that are articles.
        variants: Kinds of rows that are variants.
        parent: The column in which a variant names its article.
        names: The columns by which an article is named there, besides its id and SKU.
        listed: The column in which an article names its variants, as "sku=…,size=…|sku=…".
    """

    kind: str = ""
    articles: frozenset[str] = frozenset()
    variants: frozenset[str] = frozenset()
    parent: str = ""
    names: str = ""
    listed: str = ""


@dataclass(frozen=True, slots=True)
class Convention:
    """One way to write products.

    Attributes:
        name: As it is shown to people, after "read as".
        columns: The columns that a file of this convention has, values inside objects included.
        fields: Product field → its columns, best first.
        pairs: Name and value of numbered attributes, with # for the number.
        notation: Of a fact in a list of them: a regular expression with `name` and `value`.
        category_lists: What separates several category paths of one cell.
        category_steps: What separates the steps of a path, where a text has no usual mark.
        brand_attribute: The attribute that is the brand where no column is.
        pictures: Patterns of pictures that are named by other columns.
        rows: How rows that stand together make products.
        references: How rows that refer to others make products.
        variants: The columns with variants inside a record; each variant is read from the first.
        whole_variants: Each of them is written as a product is.
        skipped: Reason → column and the values with which a row is not for sale.
        minor_units: Columns of prices in the currency's minor unit → the column with the digits
            of that unit; empty where the currency alone says it.
        unused: Beginnings of further columns that are no attributes.
    """

    name: str
    columns: str
    fields: Mapping[str, str] = field(default_factory=dict)
    pairs: tuple[tuple[str, str], ...] = ()
    notation: str = ""
    category_lists: str = ""
    category_steps: str = ""
    brand_attribute: str = BRAND
    pictures: tuple[str, ...] = ()
    rows: Rows | None = None
    references: References | None = None
    variants: str = ""
    whole_variants: bool = False
    skipped: Mapping[str, tuple[str, frozenset[str]]] = field(default_factory=dict)
    minor_units: Mapping[str, str] = field(default_factory=dict)
    unused: tuple[str, ...] = ()

    def unsold(self, record: Mapping[str, object]) -> str:
        """Why a row is of nothing that is for sale; empty where it is."""
        if not self.skipped:
            return ""
        by_key = {key(column): column for column in record}
        for reason, (columns, unsold) in self.skipped.items():
            for name in columns.split("|"):
                if name in by_key:
                    written = values.text(record[by_key[name]]).casefold()
                    if written in unsold or (written and "*" in unsold):
                        return reason
        return ""

    @property
    def structural(self) -> frozenset[str]:
        """The columns that say what a row is and where it belongs."""
        found = [columns for columns, _ in self.skipped.values()]
        if self.rows:
            found += [self.rows.article, self.rows.position, self.rows.kind]
        if self.references:
            found += [self.references.kind, self.references.parent, self.references.listed]
        return frozenset(name for columns in found for name in columns.split("|") if name)


NO = frozenset({"0", "-1", "false", "no", "n"})
