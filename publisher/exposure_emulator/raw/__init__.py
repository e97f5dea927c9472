"""The raw files of an exposure, after DESI's data model: https://desidatamodel.readthedocs.io (DESI_SPECTRO_DATA).

Names, extensions, compression and keywords are the real ones; the pixels are noise. The same exposure, size and seed
give the same bytes.
"""

from exposure_emulator.raw.files import LEAST, RawFile, raw_files
from exposure_emulator.raw.noise import Noise

__all__ = ["LEAST", "Noise", "RawFile", "raw_files"]
