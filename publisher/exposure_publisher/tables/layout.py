"""How a table's file is laid out: CSV, or ECSV with its commented header, as UTF-8 text.

ECSV is astropy's (https://github.com/astropy/astropy-APEs/blob/main/APE6.rst): comment lines with YAML, which name
the delimiter where it is not a space, then CSV. Its masked values are empty, or True in a column ``NAME.mask``.
"""

import csv
import re
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import BinaryIO, Final

from exposure_publisher.tables.errors import UnreadableTable

Watch = Callable[[int], None]
"""Called now and then with how many bytes of the file have been read."""

WATCH_EVERY: Final = 2000
"""Records between two calls of a watch."""

_ECSV: Final = "# %ECSV"
_DELIMITER: Final = re.compile(r"#\s*delimiter:\s*(['\"]?)([, ])\1\s*$")

_NOT_TEXT: Final = {
    b"\x1f\x8b": "it is compressed by gzip: unpack it first",
    b"SIMPLE  =": "it is FITS: write its table as ECSV first",
    b"\xff\xfe": "it is UTF-16: save it as UTF-8",
    b"\xfe\xff": "it is UTF-16: save it as UTF-8",
}


def records(path: Path, watch: Watch | None = None) -> Generator[tuple[int, list[str]]]:
    """Yield each record of a table with the number of the line it begins at; the first is the header.

    Args:
        path: The file.
        watch: Told how far reading has come.

    Raises:
        UnreadableTable: The file cannot be read, is empty, is not text, or its quotes do not match.
    """
    try:
        with path.open("rb") as file:
            yield from _records(path, file, watch)
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        raise UnreadableTable(f"{path} is not UTF-8 text (byte 0x{byte:02x}): save it as UTF-8") from error
    except OSError as error:
        raise UnreadableTable(f"cannot read {path}: {error.strerror}") from error


def _records(path: Path, file: BinaryIO, watch: Watch | None) -> Iterator[tuple[int, list[str]]]:
    _check_text(path, file)
    lines = _Lines(file)
    delimiter, comments = _read_comments(lines)
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=delimiter == " ", strict=True)
    begin = comments + 1
    try:
        for count, fields in enumerate(reader, start=1):
            if fields:
                yield begin, fields
            begin = comments + reader.line_num + 1
            if watch and count % WATCH_EVERY == 0:
                watch(lines.bytes_read)
    except csv.Error as error:
        raise UnreadableTable(f"{path}, line {begin}: {error}; are its quotes closed?") from error


def _check_text(path: Path, file: BinaryIO) -> None:
    beginning = file.read(8192)
    file.seek(0)
    if not beginning.strip():
        raise UnreadableTable(f"{path} is empty: a table begins with the names of its columns")
    for magic, what in _NOT_TEXT.items():
        if beginning.startswith(magic):
            raise UnreadableTable(f"{path} is no CSV or ECSV; {what}")
    if b"\0" in beginning:
        raise UnreadableTable(f"{path} is no CSV or ECSV: it is binary")


def _read_comments(lines: "_Lines") -> tuple[str, int]:
    """Consume the comment lines at the beginning; return the delimiter and how many lines there were."""
    delimiter, count = ",", 0
    for line in lines:
        if not line.startswith("#"):
            lines.push_back(line)
            break
        count += 1
        if line.startswith(_ECSV):
            delimiter = " "
        elif match := _DELIMITER.match(line):
            delimiter = match[2]
    return delimiter, count


class _Lines:
    """Lines of UTF-8 text with a byte-order mark taken off, one of which can be pushed back, counted in bytes."""

    def __init__(self, file: BinaryIO) -> None:
        self.bytes_read = 0
        self._file = file
        self._pushed: list[str] = []

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        if self._pushed:
            return self._pushed.pop()
        line = next(self._file)
        first = self.bytes_read == 0
        self.bytes_read += len(line)
        return line.decode("utf-8-sig" if first else "utf-8")

    def push_back(self, line: str) -> None:
        """Give a line back, to be the next."""
        self._pushed.append(line)
