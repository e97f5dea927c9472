"""ECSV, held against astropy's own writer."""

import warnings
from pathlib import Path
from typing import Any

import pytest
from astropy.table import MaskedColumn, Table
from hypothesis import given, settings
from hypothesis import strategies as st

from exposure_publisher.tables import ExposureTable, good_rows
from exposure_publisher.tables.values import is_none

# What a person might type into a header: quotes, commas, hashes and blanks, but no control characters.
WORDS = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=30).map(str.strip)
CELLS = st.tuples(WORDS, st.booleans(), st.floats(-90, 90), st.booleans(), st.booleans())


def masked(values: list[Any], mask: list[bool], kind: Any) -> MaskedColumn:
    return MaskedColumn(values, mask=mask, dtype=kind)


def written_by_astropy(rows: list[tuple[Any, ...]], path: Path, **options: Any) -> Path:
    words, no_words, numbers, no_numbers, flags = (list(column) for column in zip(*rows, strict=True))
    table = Table(
        {
            "PROGRAM": masked(words, no_words, str),
            "EXPID": list(range(7024040300451, 7024040300451 + len(rows))),
            "SKY DEC": masked(numbers, no_numbers, float),
            "NIGHT": [20230913] * len(rows),
            "DATA_WRITTEN": flags,
        }
    )
    table["SKY DEC"].unit = "deg"
    table.meta["origin"] = {"delimiter: ','": "not this one"}
    table.write(path, format="ascii.ecsv", overwrite=True, **options)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ecsv")


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(CELLS, min_size=1, max_size=5),
    delimiter=st.sampled_from([" ", ","]),
    how_masked=st.sampled_from(["null_value", "data_mask"]),
)
def test_what_astropy_writes_is_read_back(
    folder: Path, rows: list[tuple[Any, ...]], delimiter: str, how_masked: str
) -> None:
    path = written_by_astropy(rows, folder / "table.ecsv", delimiter=delimiter, serialize_method=how_masked)
    read = [
        (row["program"], row["skydec"], row["data_written"], row["expid"], row["night"])
        for row in good_rows(ExposureTable(path))
    ]
    assert read == [
        (
            None if no_word or is_none(word) else word,
            None if no_number else number,
            flag,
            7024040300451 + place,
            20230913,
        )
        for place, (word, no_word, number, no_number, flag) in enumerate(rows)
    ]


def test_words_between_spaces_and_quotes_stay_together(tmp_path: Path) -> None:
    rows = [('calib "long" arcs cd+xe', False, 1.5, False, True), ("#1, really", False, 2.5, True, False)]
    path = written_by_astropy(rows, tmp_path / "table.ecsv")
    assert '"calib ""long"" arcs cd+xe"' in path.read_text()
    assert [row["program"] for row in good_rows(ExposureTable(path))] == ['calib "long" arcs cd+xe', "#1, really"]


def test_a_table_with_times_is_read_as_astropy_writes_it(tmp_path: Path) -> None:
    from astropy.time import Time  # noqa: PLC0415 (it is slow, and only this test needs it)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # astropy may find its list of leap seconds old; they play no part here
        moments = Time(["2023-09-14T03:14:15.926535897", "2023-09-14T19:00:00"], precision=9)
        Table({"EXPID": [1, 2], "DATE-OBS": moments}).write(tmp_path / "times.ecsv")
    read = list(good_rows(ExposureTable(tmp_path / "times.ecsv")))
    assert [row["date"].isoformat() for row in read] == [
        "2023-09-14T03:14:15.926535+00:00",
        "2023-09-14T19:00:00+00:00",
    ]
    assert [row["night"] for row in read] == [20230913, 20230914]
