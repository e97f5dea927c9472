"""Tables of exposures as people and programs write them."""

import io
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from exposure_publisher.tables import ALIASES, BadRow, ExposureTable, Row, UnreadableTable, check, good_rows
from exposure_publisher.tables.aliases import plain
from exposure_publisher.tables.progress import WORTH_A_BAR, reading_bar
from exposure_schemas import SUMMARY_KEYS

Write = Callable[[str | bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def to_file(content: str | bytes) -> Path:
        path = tmp_path / "table.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return to_file


def rows_of(path: Path) -> list[dict[str, Any]]:
    return list(good_rows(ExposureTable(path)))


def bad_of(path: Path) -> list[BadRow]:
    return [row for row in ExposureTable(path).rows() if isinstance(row, BadRow)]


def test_a_row_has_the_keys_of_which_the_table_speaks_with_their_types(write: Write) -> None:
    path = write("EXPID,NIGHT,TARGTRA,TILEID,MJD-OBS,saved,COMMENTS\n7,20230913,12.5,-99,60200.5,t,never mind\n")
    assert rows_of(path) == [
        {
            "expid": 7,
            "skyra": 12.5,
            "tile_id": None,
            "date": datetime(2023, 9, 13, 12, tzinfo=UTC),
            "night": 20230913,
            "data_written": True,
        }
    ]


def test_every_summary_key_can_be_read_under_its_own_name(write: Write) -> None:
    assert tuple(ALIASES) == SUMMARY_KEYS
    cells = "1,1,1,1,dark,1,science,2023-09-14T03:00:00Z,20230913,1,1,1,1,1,true,/data"
    (row,) = rows_of(write(f"{','.join(SUMMARY_KEYS)}\n{cells}\n"))
    assert tuple(row) == SUMMARY_KEYS
    assert None not in row.values()


@pytest.mark.parametrize("alias", sorted({(key, alias) for key, aliases in ALIASES.items() for alias in aliases}))
def test_an_alias_is_read_whatever_its_case_and_dashes(write: Write, alias: tuple[str, str]) -> None:
    key, name = alias
    dressed = f" {name[0]}-{name[1:]}_".upper()
    value = "60201" if name.startswith("mjd") else {"date": "2023-09-14T00:00:00", "data_written": "1"}.get(key, "7")
    cells = {"expid": "1", "night": "20230913"} | {key: value if key != "night" else "20230914"}
    header = [dressed if each == key else each for each in cells]
    (row,) = rows_of(write(f"{','.join(header)}\n{','.join(cells.values())}\n"))
    assert row[key] is not None
    assert plain(dressed) == name


def test_of_two_columns_for_one_key_the_first_alias_wins_and_the_next_fills_its_gaps(write: Write) -> None:
    path = write("SEEING_GFA,SEEING_ETC,EXPID,NIGHT\n1.1,1.2,1,20230913\n1.3,0.0,2,20230913\n0.0,-99,3,20230913\n")
    assert [row["seeing"] for row in rows_of(path)] == [1.2, 1.3, None]


def test_what_a_gap_is_not_filled_from_may_be_wrong(write: Write) -> None:
    path = write("EXPID,NIGHT,DATE-OBS,MJD-OBS\n1,20230913,2023-09-14T03:00:00,hot\n")
    assert rows_of(path)[0]["date"] == datetime(2023, 9, 14, 3, tzinfo=UTC)


def test_the_program_of_a_calibration_is_its_free_text_and_not_unknown(write: Write) -> None:
    path = write(
        "EXPID,NIGHT,FAPRGRM,PROGRAM,FAFLAVOR,FLAVOR,OBSTYPE\n"
        "1,20230913,unknown,calib short arcs all,x,arc,ARC\n2,20230913,bright,,mainbright,,science\n"
    )
    assert [(row["program"], row["exptype"]) for row in rows_of(path)] == [
        ("calib short arcs all", "arc"),
        ("bright", "science"),
    ]


def test_a_missing_night_is_that_of_the_local_noon_before_the_date(write: Write) -> None:
    path = write("EXPID,DATE-OBS\n1,2023-09-14T18:59:59.999999999\n2,2023-09-14T19:00:00\n")
    assert [row["night"] for row in rows_of(path)] == [20230913, 20230914]


def test_a_night_that_the_table_gives_is_believed(write: Write) -> None:
    path = write("EXPID,DATE-OBS,NIGHT\n1,2023-09-14T19:30:00,20230913\n2,2023-09-14T19:30:00,\n")
    assert [row["night"] for row in rows_of(path)] == [20230913, 20230914]


def test_expids_beyond_32_bits_and_right_up_to_64_are_read(write: Write) -> None:
    path = write("EXPID,NIGHT\n7024040300451,20240403\n9223372036854775807,20240403\n")
    assert [row["expid"] for row in rows_of(path)] == [7024040300451, 2**63 - 1]


def test_byte_order_mark_and_dos_line_ends_and_blank_lines_and_comments_do_no_harm(write: Write) -> None:
    plain_rows = rows_of(write("EXPID,NIGHT,PROGRAM\n1,20230913,dark\n2,20230913,hell\n"))
    dressed = "\ufeff# from the archive\r\nEXPID,NIGHT,PROGRAM\r\n1,20230913,dark\r\n\r\n2,20230913,hell\r\n"
    assert rows_of(write(dressed)) == plain_rows


def test_a_quoted_cell_may_hold_commas_quotes_and_line_ends(write: Write) -> None:
    path = write('EXPID,PROGRAM,NIGHT\n1,"calib, ""long""\narcs",20230913\n2,x,20239999\n')
    first, second = ExposureTable(path).rows()
    assert isinstance(first, Row)
    assert first.values["program"] == 'calib, "long"\narcs'
    assert second == BadRow(4, "NIGHT is '20239999': write the night's date as YYYYMMDD")


def test_text_that_is_not_ascii_is_kept(write: Write) -> None:
    assert rows_of(write("EXPID,NIGHT,PROGRAM\n1,20230913,ciel étoilé ★\n"))[0]["program"] == "ciel étoilé ★"


def test_a_header_alone_is_a_table_without_rows(write: Write) -> None:
    found = check(ExposureTable(write("EXPID,NIGHT\n")))
    assert (found.rows, found.bad, found.nights) == (0, (), frozenset())


def test_a_bad_row_is_named_by_line_column_and_value_and_says_what_would_do(write: Write) -> None:
    path = write("EXPID,NIGHT,airmass\n1,20230913,1.1\n2,20230913,low\n,20230913,1\n4,20230913\n5,,1\n")
    assert bad_of(path) == [
        BadRow(3, "airmass is 'low': write a number"),
        BadRow(4, "EXPID is '': write the exposure's number, 0 or more"),
        BadRow(5, "it has 2 values, the header names 3 columns"),
        BadRow(6, "it has neither a night nor a date: write its night, YYYYMMDD"),
    ]


def test_a_long_wrong_value_is_shown_short(write: Write) -> None:
    (bad,) = bad_of(write(f"EXPID,NIGHT\n{'9' * 5000},20230913\n"))
    assert len(bad.reason) < 120


def test_an_exposure_that_is_there_twice_is_bad_and_both_lines_are_named(write: Write) -> None:
    path = write("EXPID,NIGHT\n5,20230913\n7,20230913\n5,20230913\n6,20230913\n7,20230913\n6,20230913\n8,20230913\n")
    assert check(ExposureTable(path)).bad == (
        BadRow(4, "expid 5 is on line 2 already: keep one of them"),
        BadRow(6, "expid 7 is on line 3 already: keep one of them"),
        BadRow(7, "expid 6 is on line 5 already: keep one of them"),
    )


def test_a_check_counts_all_rows_and_nights_and_keeps_the_bad_ones_in_order(write: Write) -> None:
    path = write("EXPID,NIGHT\n1,20230913\nx,20230913\n3,20230914\n3,20230915\n")
    found = check(ExposureTable(path))
    assert (found.rows, found.bad_rows, found.nights) == (4, 2, frozenset({20230913, 20230914}))
    assert [row.line for row in found.bad] == [3, 5]


def test_a_watch_is_told_how_far_reading_has_come(write: Write) -> None:
    path = write("EXPID,NIGHT\n" + "".join(f"{expid},20230913\n" for expid in range(5000)))
    told: list[int] = []
    check(ExposureTable(path), told.append)
    assert told == sorted(told)
    assert 0 < told[-1] <= path.stat().st_size


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_long_file_has_a_bar_on_a_terminal_and_none_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with reading_bar("checking table.csv", WORTH_A_BAR) as watch:
        assert watch is None
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with reading_bar("checking table.csv", WORTH_A_BAR - 1) as watch:
        assert watch is None
    with reading_bar("checking table.csv", WORTH_A_BAR) as watch:
        assert watch is not None
        watch(WORTH_A_BAR)
    assert "checking table.csv" in terminal.getvalue()
    assert "100%" in terminal.getvalue()


UNREADABLE = {
    "nothing at all": (b"", "is empty"),
    "blank lines alone": (b"\n\n  \n", "is empty"),
    "comments alone": (b"# one\n# two\n", "no line with the names"),
    "no expid": (b"NIGHT,RA\n20230913,1\n", "any of expid, id, expnum, exposure"),
    "neither night nor date": (b"EXPID,RA\n1,1\n", "neither a night nor a date"),
    "another separator": (b"EXPID;NIGHT\n1;20230913\n", "EXPID;NIGHT"),
    "a program": (b"\x7fELF\x02\x01\x01\0\0\0", "binary"),
    "gzip": (b"\x1f\x8b\x08\0rest", "unpack it"),
    "FITS": (b"SIMPLE  =                    T", "FITS"),
    "UTF-16": ("EXPID,NIGHT\n".encode("utf-16"), "UTF-16"),
    "Latin-1": (b"EXPID,NIGHT,PROGRAM\n1,20230913,\xe9toil\xe9\n", "UTF-8 text (byte 0xe9)"),
    "an open quote": (b'EXPID,NIGHT\n1,"20230913\n', "line 2"),
}


@pytest.mark.parametrize("what", UNREADABLE)
def test_a_file_that_is_no_table_of_exposures_is_refused_in_one_line(write: Write, what: str) -> None:
    content, hint = UNREADABLE[what]
    path = write(content)
    with pytest.raises(UnreadableTable) as refused:
        check(ExposureTable(path))
    assert hint in str(refused.value)
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_that_is_not_there_and_a_folder_are_refused_in_one_line(tmp_path: Path) -> None:
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(UnreadableTable, match=f"cannot read {path}"):
            ExposureTable(path)
