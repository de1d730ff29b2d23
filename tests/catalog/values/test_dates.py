import datetime as dt
import math

import pytest

from catalog.values import date


@pytest.mark.parametrize(
    "written",
    ["2021-03-31", "20210331", "2021/3/31", "2021.03.31", "2021-03-31T23:59:59+02:00",
     "2021-03-31T10:00Z/2021-04-07T10:00Z", "31.3.2021", "31. 03. 2021", "31/03/2021", "3/31/2021",
     "31-03-2021", "31 Mar 2021", "March 31st, 2021", "Wed, 31 Mar 2021 10:00:00 GMT",
     "31. März 2021", "31 mars 2021", "31 de marzo de 2021", "1617148800", 1617148800,
     1617148800.5, "1617148800000", 1617148800000, dt.date(2021, 3, 31),
     dt.datetime(2021, 3, 31, 12), {"$date": "2021-03-31T00:00:00Z"},
     {"$date": {"$numberLong": "1617148800000"}}, ["", "2021-03-31"]],
)  # fmt: skip
def test_a_date_is_given_in_iso_8601(written):
    assert date(written) == "2021-03-31"


def test_with_points_the_day_comes_first():
    assert date("01.02.2021") == "2021-02-01"


@pytest.mark.parametrize(
    "written",
    ["", "n/a", "3/4/2021", "04-03-2021", "2021", "2021-03", "March 2021", "March 31", "31.03.21",
     "2021-02-30", "2021-13-01", "0000-00-00", "9999-12-31", "12", 12, "4.5", "blue", "soon",
     "1200 x 1600", "9" * 30, "x" * 10_000, True, None, math.nan, [], {}],
)  # fmt: skip
def test_what_is_no_clear_date_is_empty(written):
    assert date(written) == ""
