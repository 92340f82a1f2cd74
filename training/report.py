"""What an import left out, where and why, and what it took otherwise than the dataset says: printed, and `import.json`."""

import json
from pathlib import Path

SHOWN = 3  # places of a reason that are printed; import.json has all


class Report:
    def __init__(self):
        self._left_out, self._notes = {}, {}

    def leave_out(self, what, why, **where):
        """`what` ("episodes", "rows") was left out; `where`: names and numbers of the place, and `rows`, how many, if not one."""
        self._left_out.setdefault((what, why), []).append(where)

    def note(self, text, **where):
        """What was taken otherwise than the dataset says; `where`, if it is not all of it."""
        places = self._notes.setdefault(text, [])
        if where and where not in places:
            places.append(where)

    def left_out(self):
        """What was left out, in a line for each reason."""
        lines = []
        for (what, why), places in self._left_out.items():
            count = sum(place.get("rows", 1) for place in places)
            lines.append(f"left out {count} {what if count > 1 else what[:-1]}: {why}{shown(places)}")
        return lines

    def lines(self):
        return self.left_out() + [f"{text}{shown(places)}" for text, places in self._notes.items()]

    def write(self, path, **more):
        """`more` goes into the file first, as it is."""
        left_out = [dict(what=what, why=why, where=places) for (what, why), places in self._left_out.items()]
        notes = [dict(note=text, **(dict(where=places) if places else {})) for text, places in self._notes.items()]
        Path(path).write_text(json.dumps(dict(**more, leftOut=left_out, notes=notes), indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def shown(places):
    """The first of the places, in brackets."""
    if not places:
        return ""
    first = "; ".join(", ".join(f"{name} {value}" for name, value in place.items() if value is not None) for place in places[:SHOWN])
    return f" ({first}{f'; and {len(places) - SHOWN} more' if len(places) > SHOWN else ''})"
