"""The files of JSON: the request, the exposure time calculator's account, the guide stars' centroids."""

import json
from collections.abc import Iterator
from datetime import UTC, timedelta
from random import Random
from typing import Any, Final

from exposure_emulator.exposure import TakenExposure
from exposure_emulator.raw.images import GUIDERS

_STEP: Final = 60.0
"""Seconds between two entries."""


def request(exposure: TakenExposure) -> Iterator[bytes]:
    """Yield ``request-EXPID.json``: what ICS was asked to do."""
    known = exposure.known_at_start()
    yield _json(
        {
            "SEQUENCE": "DESI" if exposure.kind == "science" else "Spectrographs",
            "EXPID": exposure.expid,
            "OBSTYPE": exposure.exptype,
            "PROGRAM": exposure.program,
            "TILEID": exposure.tile_id,
            "EXPTIME": known["exptime"],
            "REQRA": exposure.skyra,
            "REQDEC": exposure.skydec,
        }
    )


def etc(exposure: TakenExposure, seed: int) -> Iterator[bytes]:
    """Yield ``etc-EXPID.json``: how sky, throughput and signal to noise went during the exposure."""
    steps = _steps(exposure)
    random = Random(f"etc-{seed}-{exposure.expid}")  # noqa: S311 (noise, not a secret)
    summary = {
        "expid": exposure.expid,
        "tileid": exposure.tile_id,
        "seeing": exposure.seeing,
        "transparency": exposure.transparency,
        "skylevel": exposure.skylevel,
    }
    yield _json(
        {
            "desietc": "emulated",
            "expinfo": summary,
            "thru": {
                "time": steps,
                "transp": [round(random.gauss(exposure.transparency or 1.0, 0.01), 4) for _ in steps],
            },
            "sky": {"time": steps, "flux": [round(random.gauss(1.0, 0.02), 4) for _ in steps]},
            "accum": {"time": steps, "snr2": [round(step / 1000.0, 4) for step in steps]},
        }
    )


def centroids(exposure: TakenExposure, seed: int) -> Iterator[bytes]:
    """Yield ``centroids-EXPID.json``: where each guider saw its star."""
    random = Random(f"centroids-{seed}-{exposure.expid}")  # noqa: S311 (noise, not a secret)
    frames = {
        str(number): {
            "time": _moment(exposure, step),
            **{camera: [round(random.gauss(0.0, 0.1), 4), round(random.gauss(0.0, 0.1), 4)] for camera in GUIDERS},
        }
        for number, step in enumerate(_steps(exposure))
    }
    yield _json({"expid": exposure.expid, "frames": frames})


def _steps(exposure: TakenExposure) -> list[float]:
    count = int((exposure.exptime or 0.0) // _STEP) + 1
    return [step * _STEP for step in range(count)]


def _moment(exposure: TakenExposure, step: float) -> str | None:
    if exposure.date is None:
        return None
    return (exposure.date.astimezone(UTC) + timedelta(seconds=step)).isoformat()


def _json(content: dict[str, Any]) -> bytes:
    return json.dumps(content, indent=1).encode("ascii") + b"\n"
