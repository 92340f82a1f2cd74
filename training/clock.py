"""When a dataset's rows were."""

import numpy as np

LONGEST = 10  # seconds from row to row: beyond, a clock is more likely one of milliseconds or less


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
    coarse = len(step) and (step == 0).mean() > 0.05
    step = step[np.isfinite(step) & (step > 0)]
    if coarse or not len(step):
        if said is None:
            raise SystemExit("neither info.json's fps nor a timestamp says how fast the rows follow each other: give --fps")
        if time is not None:
            report.note("timestamp does not tell rows apart: they are taken as one step of fps apart")
        rows["timestamp"] = rows["frame_index"] / said
        return whole(said)
    # Rows that were dropped make steps longer than most; a clock that is nearly as coarse as the rows makes right ones so.
    usual, coarser = (step[step < most * np.median(step)].mean() for most in (1.5, 2.5))
    if said is not None:
        units = [(1, "s"), (1e3, "ms"), (1e6, "us"), (1e9, "ns")] + ([(said, "frames")] if np.array_equal(time, rows["frame_index"]) else [])
        for scale, unit in units:
            if any(abs(one * said / scale - 1) <= 0.05 for one in (usual, coarser)):
                if scale != 1:
                    report.note(f"timestamp counts in {unit}: read as seconds")
                    rows["timestamp"] = time / scale
                return whole(said)
    saying = "" if said is None else f", and {'--fps' if fps else 'info.json'} says {said:g} fps"
    if usual > LONGEST:
        raise SystemExit(f"rows are {usual:.4g} apart by their timestamp, hardly in seconds{saying}: give the right --fps")
    derived = whole(1 / float(usual))
    report.note(f"rows are {usual:.4g} s apart by their timestamp{saying}: taken as {derived} fps" if saying else f"info.json has no fps: {derived} by the rows' timestamp")
    return derived


def whole(fps):
    """A number of frames a second: an int where it is one but for rounding."""
    return round(fps) if abs(fps - round(fps)) < 0.01 and round(fps) else round(fps, 3)
