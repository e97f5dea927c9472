"""The manifest: which files an exposure has, with sizes and checksums."""

from typing import Annotated

from msgspec import Meta, Struct

from exposure_schemas.patterns import whole_text

Sha256 = Annotated[str, whole_text("[0-9a-f]{64}")]
"""A SHA-256 in lower-case hexadecimal."""

FileName = Annotated[str, whole_text(r"[^/\x00-\x1f\x7f]+", but_not=(".", ".."), longest=255)]
"""A bare file name: no folder, no control character, never ``.`` or ``..``."""


class ManifestFile(Struct, frozen=True, kw_only=True):
    """One file of an exposure."""

    name: FileName
    """Name inside the data location."""
    file_class: str | None
    """Its class (spectro, fibermap, …); None for a file of no known class."""
    size: Annotated[int, Meta(ge=0, le=2**63 - 1)]
    """Size in bytes."""
    sha256: Sha256 | None = None
    """SHA-256 of the content; None where nobody has computed it."""


Manifest = tuple[ManifestFile, ...]
"""All files of an exposure, ascending by name."""
