"""What a world is called: by its folder."""

import argparse
import re
from pathlib import Path


def world_folder(text):
    """A path on the command line whose last part can be a world's id, as `world.json` has it (docs/world-format.md)."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", Path(text).name):
        raise argparse.ArgumentTypeError(f"{Path(text).name!r} can't be a world's name: take lower-case letters, digits and hyphens")
    return Path(text)
