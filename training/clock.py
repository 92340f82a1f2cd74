"""When a dataset's rows were."""

import numpy as np


def read_clock(rows, said, fps, report):
    """
    How many rows a second follow each other; `rows["timestamp"]` becomes seconds, by `frame_index` where there is none.
    rows: the numbers of `Rows`; said: what info.json says; fps: what the command line does.
    """
    said = fps or said
    said = float(said) if isinstance(said, (int, float)) and said > 0 else None
    time = rows.get("timestamp")
    within = np.diff(rows["episode_index"]) == 0
    step = np.diff(time)[within] if time is not None else np.empty(0)
    step = step[np.isfinite(step) & (step > 0)]
    if not len(step):
        if said is None:
            raise SystemExit("neither info.json's fps nor a timestamp says how fast the rows follow each other: give --fps")
        if time is not None:
            report.note("timestamp never moves: rows are taken as one step of fps apart")
        rows["timestamp"] = rows["frame_index"] / said
        return whole(said)
    usual = float(np.median(step))
    if said is not None and fps is None:
        scales = [(1e3, "ms"), (1e6, "us"), (1e9, "ns")] + ([(said, "frames")] if np.array_equal(time, rows["frame_index"]) else [])
        for scale, unit in scales:
            if abs(usual * said / scale - 1) < 0.05 and scale > 1:
                report.note(f"timestamp counts in {unit}: read as seconds")
                rows["timestamp"], usual = time / scale, usual / scale
                break
    if said is None or abs(usual * said - 1) > 0.05:
        derived = whole(1 / usual)
        if said is not None:
            report.note(f"rows are {usual:.4g} s apart by their timestamp, and {'--fps' if fps else 'info.json'} says {said:g} fps: taken as {derived} fps")
        else:
            report.note(f"info.json has no fps: {derived} by the rows' timestamp")
        said = derived
    return whole(said)


def whole(fps):
    """A number of frames a second: an int where it is one but for rounding."""
    return round(fps) if abs(fps - round(fps)) < 0.01 and round(fps) else round(fps, 3)
