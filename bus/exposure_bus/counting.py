"""Numbers of things in a sentence."""


def counted(number: int, thing: str) -> str:
    """Return ``1 exposure``, ``2 exposures``.

    Args:
        number: How many.
        thing: What they are, one of them; its plural has an ``s``.
    """
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
