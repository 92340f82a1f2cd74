"""What may be said of a LeRobot dataset on the command line: of import_lerobot.py, and of train_world.py, which hands it on."""

COLUMNS = "a column, several joined by commas, or a pattern such as 'observation.states.robot.*'"
OPTIONS = {
    "camera": dict(help="which of the dataset's cameras; default the only one"),
    "action": dict(help=f"column of the action, if not `action`: {COLUMNS}"),
    "state": dict(help="the same of the proprioception, if not `observation.state`"),
    "map": dict(action="append", metavar="NAME=COLUMN", help="the same of any column, by LeRobot's name for it: next.reward=reward; may be repeated"),
    "kind": dict(action="append", metavar="NAME=KIND", help="what an action's number is, if not as proposed: delta, absolute, gripper or flag; NAME may be a pattern; may be repeated"),
    "channels": dict(metavar="FILE", help='the same from a JSON file: {"NAME": {"kind": .., "low": .., "high": .., "unit": .., "idle": ..}}'),
    "size": dict(type=int, help="pixels along each side of a frame: a multiple of 16; default 64"),
    "stride": dict(type=int, help="frames of a tick; default 4"),
    "ticks": dict(type=int, help="ticks of a window; default 32, or as many as there are in a row, 26 at least"),
    "fps": dict(type=float, help="rows a second, where neither info.json nor a timestamp in seconds says it"),
}


def add_options(parser):
    for name, option in OPTIONS.items():
        parser.add_argument(f"--{name}", **option)


def given(args):
    """The options that were given, as words of a command line."""
    words = []
    for name in OPTIONS:
        value = getattr(args, name)
        for one in value if isinstance(value, list) else [] if value is None else [value]:
            words += [f"--{name}", str(one)]
    return words
