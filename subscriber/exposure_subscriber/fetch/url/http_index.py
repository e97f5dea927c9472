"""The index page that a web server makes of a folder: what it links to."""

from collections.abc import Iterator
from contextlib import suppress
from html.parser import HTMLParser
from urllib.parse import SplitResult, unquote, urljoin, urlsplit


class _Links(HTMLParser):
    """Collects where the links of a page lead."""

    def __init__(self) -> None:
        super().__init__()
        self.targets: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take note of a link."""
        if tag == "a":
            self.targets.extend(value for name, value in attrs if name == "href" and value)


def names_beneath(page: str, folder: str) -> list[str]:
    """Return the names of what a page links to directly in a folder, each once.

    Links that lead elsewhere, to folders, or that ask for another order of the page are left out.

    Args:
        page: The page, as HTML.
        folder: Its URL, with a slash at the end.
    """
    links = _Links()
    with suppress(AssertionError):  # its word for a declaration that it does not know
        links.feed(page)
    base = urlsplit(folder)
    beneath = (target for target in _absolute(links.targets, folder) if _is_in(target, base))
    names = (unquote(target.path[len(base.path) :]) for target in beneath)
    return list(dict.fromkeys(name for name in names if name and "/" not in name))


def _absolute(targets: list[str], folder: str) -> Iterator[SplitResult]:
    for target in targets:
        try:
            yield urlsplit(urljoin(folder, target))
        except ValueError:  # no URL at all
            continue


def _is_in(target: SplitResult, base: SplitResult) -> bool:
    same_server = (target.scheme, target.netloc) == (base.scheme, base.netloc)
    return same_server and target.path.startswith(base.path) and not target.query
