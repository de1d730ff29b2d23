import math
from decimal import Decimal

import pytest

from catalog.values import Money, money


@pytest.mark.parametrize(
    ("written", "amount", "currency"),
    [
        ("12.99 USD", 12.99, "USD"),
        ("USD 12.99", 12.99, "USD"),
        ("12.99 usd", 12.99, "USD"),
        ("EUR: 12,99", 12.99, "EUR"),
        ("$1,299.00", 1299.0, "USD"),
        ("1.299,00 €", 1299.0, "EUR"),
        ("€1.299", 1299.0, "EUR"),
        ("Rs. 899", 899.0, "INR"),
        ("Rs.899", 899.0, "INR"),
        ("₹1,29,999.50", 129999.5, "INR"),
        ("Rs 1299/-", 1299.0, "INR"),
        ("CHF 1'299.–", 1299.0, "CHF"),
        ("CHF 1’299.90", 1299.9, "CHF"),
        ("12,- €", 12.0, "EUR"),
        ("12€99", 12.99, "EUR"),
        ("$.99", 0.99, "USD"),
        (",89 €", 0.89, "EUR"),
        ("$0.125", 0.125, "USD"),
        ("1 299,00 kr", 1299.0, ""),
        ("450,00 руб.", 450.0, "RUB"),
        ("12.345,67 zł", 12345.67, "PLN"),
        ("R 1 299,00", 1299.0, "ZAR"),
        ("R$ 1.299,90", 1299.9, "BRL"),
        ("US $489.50", 489.5, "USD"),
        ("AU $5", 5.0, "AUD"),
        ("C$ 12", 12.0, "CAD"),
        ("S/ 12.90", 12.9, "PEN"),
        ("12.90 PEN", 12.9, "PEN"),
        ("１２９９円", 1299.0, "JPY"),
        ("150.000 VND", 150000.0, "VND"),
        ("KWD 1.250", 1.25, "KWD"),
        ("12,99&nbsp;&euro;", 12.99, "EUR"),
        ("<span>$</span>12<sup>99</sup>", 12.99, "USD"),
        ("EUR ca. 12,99", 12.99, "EUR"),
        ("12,99 EUR inkl. MwSt.", 12.99, "EUR"),
        ("$0.00", 0.0, "USD"),
        ("CAD $5.90", 5.9, "CAD"),
        ("$5.90 CAD", 5.9, "CAD"),
        ("5.90$ CAD", 5.9, "CAD"),
        ("CLP$12.990", 12990.0, "CLP"),
        ("149:50 kr", 149.5, ""),
        ("1299:-", 1299.0, ""),
    ],
)  # fmt: skip
def test_a_price_is_an_amount_with_its_currency(written, amount, currency):
    assert money(written) == Money(amount, currency)


@pytest.mark.parametrize(
    ("written", "amount", "currency"),
    [
        ("from $349 for 2 pairs", 349.0, "USD"),
        ("6 lamps from $349", 349.0, "USD"),
        ("4 Hefte für nur 13,20 EUR", 13.2, "EUR"),
        ("Used (7) from $93.50", 93.5, "USD"),
        ("Set of 2 USD 15", 15.0, "USD"),
        ("14,85 EUR 3 Stück", 14.85, "EUR"),
        ("15 EUR 2 Stück", 15.0, "EUR"),
        ("Bundle of 3 - $14.85", 14.85, "USD"),
        ("3 x 500 g 12.99 €", 12.99, "EUR"),
        ("Set of 2 for £15", 15.0, "GBP"),
        ("2 for £5 or £3.00", 3.0, "GBP"),
    ],
)
def test_counts_and_sizes_beside_a_price_are_no_prices(written, amount, currency):
    assert money(written) == Money(amount, currency)


@pytest.mark.parametrize(
    ("written", "amount"),
    [("2 for £5", 2.5), ("2/£5", 2.5), ("3 for £10", 3.33), ("3 für 10 £", 3.33),
     ("10 pour £8.50", 0.85), ("2 por solo £5", 2.5)],
)  # fmt: skip
def test_a_price_for_several_at_once_is_that_of_one(written, amount):
    assert money(written) == Money(amount, "GBP")


