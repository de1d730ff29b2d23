"""Dates."""

import datetime as dt
import re
from collections.abc import Mapping
from typing import ClassVar

from dateutil.parser import parse, parserinfo

from catalog.values.literals import parse_literal
from catalog.values.running_text import text

YEARS = range(1900, 2200)  # of what a shop sells
LONGEST = 50  # characters; a longer text is none
SECONDS = re.compile(r"\d{9,10}(?:\.\d+)?")  # since 1970: from 1973 on
MILLISECONDS = re.compile(r"\d{12,13}")
YEAR_FIRST = re.compile(r"(\d{4})(?:(\d\d)(\d\d)|[-/.](\d{1,2})[-/.](\d{1,2}))(?!\d)")
POINTS = re.compile(r"\d{1,2}\.\s?\d{1,2}\.\s?\d{4}\b")  # with points the day comes first
# Values for what a text leaves out; a text that takes one of them is no whole date.
DEFAULTS = (dt.datetime(2000, 1, 1), dt.datetime(2001, 2, 2))
KEYS = ("$date", "$numberLong", "date", "dateTime", "@value", "#text", "value")


class _Months(parserinfo):
    """The months in English, German, French, Spanish and Italian."""

    MONTHS: ClassVar = [
        ("Jan", "January", "Januar", "Jänner", "janvier", "janv", "enero", "ene", "gennaio", "gen"),
        ("Feb", "February", "Februar", "février", "févr", "febrero", "febbraio"),
        ("Mar", "March", "März", "Mrz", "mars", "marzo"),
        ("Apr", "April", "avril", "avr", "abril", "abr", "aprile"),
        ("May", "Mai", "mayo", "maggio", "mag"),
        ("Jun", "June", "Juni", "juin", "junio", "giugno", "giu"),
        ("Jul", "July", "Juli", "juillet", "juil", "julio", "luglio", "lug"),
        ("Aug", "August", "août", "agosto", "ago"),
        ("Sep", "Sept", "September", "septembre", "septiembre", "settembre", "set"),
        ("Oct", "October", "Okt", "Oktober", "octobre", "octubre", "ottobre", "ott"),
        ("Nov", "November", "novembre", "noviembre"),
        ("Dec", "December", "Dez", "Dezember", "décembre", "déc", "diciembre", "dic", "dicembre"),
    ]  # fmt: skip
    JUMP: ClassVar = [*parserinfo.JUMP, "de", "der", "den", "le", "del", "il", "er"]


MONTHS = _Months()


def date(value: object) -> str:
    """The ISO 8601 date of a cell, such as "2026-03-31"; empty where it has none.

    Takes ISO 8601 dates and times, seconds or milliseconds since 1970, dates with the month's name,
    and day, month and year as numbers where their order is clear: "31.3.2026", "3/31/2026", but not
    "3/4/2026". Of an interval or a list it is the first.
    """
    value = parse_literal(value)
    match value:
        case dt.date():
            return value.isoformat()[:10]
        case Mapping():
            return next(filter(None, (date(value.get(key)) for key in KEYS)), "")
        case list() | tuple():
            return next(filter(None, map(date, value)), "")
        case bool():
            return ""
    written = text(value)
    try:
        found = _parsed(written) if len(written) <= LONGEST else None
    except (ValueError, OverflowError, OSError):
        return ""
    return found.isoformat() if found and found.year in YEARS else ""


def _parsed(written: str) -> dt.date | None:
    if SECONDS.fullmatch(written):
        return dt.datetime.fromtimestamp(float(written), dt.UTC).date()
    if MILLISECONDS.fullmatch(written):
        return dt.datetime.fromtimestamp(int(written) / 1000, dt.UTC).date()
    if found := YEAR_FIRST.match(written):
        return dt.date(*(int(part) for part in found.groups() if part))
    if not re.search(r"\d{4}", written):  # a year of two digits may be a day
        return None
    orders = (True,) if POINTS.match(written) else (True, False)
    dates = {
        parse(written, MONTHS, default=default, dayfirst=day_first).date()
        for default in DEFAULTS
        for day_first in orders
    }
    return dates.pop() if len(dates) == 1 else None
