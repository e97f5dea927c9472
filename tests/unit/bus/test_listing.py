"""Listings: what a person sees, and what a program reads back."""

import csv
import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exposure_bus.command.listing import Format, as_json, as_text, print_rows
from exposure_bus.moments import iso

MOMENT = datetime(2023, 9, 14, 3, 14, 15, 926535, tzinfo=UTC)
ROW = {"expid": 195972, "seeing": 1.1, "program": "dark", "date": MOMENT, "data_written": True, "s2n": None}

Capture = pytest.CaptureFixture[str]


def printed(rows: Sequence[dict[str, Any]], columns: Sequence[str], output_format: Format, capture: Capture) -> str:
    print_rows(iter(rows), columns, output_format)
    return capture.readouterr().out


def test_json_is_one_object_a_line_with_typed_values(capsys: Capture) -> None:
    lines = printed([ROW, ROW | {"data_written": False}], list(ROW), "json", capsys).splitlines()
    assert json.loads(lines[0]) == ROW | {"date": "2023-09-14T03:14:15.926535Z"}
    assert json.loads(lines[1])["data_written"] is False
    assert len(lines) == 2


def test_json_lines_come_as_their_rows_do(capsys: Capture) -> None:
    """A listing that runs on, such as a tap, is read line by line."""

    def rows() -> Any:
        yield ROW
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        print_rows(rows(), ["expid"], "json")
    assert capsys.readouterr().out == '{"expid": 195972}\n'


def test_json_keeps_letters_of_every_alphabet_as_they_are() -> None:
    assert as_json({"program": "Ünïcödé ☄"}, ["program"]) == '{"program": "Ünïcödé ☄"}'


def test_csv_has_a_header_and_a_line_a_row(capsys: Capture) -> None:
    assert printed([ROW], list(ROW), "csv", capsys) == (
        "expid,seeing,program,date,data_written,s2n\n195972,1.1,dark,2023-09-14T03:14:15.926535Z,true,\n"
    )


@given(st.text(), st.floats(allow_nan=False), st.none() | st.integers())
def test_csv_and_json_give_back_what_was_put_in(text: str, number: float, whole: int | None) -> None:
    row = {"a,b": text, "c": number, "d": whole}
    assert json.loads(as_json(row, list(row))) == row
    output = io.StringIO()
    csv.writer(output).writerow(map(as_text, row.values()))
    (read,) = csv.reader(io.StringIO(output.getvalue(), newline=""))
    assert read == [text, as_text(number), as_text(whole)]
    assert float(read[1]) == number


@pytest.mark.parametrize("output_format", ["json", "csv", "table"])
def test_only_the_columns_that_are_asked_for_are_shown_in_their_order(output_format: Format, capsys: Capture) -> None:
    shown = printed([ROW], ["program", "expid"], output_format, capsys)
    assert shown.index("dark") < shown.index("195972")
    assert "1.1" not in shown


def test_no_rows_are_an_empty_listing(capsys: Capture) -> None:
    assert printed([], ["expid"], "json", capsys) == ""
    assert printed([], ["expid"], "csv", capsys) == "expid\n"
    assert printed([], ["expid"], "table", capsys).split() == ["expid"]


def test_a_table_has_a_line_a_row_and_leaves_out_columns_without_a_value(capsys: Capture) -> None:
    lines = printed([ROW, ROW | {"expid": 7}], ["expid", "program", "s2n"], "table", capsys).splitlines()
    assert [line.split() for line in lines] == [["expid", "program"], ["195972", "dark"], ["7", "dark"]]
    assert lines[2].startswith("     7"), "numbers stand on the right"


def test_a_table_in_a_pipe_is_never_folded_or_coloured(capsys: Capture) -> None:
    long = "x" * 500
    shown = printed([{"a": long, "b": long}] * 2, ["a", "b"], "table", capsys)
    assert [line.split() for line in shown.splitlines()[1:]] == [[long, long]] * 2
    assert "\x1b" not in shown


def test_a_single_wide_row_is_shown_downwards_with_every_column(capsys: Capture) -> None:
    row = {f"column{number}": number for number in range(9)} | {"none": None}
    lines = printed([row], list(row), "table", capsys).splitlines()
    assert [line.split() for line in lines] == [[f"column{number}", str(number)] for number in range(9)] + [["none"]]


def test_text_that_looks_like_markup_is_only_text(capsys: Capture) -> None:
    for count in (1, 2):
        assert "[red]dark[/red]" in printed([{"program": "[red]dark[/red]"}] * count, ["program"], "table", capsys)


def test_a_moment_is_shown_in_utc_whatever_its_time_zone() -> None:
    arizona = timezone(timedelta(hours=-7))
    assert iso(datetime(2023, 9, 13, 20, 14, 15, tzinfo=arizona)) == "2023-09-14T03:14:15Z"
    assert iso(MOMENT) == "2023-09-14T03:14:15.926535Z"


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, ""), (True, "true"), (False, "false"), (1.0, "1.0"), (1e-300, "1e-300"), (0, "0"), ("a b", "a b")],
)
def test_values_are_shown_plainly(value: Any, text: str) -> None:
    assert as_text(value) == text


def test_a_value_without_a_json_form_is_a_mistake_of_ours() -> None:
    with pytest.raises(TypeError, match="no JSON for set"):
        as_json({"a": set()}, ["a"])