@pytest.mark.parametrize(
    ("written", "amount", "currency"),
    [
        ("£12.99 - £20.99", 12.99, "GBP"),
        ("10 - 20 EUR", 10.0, "EUR"),
        ("10.99 - 20.99", 10.99, ""),
        ("Rope, 3 metres. Was £24.00 Now £18.50", 18.5, "GBP"),
        ("<del>$20.00</del><ins>$15.00</ins>", 15.0, "USD"),
        ("12.99 USD 15.99 USD", 12.99, "USD"),
        ("$5 $10", 5.0, "USD"),
        ("$12.99 (€9.50)", 12.99, "USD"),
        ("$49.99 (save $10)", 49.99, "USD"),
        ("5,99 € (0,60 €/100 g)", 5.99, "EUR"),
        ("1 kg = 5,98 € 2,99 €", 2.99, "EUR"),
        ("5,98 €/kg", 5.98, "EUR"),
        ("-15% €12.99", 12.99, "EUR"),
        ("12.99 (15% off)", 12.99, ""),
        ("US $5 - US $9", 5.0, "USD"),
        ('"$12.99"', 12.99, "USD"),
        (["$12", "$9"], 9.0, "USD"),
        ([12, 9, "15"], 9.0, ""),
    ],
)
def test_of_several_prices_the_lowest_that_is_to_be_paid_is_taken(written, amount, currency):
    assert money(written) == Money(amount, currency)


@pytest.mark.parametrize(
    "written",
    ["", "n/a", "Call us", "Sold out", "free shipping", "12 pack", "250 ml", "50 GSM", "20%", '12"',
     "4.99 x 3", "2 12.99", "£1.5k", "$10 off", "+ $4.99 shipping", "-5", "-$5.00", "2026-03-31",
     "$" * 2000 + "1",
     None, True, math.nan, math.inf, 10**400, [], {}, {"currency": "USD"}],
)  # fmt: skip
def test_what_is_no_price_is_none(written):
    assert money(written) is None


@pytest.mark.parametrize(
    ("written", "amount"),
    [("12.99", 12.99), (".75", 0.75), ("1.299", 1.299), ("34.992001", 34.992001), ("1 299", 1299.0),
     ("1,234,567.890", 1234567.89), ("ab 12,99", 12.99), ("12.99 inc. GST", 12.99), ("1299/-",
     1299.0), (12, 12.0),
     (Decimal("8.99"), 8.99)],
)  # fmt: skip
def test_a_number_alone_is_a_price_of_unknown_currency(written, amount):
    assert money(written) == Money(amount)


@pytest.mark.parametrize(
    ("written", "amount", "currency"),
    [
        ({"amount": "12.99", "currencyCode": "USD"}, 12.99, "USD"),
        ({"value": 12.99, "currency": "usd"}, 12.99, "USD"),
        ('{"amount": "12.99", "currency": "€"}', 12.99, "EUR"),
        ({"@type": "Offer", "price": "12.99", "priceCurrency": "EUR"}, 12.99, "EUR"),
        ({"offers": [{"lowPrice": 3, "highPrice": 9, "priceCurrency": "GBP"}]}, 3.0, "GBP"),
        ({"priceSpecification": [{"price": 9.5, "priceCurrency": "EUR"}]}, 9.5, "EUR"),
        ({"regular_price": "20", "sale_price": "15"}, 15.0, ""),
        ({"regular_price": "20", "sale_price": ""}, 20.0, ""),
        ({"shop_money": {"amount": "9.5", "currency_code": "EUR"}}, 9.5, "EUR"),
        ({"gross": {"amount": 5.5, "currency": "PLN"}, "net": {"amount": 5}}, 5.5, "PLN"),
        ({"EUR": 12.5, "USD": 14}, 12.5, "EUR"),
    ],
)
def test_an_object_gives_its_amount_and_currency(written, amount, currency):
    assert money(written) == Money(amount, currency)


@pytest.mark.parametrize(
    "written",
    [
        {"amount": 1299, "exponent": 2, "currency": "EUR"},
        {"amount": "1299", "decimals": 2, "currency": "EUR"},
        {"amount": "12.99", "decimals": 2, "currency": "EUR"},
        {"amount": 1299, "scale": 2, "currency": {"code": "EUR", "base": 10}},
        {"price": "1299", "currency_code": "EUR", "currency_minor_unit": 2},
        {"centAmount": 1299, "currencyCode": "EUR", "fractionDigits": 2},
        {"amountMicros": "12990000", "currencyCode": "EUR"},
        {"unit_amount": 1299, "currency": "eur"},
        {"Amount": 1299, "CurrencyCode": "EUR", "FormattedPrice": "€12.99"},
    ],
)
def test_an_amount_in_minor_units_is_given_in_major_ones(written):
    assert money(written) == Money(12.99, "EUR")
