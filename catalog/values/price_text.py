"""Prices within text.

The amounts beside a currency are prices; other numbers count or measure something. Where there is
no currency, a text is a price if it has nothing but a number or a range. Amounts that are saved, or
paid for shipping, are no prices. Amounts per unit, and those for several at once ("2 for $5", which
is 2.50 each), count where no other price is there.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from catalog.values.currencies import (
    CODES,
    SYMBOLS,
    THREE_DECIMALS,
    WORDS,
    Money,
    currency_code,
)
from catalog.values.numerals import AMOUNT, parse_amount

PERCENT = re.compile(
    r"(?<!\d)[-−+]?\s?\d+(?:[.,]\d+)?\s?%(?:\s?(?:off|discount|rabatt)\b)?", re.IGNORECASE
)
TOKEN = re.compile(
    rf"(?P<split>\d+[:{SYMBOLS}]\d\d(?![\d.,:]))"  # 12€99, and 12:99 in Sweden
    # also 12,– and 12:- and 1299/-; "1.5k" is too coarse for a price
    rf"|(?P<amount>(?>{AMOUNT.pattern})(?![kKM]\b))(?:[.,:][-–—]+|/-)?"
    rf"|(?P<sign>[A-Z]{{0,3}}[{SYMBOLS}]|S/\.?(?=\s*\d)|د\.إ|ر\.س|ج\.م)"
    r"|(?P<word>[^\W\d_]+\.?)"
    r"|(?P<mark>[^\s\w.,:;*()\[\]'’!])"
)

# Words around a price that change nothing about it.
NEUTRAL = frozenset({
    "from", "only", "now", "at", "price", "about", "approx", "ca", "circa", "each", "ea", "mrp",
    "starting", "just", "ab", "nur", "jetzt", "preis", "je", "à", "partir", "de", "dès", "prix",
    "seulement", "desde", "precio", "solo", "ahora", "da", "prezzo", "vanaf", "od", "от", "inc",
    "incl", "including", "included", "inkl", "excl", "excluding", "exkl", "vat", "gst", "tax",
    "taxes", "mwst", "iva", "tva", "moms", "ttc", "ht", "net", "netto", "brutto", "pvp",
})  # fmt: skip
COUNT = re.compile(r"[2-9]|[1-9]\d")
RANGE = frozenset({"-", "–", "—", "~", "to", "bis", "al", "hasta", "tot", "до"})
# Beside an amount they say that it is saved or paid for something else.
NO_PRICE_BEFORE = frozenset({
    "save", "saved", "saving", "savings", "discount", "shipping", "postage", "delivery", "deposit",
    "spare", "sparen", "rabatt", "versand", "pfand", "zzgl", "remise", "livraison", "ahorra",
    "envío", "+", "=",
})  # fmt: skip
NO_PRICE_AFTER = frozenset({
    "off", "discount", "shipping", "postage", "delivery", "deposit", "cashback", "rabatt",
    "versand", "pfand", "gespart", "günstiger", "remise", "ahorro",
})  # fmt: skip
PER = frozenset({"/", "per", "pro", "par", "por"})
FOR = frozenset({"/", "for", "für", "pour", "por", "per", "voor", "za", "för"})  # "2 for $5"


class _Token(NamedTuple):
    """A part of a text.

    Attributes:
        kind: amount, currency, word or mark.
        text: As written; of a currency its code.
        exact: A currency by its code: a sign may be shared by several.
    """

    kind: str
    text: str
    exact: bool = False


NOTHING = _Token("", "")


class _Tokens(list[_Token]):
    """The tokens of a text without neutral words; beyond either end there is `NOTHING`."""

    def at(self, place: int) -> _Token:
        return self[place] if 0 <= place < len(self) else NOTHING

    def word(self, place: int) -> str:
        """The word or mark at a place, in lower case; empty if something else is there."""
        token = self.at(place)
        return token.text.rstrip(".").casefold() if token.kind in ("word", "mark") else ""

    def add_currency(self, code: str, *, exact: bool) -> None:
        """Add a currency; beside its sign, the code alone counts ("CAD $", "$ CAD")."""
        last = self.at(len(self) - 1)
        if last.kind != "currency" or last.exact == exact:
            self.append(_Token("currency", code, exact))
        elif exact:
            self[-1] = _Token("currency", code, exact)


def prices_in(written: str) -> list[Money]:
    """The prices of a text, in its order."""
    written = PERCENT.sub(" ", written).strip().removesuffix(" -")
    tokens = _tokens(written)
    if written[:1] in ("-", "−"):
        return []
    if not any(token.kind == "currency" for token in tokens):
        is_range = len(tokens) == 3 and tokens.word(1) in RANGE
        ends = tokens[::2] if is_range else tokens if len(tokens) == 1 else []
        return [Money(parse_amount(amount)) for kind, amount, _ in ends if kind == "amount"]
    prices: list[Money] = []
    per_unit: list[Money] = []
    for amount, currency in _beside_a_currency(tokens):
        first, last = min(amount, currency), max(amount, currency)
        if tokens.word(first - 1) in NO_PRICE_BEFORE or tokens.word(last + 1) in NO_PRICE_AFTER:
            continue
        code = tokens[currency].text
        thousandths = code in THREE_DECIMALS
        price = Money(parse_amount(tokens[amount].text, thousandths=thousandths), code)
        if items := _items(tokens, first):
            per_unit.append(Money(round(price.amount / items, 2), code))
        elif tokens.word(last + 1) in PER and last + 2 < len(tokens):
            per_unit.append(price)
        else:
            prices.append(price)
    return prices or per_unit


def _items(tokens: _Tokens, first: int) -> int:
    """How many a price is for, as "2 for" before it says; 0 where it is for one."""
    several = tokens.at(first - 2)
    if tokens.word(first - 1) not in FOR or tokens.at(first - 3).kind == "word":
        return 0  # "set of 2 for $15" is one product
    return int(several.text) if several.kind == "amount" and COUNT.fullmatch(several.text) else 0


def _tokens(written: str) -> _Tokens:
    tokens = _Tokens()
    for found in TOKEN.finditer(written):
        kind, token = found.lastgroup or "", found[0]
        if kind == "split":
            tokens.append(_Token("amount", re.sub(r"\D", ".", token)))
            sign = token.strip("0123456789")
            if sign != ":":
                tokens.add_currency(currency_code(sign) or "", exact=False)
        elif kind == "amount":
            tokens.append(_Token(kind, found["amount"]))
        elif kind == "sign":
            _add_sign(tokens, token)
        elif kind == "mark":
            tokens.append(_Token(kind, token))
        elif token.rstrip(".").casefold() not in NEUTRAL:
            code = currency_code(token)
            if code is None or code in WORDS:
                tokens.append(_Token(kind, token))
            else:
                tokens.add_currency(code, exact=token.upper() in CODES)
    return _with_codes_alone(tokens)


def _add_sign(tokens: _Tokens, sign: str) -> None:
    """Add a sign such as "$", also with letters before it: "US$", "US $", "CLP$"."""
    before = tokens.at(len(tokens) - 1)
    if before.kind == "word" and len(before.text) == 2 and currency_code(before.text + sign):
        sign = tokens.pop().text + sign
    letters = sign.rstrip(SYMBOLS)
    if letters in CODES:
        tokens.add_currency(letters, exact=True)
    else:
        code = currency_code(sign)
        tokens.add_currency(
            code or currency_code(sign[-1]) or "", exact=code != "USD" and bool(letters)
        )


def _with_codes_alone(tokens: _Tokens) -> _Tokens:
    """A code that is a word as well is a currency where only an amount is beside it: "12 PEN"."""
    if len(tokens) == 2 and {token.kind for token in tokens} == {"amount", "word"}:
        for place, token in enumerate(tokens):
            code = currency_code(token.text) if token.kind == "word" else None
            if code is not None:
                tokens[place] = _Token("currency", code, exact=True)
    return tokens


def _beside_a_currency(tokens: _Tokens) -> Iterator[tuple[int, int]]:
    """Each amount that belongs to a currency, with that currency, by their places in the text."""
    owner: dict[int, int] = {}
    for at, token in enumerate(tokens):
        if token.kind == "currency":
            beside = [each for each in (at - 1, at + 1) if tokens.at(each).kind == "amount"]
            if beside:
                amount = min(beside, key=lambda each: _likelihood(tokens, each, at))
                if amount not in owner or (token.exact and not tokens[owner[amount]].exact):
                    owner[amount] = at  # "$5 CAD": the code counts
    for amount, currency in owner.items():
        yield amount, currency
        # "10 - 20 EUR": both ends of a range, unless a word before makes the first one a count
        first = amount - 2
        in_range = tokens.at(first).kind == "amount" and tokens.word(amount - 1) in RANGE
        if in_range and currency > amount and first not in owner and not tokens.word(first - 1):
            yield first, currency


def _likelihood(tokens: _Tokens, amount: int, currency: int) -> tuple[bool, ...]:
    """Sorts the amounts beside one currency, the likelier one first.

    A price more often has no other currency, has decimals, has no word on its other side (which
    would be what it counts), and follows its currency.
    """
    other = tokens.at(2 * amount - currency)
    return (
        other.kind == "currency",
        not re.search(r"[.,]\d", tokens[amount].text),
        other.kind == "word",
        amount < currency,
    )
