"""The small files of a LeRobot dataset, and why a file can't be read."""

import json


def read_info(folder):
    path = folder / "meta/info.json"
    if not path.exists():
        raise SystemExit(f"{path} is not there: give the folder of a LeRobot dataset")
    text = path.read_text(encoding="utf-8", errors="replace").strip()
    if not text:
        raise SystemExit(f"{path} is empty: get it again")
    try:
        info = json.loads(text)
    except json.JSONDecodeError as error:
        raise SystemExit(f"{path} is {pointer(text) or f'no JSON ({error})'}: get it again") from None
    if not isinstance(info, dict) or not info:
        raise SystemExit(f"{path} says nothing: get it again")
    return info


def read_lines(path):
    """The JSON objects of a .jsonl file."""
    text = path.read_text(encoding="utf-8")
    try:
        found = [json.loads(line) for line in text.splitlines() if line.strip()]
    except json.JSONDecodeError as error:
        raise SystemExit(f"{path} is {pointer(text) or f'broken: {error}'}") from None
    return [line for line in found if isinstance(line, dict)]


def pointer(text):
    return "a pointer of Git LFS, and not the file itself (git lfs pull)" if text.startswith("version https://git-lfs") else None


def broken(path, error):
    """Why a file can't be read, in words."""
    if not path.exists():
        return "the file is not there"
    with path.open("rb") as file:
        begin = file.read(64)
    if not begin:
        return "the file is empty"
    return f"it is {pointer(begin.decode('latin1'))}" if pointer(begin.decode("latin1")) else f"it can't be read ({getattr(error, 'strerror', None) or str(error).splitlines()[0][:120]})"
