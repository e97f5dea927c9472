"""Which files of an exposure are asked for: by its manifest, or by looking where nobody wrote one."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

from exposure_schemas import Exposure, InvalidValue, ManifestFile, classes_asked, file_class_of
from exposure_schemas.file_classes import ALL
from exposure_subscriber.errors import FileClassMissing, LocationRefused, UnknownFileClass
from exposure_subscriber.fetch.checksums import checksums_of
from exposure_subscriber.fetch.source import Source

_BARE_NAME: Final = re.compile("[^/.\x00-\x1f\x7f-\x9f\ud800-\udfff-][^/\x00-\x1f\x7f-\x9f\ud800-\udfff]*")
"""No folder, no control character; no dot in front, where our own files hide, and no dash, like an option."""

_LONGEST_NAME: Final = 255
"""Bytes of the longest name that Linux's file systems take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The file classes that are asked for."""

    classes: frozenset[str]
    """Their names, synonyms resolved."""
    by_name: bool
    """Whether there must be a file of each; False for ``"all"``: whatever there is, and perhaps nothing."""

    @classmethod
    def of(cls, file_class: str | Iterable[str], *, if_there: bool = False) -> Self:
        """Read what a caller asks for.

        Args:
            file_class: One class, several, or ``"all"``.
            if_there: Be content with what there is of them, as for ``"all"``.

        Raises:
            UnknownFileClass: A name is no file class, or none is given.
        """
        names = (file_class,) if isinstance(file_class, str) else tuple(file_class)
        try:
            return cls(classes=classes_asked(names), by_name=ALL not in names and not if_there)
        except InvalidValue as error:
            raise UnknownFileClass(str(error)) from error


def files_of_manifest(exposure: Exposure, asked: Asked) -> tuple[ManifestFile, ...]:
    """Return the files of an exposure's manifest that are asked for, ascending by name.

    Raises:
        LocationRefused: A name is no bare file name, or stands there twice.
        FileClassMissing: There is no file of a class asked for by name.
    """
    listed = exposure.files or ()
    for file in listed:
        if file.file_class in asked.classes:
            _check_name(file.name)
    if len({file.name for file in listed}) < len(listed):
        raise LocationRefused(f"the manifest of exposure {exposure.expid} names a file twice")
    _check_classes({file.file_class for file in listed}, exposure.expid, asked)
    return _by_name(file for file in listed if file.file_class in asked.classes)


def files_of_folder(source: Source, exposure: Exposure, asked: Asked) -> tuple[ManifestFile, ...]:
    """Return the files in an exposure's folder that are asked for, ascending by name.

    The checksums are those of the exposure's own checksum file, where there is one.

    Raises:
        LocationRefused: One of them is a symbolic link.
        SourceUnreachable: The folder, or one of them, cannot be read.
        FileClassMissing: There is no file of a class asked for by name.
    """
    names = source.names()
    classes = {name: file_class_of(name, exposure.expid) for name in names}
    _check_classes(set(classes.values()), exposure.expid, asked)
    checksums = checksums_of(source, names, exposure)
    return _by_name(
        ManifestFile(name=name, file_class=file_class, size=_size(source, name), sha256=checksums.get(name))
        for name, file_class in classes.items()
        if file_class in asked.classes
    )


def _check_name(name: str) -> None:
    if not _BARE_NAME.fullmatch(name) or len(name.encode()) > _LONGEST_NAME:
        raise LocationRefused(f"the manifest names a file {name!r}, which is no plain file name")


def _check_classes(present: set[str | None], expid: int, asked: Asked) -> None:
    missing = sorted(asked.classes - present)
    if asked.by_name and missing:
        there = ", ".join(sorted(name for name in present if name)) or "none"
        raise FileClassMissing(f"exposure {expid} has no file of class {', '.join(missing)}: there are {there}")


def _by_name(files: Iterable[ManifestFile]) -> tuple[ManifestFile, ...]:
    return tuple(sorted(files, key=lambda file: file.name))


def _size(source: Source, name: str) -> int:
    with source.open(name) as opened:
        return opened.state.size
