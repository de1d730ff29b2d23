"""Numbers with a unit, as the texts of attributes have them: "300 g", "1,5 l", "64-bit"."""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from qdrant.model import Range
from search.bounds import BARE, is_within

# By kind, each unit with its size and its other spellings. Sizes are relative within a kind. Units
# that differ by country (gallon, pint) are not among them, and neither are those with another zero
# (°F). Months and years are of a kind of their own: no number of days is a month.
UNITS: Mapping[str, Mapping[str, tuple[float, str]]] = {
    "mass": {
        "mg": (1e-3, "milligram, milligrams"),
        "g": (1, "gr, gm, gms, gram, grams, gramm, gramme, grammes"),
        "kg": (1e3, "kgs, kilo, kilos, kilogram, kilograms, kilogramm, kilogramme"),
        "t": (1e6, "tonne, tonnes"),
        "oz": (28.349523125, "ounce, ounces"),
        "lb": (453.59237, "lbs, pound, pounds"),
    },
    "length": {
        "µm": (1e-3, "um, micron, microns"),
        "mm": (1, "millimeter, millimetre, millimeters, millimetres"),
        "cm": (10, "cms, centimeter, centimetre, centimeters, centimetres, zentimeter"),
        "m": (1e3, "meter, metre, meters, metres, mtr, mtrs"),
        "km": (1e6, "kilometer, kilometre, kilometers, kilometres"),
        "in": (25.4, "inch, inches, zoll, \", ″, ''"),
        "ft": (304.8, "foot, feet, ', ′"),
        "yd": (914.4, "yard, yards"),
    },
    "area": {
        "mm²": (1e-6, "mm2, sq mm"),
        "cm²": (1e-4, "cm2, sq cm"),
        "m²": (1, "m2, sqm, sq m, qm"),
        "ft²": (0.09290304, "ft2, sqft, sq ft"),
    },
    "volume": {
        "ml": (1, "mls, cc, cm³, cm3, milliliter, millilitre, milliliters, millilitres"),
        "cl": (10, "centiliter, centilitre"),
        "dl": (100, "deciliter, decilitre"),
        "l": (1e3, "lt, ltr, ltrs, liter, litre, liters, litres"),
        "m³": (1e6, "m3"),
        "fl oz": (29.5735295625, "floz, fl. oz, fluid ounce, fluid ounces"),
    },
    "data": {
        "KB": (1e-3, "kilobyte, kilobytes"),
        "MB": (1, "megabyte, megabytes"),
        "GB": (1e3, "gigabyte, gigabytes"),
        "TB": (1e6, "terabyte, terabytes"),
        "MiB": (1.048576, ""),
        "GiB": (1073.741824, ""),
        "TiB": (1099511.627776, ""),
    },
    "bit rate": {
        "kbit/s": (1e-3, "kbps"),
        "Mbit/s": (1, "Mbps, Mb/s"),
        "Gbit/s": (1e3, "Gbps, Gb/s"),
    },
    "byte rate": {"MB/s": (1, ""), "GB/s": (1e3, "")},
    "frequency": {"Hz": (1e-6, "hertz"), "kHz": (1e-3, ""), "MHz": (1, ""), "GHz": (1e3, "")},
    "power": {"mW": (1e-3, ""), "W": (1, "watt, watts"), "kW": (1e3, "kilowatt, kilowatts")},
    "voltage": {"mV": (1e-3, ""), "V": (1, "volt, volts"), "kV": (1e3, "")},
    "current": {"mA": (1e-3, ""), "A": (1, "amp, amps, ampere, amperes")},
    "charge": {"mAh": (1e-3, ""), "Ah": (1, "")},
    "energy": {"Wh": (1, ""), "kWh": (1e3, "")},
    "duration": {
        "ms": (1e-3, "millisecond, milliseconds"),
        "s": (1, "sec, secs, second, seconds, sekunde, sekunden"),
        "min": (60, "mins, minute, minutes, minuten"),
        "h": (3_600, "hr, hrs, hour, hours, std, stunde, stunden"),
        "days": (86_400, "day, tag, tage"),
        "weeks": (604_800, "week, woche, wochen"),
    },
    "calendar": {
        "months": (1, "month, monat, monate"),
        "years": (12, "year, yr, yrs, jahr, jahre"),
    },
}  # fmt: skip
# A number and a unit. A decimal comma has one or two digits after it: "1,250" may be a thousand.
# A unit that is not listed may be any few letters and signs.
QUANTITY = re.compile(
    r"([+-]?(?:\d{1,12}(?:\.\d{1,20}|,\d{1,2})?|\.\d{1,20}))"
    r"(?:\s*|-)([^\d\s.,:;+\-/|()][^\d.,:;|()]{0,18}|[cm]?m[23]|ft2|fl\. oz)\.?"
)
NAMED_UNIT = re.compile(r"[(\[]([^()\[\]]+)[)\]]$")
# An attribute is a quantity where this share of its products have a number with a unit of one kind.
LEAST_SHARE = 0.75
DIGITS = 12  # of a converted number: beyond them are rounding errors alone
CACHED = 4_096  # units, as they were written


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of a kind.

    Attributes:
        symbol: as it is shown.
        kind: units of one kind are converted into each other.
        size: relative to the other units of the kind.
    """

    symbol: str
    kind: str
    size: float


def _spellings() -> Iterator[tuple[str, Unit]]:
    for kind, units in UNITS.items():
        for symbol, (size, others) in units.items():
            for spelling in filter(None, (symbol, *others.split(", "))):
                yield spelling, Unit(symbol, kind, size)


EXACT = dict(_spellings())
# Without case, where that leaves one unit: "mb/s" may be bits or bytes.
FOLDED_COUNTS = Counter(spelling.casefold() for spelling in EXACT)
FOLDED = {
    spelling.casefold(): unit
    for spelling, unit in EXACT.items()
    if FOLDED_COUNTS[spelling.casefold()] == 1
}


@lru_cache(CACHED)
def unit_of(written: str) -> Unit:
    """The unit of that spelling; one that is not listed is the only one of its kind."""
    spelling = " ".join(written.split()).rstrip(".")
    folded = spelling.casefold()
    return EXACT.get(spelling) or FOLDED.get(folded) or Unit(spelling, f"“{folded}”", 1)


def unit_in_name(name: str) -> Unit | None:
    """The unit in brackets at the end of a name, as in "Weight (kg)"."""
    match = NAMED_UNIT.search(name)
    return unit_of(match[1]) if match else None


def number_in(unit: Unit, value: str) -> float | None:
    """The number of a value in a unit; None where it has no unit, or one of another kind."""
    match = QUANTITY.fullmatch(value)
    if match is None:
        return None
    return convert(float(match[1].replace(",", ".")), unit_of(match[2]), unit)


def convert(amount: float, unit: Unit, other: Unit) -> float | None:
    """An amount in another unit; None where that is of another kind."""
    if unit.kind != other.kind:
        return None
    return float(f"{amount * unit.size / other.size:.{DIGITS}g}")


@dataclass(frozen=True, slots=True)
class Quantities:
    """The values of an attribute that are numbers with units of one kind.

    Attributes:
        unit: the commonest of them.
        values: the values by their number in that unit; equal numbers may be written differently.
    """

    unit: Unit
    values: Mapping[float, Sequence[str]]

    @classmethod
    def read(cls, values: Mapping[str, int]) -> "Quantities | None":
        """Those of an attribute; None where most of its values are something else.

        Args:
            values: products by value.
        """
        unit = _common_unit(values)
        if unit is None:
            return None
        found: dict[float, list[str]] = {}
        for value in values:
            number = number_in(unit, value)
            if number is not None:
                found.setdefault(number, []).append(value)
        return cls(unit, found)

    def within(self, ranges: Collection[Range]) -> list[str]:
        """The values whose numbers are in one of the ranges."""
        return [
            value
            for number, values in self.values.items()
            if any(is_within(number, each) for each in ranges)
            for value in values
        ]

    def equal(self, written: str) -> Sequence[str]:
        """The values of the same number, which may be written without a unit."""
        if BARE.fullmatch(written):
            return self.values.get(float(written), ())
        number = number_in(self.unit, written)
        return () if number is None else self.values.get(number, ())


def _common_unit(values: Mapping[str, int]) -> Unit | None:
    """The commonest unit of the commonest kind, where enough products have that."""
    units: Counter[Unit] = Counter()
    kinds: Counter[str] = Counter()
    for value, products in values.items():
        if match := QUANTITY.fullmatch(value):
            unit = unit_of(match[2])
            units[unit] += products
            kinds[unit.kind] += products
    for kind, products in kinds.most_common(1):
        if products >= LEAST_SHARE * sum(values.values()):
            return next(unit for unit, _ in units.most_common() if unit.kind == kind)
    return None
