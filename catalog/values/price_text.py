"""Prices within text.

The amounts beside a currency are prices; other numbers count or measure something. Where there is
no currency, a text is a price if it has nothing but a number or a range. Amounts that are saved, or
paid for shipping, are no prices, and amounts per unit are none where another is there.
"""

import re
from collections.abc import Iterator

from catalog.values.currencies import (
    SYMBOLS,
    THREE_DECIMALS,
    WORDS,
    Money,
    currency_code,
)
from catalog.values.numerals import AMOUNT, parse_amount

TOKEN = re.compile(
    rf"(?P<split>\d+[{SYMBOLS}]\d\d(?![\d.,]))"  # 12€99
    rf"|(?P<amount>{AMOUNT.pattern})(?:[.,][-–—]+|/-)?"  # also 12,– and 1299/-
    rf"|(?P<sign>[A-Z]{{0,3}}[{SYMBOLS}]|S/\.?(?=\s*\d))"
    r"|(?P<word>[^\W\d_]+\.?)"
    r"|(?P<mark>[^\s\w.,:;*()\[\]'’!])"
)

# Words around a price that change nothing about it.
NEUTRAL = frozenset({
    "from", "only", "now", "at", "price", "about", "approx", "ca", "circa", "each", "ea", "mrp",
    "starting", "just", "ab", "nur", "jetzt", "preis", "je", "à", "partir", "de", "dès", "prix",
    "seulement", "desde", "precio", "solo", "ahora", "da", "prezzo", "vanaf", "od", "от",
    "incl", "inkl", "excl", "vat", "mwst", "ttc", "ht",
})  # fmt: skip
RANGE = frozenset({"-", "–", "—", "~", "to", "bis", "al", "hasta", "tot", "до"})
# Beside an amount they say that it is saved or paid for something else.
NO_PRICE_BEFORE = frozenset({
    "save", "saved", "saving", "savings", "discount", "shipping", "postage", "delivery", "deposit",
    "spare", "sparen", "rabatt", "versand", "pfand", "zzgl", "remise", "livraison", "ahorra",
    "envío", "+", "=",
})  # fmt: skip
NO_PRICE_AFTER = frozenset({
    "off", "discount", "shipping", "postage", "delivery", "deposit", "cashback", "rabatt",
    "versand", "pfand", "gespart", "günstiger", "remise", "ahorro", "%",
})  # fmt: skip
PER = frozenset({"/", "per", "pro", "par", "por"})


def prices_in(written: str) -> list[Money]:
    """The prices of a text, in its order."""
    tokens = _tokens(written)
    kinds = [kind for kind, _ in tokens]
    if written[:1] in ("-", "−"):
        return []
    if "currency" not in kinds:
        bare = [token for token in tokens if token[1].casefold() not in RANGE]
        alone = len(bare) <= 2 and all(kind == "amount" for kind, _ in bare)
        return [Money(parse_amount(amount)) for _, amount in bare] if alone else []
    prices: list[Money] = []
    per_unit: list[Money] = []
    for amount, currency in _beside_a_currency(tokens):
        first, last = min(amount, currency), max(amount, currency)
        before = _word(tokens, first - 1)
        after = _word(tokens, last + 1)
        if before in NO_PRICE_BEFORE or after in NO_PRICE_AFTER:
            continue
        code = tokens[currency][1]
        price = Money(parse_amount(tokens[amount][1], thousandths=code in THREE_DECIMALS), code)
        of_unit = after in PER and last + 2 < len(tokens)
        (per_unit if of_unit else prices).append(price)
    return prices or per_unit


def _tokens(written: str) -> list[tuple[str, str]]:
    """Amounts, currencies (as their codes), words and marks of a text, without neutral words."""
    tokens: list[tuple[str, str]] = []
    for found in TOKEN.finditer(written):
        kind, token = found.lastgroup or "", found[0]
        if kind == "split":
            tokens += [
                ("amount", re.sub(r"\D", ".", token)),
                ("currency", _code(token.strip("0123456789"))),
            ]
        elif kind == "amount":
            tokens.append((kind, found["amount"]))
        elif kind == "sign":
            if tokens and len(tokens[-1][1]) == 2 and currency_code(tokens[-1][1] + token):
                token = tokens.pop()[1] + token  # "US $"
            tokens.append(("currency", _code(token)))
        elif kind == "mark":
            tokens.append((kind, token))
        elif token.rstrip(".").casefold() not in NEUTRAL:
            code = currency_code(token)
            is_word = code is None or code in WORDS
            tokens.append((kind, token) if is_word else ("currency", code or ""))
    kinds = dict(tokens)
    if len(tokens) == 2 and (code := currency_code(kinds.get("word", ""))) and "amount" in kinds:
        tokens = [token if token[0] == "amount" else ("currency", code) for token in tokens]
    return tokens


def _beside_a_currency(tokens: list[tuple[str, str]]) -> Iterator[tuple[int, int]]:
    """Each amount that belongs to a currency, with that currency, by their places in the text."""
    owner: dict[int, int] = {}
    for at, (kind, _) in enumerate(tokens):
        if kind == "currency":
            beside = [each for each in (at - 1, at + 1) if _kind(tokens, each) == "amount"]
            if beside:
                amount = min(beside, key=lambda each: _likelihood(tokens, each, at))
                owner.setdefault(amount, at)
    for amount, currency in owner.items():
        yield amount, currency
        # "10 - 20 EUR": both ends of a range, unless a word before makes the first one a count
        first = amount - 2
        in_range = _kind(tokens, first) == "amount" and _word(tokens, amount - 1) in RANGE
        if in_range and currency > amount and first not in owner and not _word(tokens, first - 1):
            yield first, currency


def _likelihood(tokens: list[tuple[str, str]], amount: int, currency: int) -> tuple[bool, ...]:
    """Sorts the amounts beside one currency, the likelier one first.

    A price more often has no other currency, has decimals, has no word on its other side (which
    would be what it counts), and follows its currency.
    """
    other = 2 * amount - currency
    return (
        _kind(tokens, other) == "currency",
        not re.search(r"[.,]\d", tokens[amount][1]),
        _kind(tokens, other) == "word",
        amount < currency,
    )


def _kind(tokens: list[tuple[str, str]], at: int) -> str:
    return tokens[at][0] if 0 <= at < len(tokens) else ""


def _code(sign: str) -> str:
    return currency_code(sign) or currency_code(sign[-1]) or ""


def _word(tokens: list[tuple[str, str]], at: int) -> str:
    is_word = _kind(tokens, at) in ("word", "mark")
    return tokens[at][1].rstrip(".").casefold() if is_word else ""
