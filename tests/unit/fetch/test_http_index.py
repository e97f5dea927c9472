"""Index pages: what a web server says is in a folder, and what it may not make us ask for."""

import pytest

from exposure_subscriber.fetch.url.http_index import names_beneath

FOLDER = "https://ics.example.org:8443/raw/a%20b/"


@pytest.mark.parametrize(
    ("link", "name"),
    [
        ("desi-1.fits.fz", "desi-1.fits.fz"),
        ("./desi-1.fits.fz", "desi-1.fits.fz"),
        ("/raw/a%20b/desi-1.fits.fz", "desi-1.fits.fz"),
        ("https://ics.example.org:8443/raw/a%20b/desi-1.fits.fz", "desi-1.fits.fz"),
        ("desi-1.fits.fz#top", "desi-1.fits.fz"),
        ("a%2Bb%20c", "a+b c"),
        ("100%25", "100%"),
    ],
)
def test_what_lies_directly_in_the_folder_is_named(link: str, name: str) -> None:
    assert names_beneath(f'<a href="{link}">it</a>', FOLDER) == [name]


@pytest.mark.parametrize(
    "link",
    [
        "",
        "../",
        "../passwd",
        "%2e%2e/passwd",
        "..%2fpasswd",
        "/passwd",
        "/raw/a%20b",
        "/raw/a%20bc/desi-1.fits.fz",
        "more/",
        "more/desi-1.fits.fz",
        "?C=N;O=D",
        "desi-1.fits.fz?download=1",
        "http://ics.example.org:8443/raw/a%20b/desi-1.fits.fz",
        "https://ics.example.org/raw/a%20b/desi-1.fits.fz",
        "//elsewhere.example.org/raw/a%20b/desi-1.fits.fz",
        "https://[",
        "mailto:ics@example.org",
        "javascript:open()",
    ],
)
def test_what_lies_elsewhere_is_not(link: str) -> None:
    assert names_beneath(f'<a href="{link}">it</a>', FOLDER) == []


def test_names_come_once_and_in_the_order_of_the_page() -> None:
    page = '<A HREF=b>b</A><img src="c"><a name="d">d</a><a class="x" href=\'a\'>a</a><a href="b">again</a><a href="e'
    assert names_beneath(page, FOLDER) == ["b", "a"]


def test_a_declaration_that_nobody_knows_ends_the_page_and_nothing_else() -> None:
    assert names_beneath('<a href="a.fits">a</a><![foo x]><a href="b.fits">b</a>', "http://ics/raw/") == ["a.fits"]
