"""The one settings file by which all processes of a demo find each other; the user's own settings are left out."""

import json
import os

from places import Places

_OURS = "EXPOSURE_BUS_"


def settle(here: Places, **settings: str) -> None:
    """Write the settings file, and make it the only one for this process and those that it starts.

    Args:
        here: The demo's folder.
        settings: Setting's name to value, as ``exposure-bus`` knows them.
    """
    here.config.touch(mode=0o600)  # the broker's address may hold a password
    # JSON's spelling of a text is TOML's too.
    lines = (f"{name} = {json.dumps(value)}\n" for name, value in settings.items())
    here.config.write_text("".join(lines), encoding="utf-8")
    for name in [name for name in os.environ if name.startswith(_OURS)]:
        del os.environ[name]
    os.environ[f"{_OURS}CONFIG"] = str(here.config)
