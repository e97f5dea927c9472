"""What is made of rsync's complaints, as rsync 3.2 to 3.5 and ssh write them."""

import pytest

from exposure_subscriber.errors import FetchError, NoSpace, SourceUnreachable
from exposure_subscriber.fetch.rsync.errors import failure

WHERE = "rsync://ics/data/desi-00012345.fits.fz"
END = "rsync error: error in rsync protocol data stream (code 12) at io.c(231) [Receiver=3.5.0]"


@pytest.mark.parametrize("why", ["No space left on device (28)", "Disk quota exceeded (122)"])
def test_a_full_disk_here_is_no_space_though_rsync_says_more_after_it(why: str) -> None:
    said = f'rsync: [receiver] write failed on "/qlf/x": {why}\n{END}\nrsync: [sender] write error: Broken pipe (32)\n'
    error = failure(11, said, WHERE)
    assert type(error) is NoSpace
    assert why in str(error)
    assert WHERE in str(error)


def test_any_other_trouble_with_our_own_files_is_not_the_sources_fault() -> None:
    error = failure(11, 'rsync: [receiver] open "/qlf/x" failed: Read-only file system (30)\n', WHERE)
    assert type(error) is FetchError


@pytest.mark.parametrize(
    ("code", "said", "reason"),
    [
        (10, "rsync: [Receiver] failed to connect to ics (10.0.0.1): Connection refused (111)", "Connection refused"),
        (5, f"rsync: [Receiver] read error: Connection reset by peer (104)\n@ERROR: Unknown module 'x'\n{END}", "'x'"),
        (255, f"Host key verification failed.\nrsync: connection unexpectedly closed (0 bytes)\n{END}", "Host key"),
        (12, f"rsync: connection unexpectedly closed (9 bytes received so far) [receiver]\n{END}", "unexpectedly"),
        (30, f"{END}", "rsync error"),
        (-9, "", "code -9"),
        (77, "", "code 77"),
    ],
)
def test_the_line_that_tells_most_is_said_with_the_location(code: int, said: str, reason: str) -> None:
    error = failure(code, said, WHERE)
    assert type(error) is SourceUnreachable
    assert str(error).startswith(f"cannot read {WHERE}: ")
    assert reason in str(error)


def test_no_control_character_of_the_other_side_reaches_the_screen() -> None:
    text = str(failure(23, "rsync: \x1b]0;title\x07gone\r\n", WHERE))
    assert text.isprintable()
    assert "gone" in text
