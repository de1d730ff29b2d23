"""Currencies: their ISO 4217 codes, and the signs and words that stand for them."""

from dataclasses import dataclass

ISO_4217 = (
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP "
    "BYN BZD CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP "
    "GEL GHS GIP GMD GNF GTQ GYD HKD HNL HRK HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS "
    "KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR "
    "MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF "
    "SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD "
    "TZS UAH UGX USD UYU UZS VED VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW ZWG"
)
CODES = frozenset(ISO_4217.split())
REPLACED = {"RUR": "RUB", "BYR": "BYN"}  # codes that feeds still have → those of today
# English words as well: a currency only where nothing else but the amount is there.
WORDS = frozenset({"ALL", "COP", "CUP", "GEL", "MAD", "MOP", "PEN", "TOP", "TRY"})
# Their prices have three decimals: "KWD 1.250" is one and a quarter.
THREE_DECIMALS = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})
# They have no minor unit.
NO_DECIMALS = frozenset(
    "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split()  # noqa: SIM905
)

SYMBOLS = "$€£₤¥￥円元₹₨₽₩원₺₴₪₫฿₱₦₵₸₼₾₲₡৳"

# What stands for a currency in prices. A sign that several share is the commonest of them ("$",
# "£", "¥", "Rs"), or none where no country's shops outnumber the others' by far ("kr").
SIGNS = {
    "$": "USD", "US$": "USD", "A$": "AUD", "AU$": "AUD", "C$": "CAD", "CA$": "CAD", "CAD$": "CAD",
    "CDN$": "CAD", "HK$": "HKD", "MX$": "MXN", "NT$": "TWD", "NZ$": "NZD", "R$": "BRL",
    "S$": "SGD", "SG$": "SGD", "N$": "NAD", "J$": "JMD", "TT$": "TTD", "RD$": "DOP",
    "dollars": "USD", "€": "EUR", "euro": "EUR", "euros": "EUR", "£": "GBP", "₤": "GBP",
    "¥": "JPY", "￥": "JPY", "円": "JPY", "CN¥": "CNY", "元": "CNY", "RMB": "CNY", "₹": "INR",
    "Rs": "INR", "₨": "INR", "₽": "RUB", "руб": "RUB", "р": "RUB", "₩": "KRW", "원": "KRW",
    "₺": "TRY", "TL": "TRY", "₴": "UAH", "грн": "UAH", "zł": "PLN", "Kč": "CZK", "Ft": "HUF",
    "lei": "RON", "лв": "BGN", "SFr": "CHF", "Fr": "CHF", "₪": "ILS", "₫": "VND", "đ": "VND",
    "฿": "THB", "₱": "PHP", "Rp": "IDR", "RM": "MYR", "₦": "NGN", "₵": "GHS", "GH₵": "GHS",
    "₸": "KZT", "₼": "AZN", "₾": "GEL", "₲": "PYG", "₡": "CRC", "৳": "BDT", "R": "ZAR",
    "S/": "PEN", "د.إ": "AED", "Dhs": "AED", "SR": "SAR", "ر.س": "SAR", "ج.م": "EGP", "kr": "",
}  # fmt: skip
# Too short to be taken in another case: "ft" is a length, "r" and "fr" are abbreviations.
_ANY_CASE = {sign.casefold(): code for sign, code in SIGNS.items() if len(sign) > 2}


@dataclass(frozen=True, slots=True)
class Money:
    """An amount ≥ 0 and its currency: an ISO 4217 code, or empty where the feed has none."""

    amount: float
    currency: str = ""


def minor_digits(code: str) -> int:
    """How many decimals a currency has by ISO 4217; 2 of an unknown one."""
    return 0 if code in NO_DECIMALS else 3 if code in THREE_DECIMALS else 2


def currency_code(written: str) -> str | None:
    """The ISO 4217 code of a code or sign, such as "usd", "Rs." or "€".

    Returns:
        An empty text for a sign whose currency is open, such as "kr"; None for no currency.
    """
    sign = written.strip().rstrip(".")
    sign = REPLACED.get(sign.upper(), sign)
    if sign.upper() in CODES:
        return sign.upper()
    return SIGNS.get(sign, _ANY_CASE.get(sign.casefold()))
