"""What an action's numbers are: their range without glitches, and their kind, proposed from what the logs' states did."""

import fnmatch
import json
import re

import numpy as np

KINDS = ("delta", "absolute", "gripper", "flag")
LAGS = (1, 2, 4, 8)  # rows after which an action is looked for in the state
SAMPLE = 50_000  # rows that are looked at


def extremes(values, fps):
    """
    The least and the largest of `values` `[R]`, in the order of time, but for glitches: few and short, and further from all
    others than these are from each other. The values must be finite.
    """
    ordered, count = np.sort(values), len(values)
    few, some = max(3, count // 100), max(3, count // 20)
    if count < 4 * few:
        return ordered[0], ordered[-1]
    high = beyond(ordered, ordered[some], few, some, lambda limit: longest(values > limit) <= max(3, fps / 2))
    low = -beyond(-ordered[::-1], -ordered[-1 - some], few, some, lambda limit: longest(values < -limit) <= max(3, fps / 2))
    return low, high


def beyond(ordered, least, few, some, short):
    """The largest of `ordered`, ascending, that is no glitch. least: what stands for the other end."""
    for k in range(some, 0, -1):
        value, outer = ordered[-1 - k], ordered[-k]
        span, gap = value - least, outer - value
        if is_constant(least, value):  # a rare event, unless it is like nothing else
            if k <= few and gap > 10 * max(1, abs(value)) and short(value):
                return value
        elif gap > span and (gap > 10 * span or k <= few) and short(value):
            return value
    return ordered[-1]


def longest(marked):
    """How long the longest run of True is."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], marked, [False]]).astype(int)))
    return int((edges[1::2] - edges[::2]).max()) if len(edges) else 0


def is_constant(low, high):
    """Whether nothing but rounding moves between these."""
    return high - low <= 1e-6 * max(abs(low), abs(high))


def ranged(values, fps):
    """values `[R, n]` -> low and high `[n]` of those that are finite (`extremes`), and how many lie outside `[n]`."""
    low, high, clipped = [], [], []
    for column in values.T:
        finite = column[np.isfinite(column)]
        bounds = extremes(finite, fps) if len(finite) else (0.0, 0.0)
        low.append(bounds[0])
        high.append(bounds[1])
        clipped.append(int(((finite < bounds[0]) | (finite > bounds[1])).sum()))
    return np.array(low), np.array(high), np.array(clipped)


def proposed(names, actions, states, episode, booleans, low, high):
    """
    The kind of each of the action's numbers, and why, `[(kind, why)]`. names `[A]`; actions `[R, A]`, states `[R, Q]`,
    episode `[R]`; booleans `[A]`: which are of a boolean column.
    """
    actions, states, episode = (x[:SAMPLE] for x in (actions.clip(low, high), states, episode))
    followed, summed = evidence(actions, states, episode)
    kinds = []
    for i, name in enumerate(names):
        values = actions[:, i]
        values = values[np.isfinite(values)]
        if booleans[i]:
            kinds.append(("flag", "it is boolean"))
        elif re.search(r"grip|jaw|claw", name.lower()):
            kinds.append(("gripper", "by its name"))
        elif is_constant(low[i], high[i]):
            kinds.append(("absolute", "it never changes"))
        elif len(np.unique(values)) == 2:
            kinds.append(("flag", "it has two values"))
        elif max(followed[i], summed[i]) > 0.25:
            # A velocity that is told and one that is measured are alike too.
            share = 0.5 if about_nothing(values, low[i], high[i]) else 1
            found = "absolute" if summed[i] < 0.25 or share * followed[i] >= summed[i] else "delta"
            why = "the state comes to where it says" if found == "absolute" else "the state changes by it"
            kinds.append((found, f"{why} (r2 {max(followed[i], summed[i]):.2f})"))
        elif both_ends(values, low[i], high[i]) > 0.95:
            kinds.append(("gripper", "it is at one end or the other"))
        else:
            kinds.append(("delta" if about_nothing(values, low[i], high[i]) else "absolute", "a guess, from its values alone"))
    return kinds


def evidence(actions, states, episode):
    """
    How well, as r2, an action's number says where some number of the state comes to `[A]`, in whatever units, and how much it
    changes `[A]`, after one of the `LAGS`.
    """
    followed, summed = (np.zeros(actions.shape[1]) for _ in range(2))
    for lag in LAGS:
        if len(actions) <= lag + 8:
            break
        pairs = (episode[lag:] == episode[:-lag]) & np.isfinite(actions[:-lag]).all(1) & np.isfinite(states[lag:]).all(1) & np.isfinite(states[:-lag]).all(1)
        if pairs.sum() < 8:
            continue
        acts, before, after = actions[:-lag][pairs], states[:-lag][pairs], states[lag:][pairs]
        followed = np.maximum(followed, correlation(acts, after).clip(0).max(1) ** 2)
        summed = np.maximum(summed, (correlation(acts, after - before) ** 2).max(1))
    return followed, summed


def correlation(a, b):
    """`[R, A]`, `[R, Q]` -> `[A, Q]`; 0 where one never changes."""
    a, b = a - a.mean(0), b - b.mean(0)
    norm = np.sqrt((a**2).sum(0))[:, None] * np.sqrt((b**2).sum(0))[None]
    return np.divide(a.T @ b, norm, out=np.zeros_like(norm), where=norm > 1e-9)


def both_ends(values, low, high):
    """The share of values near the ends of the range, or 0 where they are near one end alone."""
    near = 0.1 * (high - low)
    shares = (values < low + near).mean(), (values > high - near).mean()
    return sum(shares) if min(shares) > 0.02 else 0


def about_nothing(values, low, high):
    """Whether the values are about 0, as increments are."""
    still = (np.abs(values) < 0.02 * (high - low)).mean()
    return low < 0 < high and (still > 0.2 or abs(low + high) < 0.2 * (high - low) and abs(values.mean()) < 0.1 * (high - low))


def described(names, actions, states, episode, booleans, fps, asked, report):
    """
    The action's channels as meta.json has them, `{name, unit, low, high, kind, idle}`, and the actions in [-1, 1] `[R, A]`
    float32. names: `[(name, unit or None)]`; asked: what is to be otherwise, by name.
    """
    low, high, clipped = ranged(actions, fps)
    kinds = proposed([name for name, _ in names], actions, states, episode, booleans, low, high)
    unknown = sorted(set(asked) - {name for name, _ in names})
    if unknown:
        raise SystemExit(f"there is no action {', '.join(unknown)}; there are {', '.join(name for name, _ in names)}")
    channels, reasons = [], []
    for i, ((name, unit), (kind, why)) in enumerate(zip(names, kinds)):
        said = asked.get(name, {})
        if "kind" in said:
            kind, why = said["kind"], "as asked"
        lower, upper = float(low[i]), float(high[i])
        if booleans[i]:
            lower, upper = 0.0, 1.0
        still = is_constant(lower, upper)
        if still:
            report.note(f"action {name} is {lower:.6g} in every row: it never acts")
            upper = lower
        increments = kind == "delta" or kind == "gripper" and low[i] < 0 < high[i] and about_nothing(np.nan_to_num(actions[:, i]), low[i], high[i])
        if increments:
            lower, upper = min(lower, 0.0), max(upper, 0.0)
        lower, upper = float(said.get("low", lower)), float(said.get("high", upper))
        if lower > upper:
            raise SystemExit(f"action {name}: low is {lower:g} and high is {upper:g}")
        idle = said.get("idle", 0.0 if increments else None)
        if idle is not None and not lower <= idle <= upper:
            raise SystemExit(f"action {name}: idle is {idle:g}, outside {lower:g} to {upper:g}")
        outside = 0 if still else int(((actions[:, i] < lower) | (actions[:, i] > upper)).sum())
        if outside:
            report.note(f"action {name}: {outside} of {len(actions)} numbers lie outside {lower:.6g} to {upper:.6g} and are clipped")
        unit = said.get("unit", unit)
        channels.append(dict(name=name, **(dict(unit=unit) if unit else {}), low=lower, high=upper, kind=kind, **({} if idle is None else dict(idle=float(idle)))))
        reasons.append(dict(name=name, kind=kind, why=why, clipped=outside, constant=bool(still)))
    lower, upper = np.array([(c["low"], c["high"]) for c in channels]).T
    scaled = np.where(upper > lower, 2 * (actions - lower) / np.where(upper > lower, upper - lower, 1) - 1, 0)
    return channels, reasons, scaled.clip(-1, 1).astype(np.float32)


def asked_for(kinds, file, names):
    """What `--kind NAME=KIND` (NAME may have wildcards) and a file, JSON by name, ask of the channels `names`."""
    asked = {}
    if file:
        try:
            asked = json.loads(open(file, encoding="utf-8").read())
        except (OSError, json.JSONDecodeError) as error:
            raise SystemExit(f"--channels {file}: {error}") from None
        if not isinstance(asked, dict):
            raise SystemExit(f"--channels {file}: must be an object, by the channels' names")
    for said in kinds or []:
        pattern, _, kind = said.rpartition("=")
        found = [name for name in names if name == pattern] or [name for name in names if fnmatch.fnmatchcase(name, pattern)]
        if not found:
            raise SystemExit(f"--kind {said}: there is no action {pattern}; there are {', '.join(names)}")
        for name in found:
            asked[name] = {**asked.get(name, {}), "kind": kind}
    for name, said in asked.items():
        unknown = sorted(set(said) - {"kind", "low", "high", "unit", "idle"}) if isinstance(said, dict) else [said]
        if unknown:
            raise SystemExit(f"channel {name}: {unknown[0]} is none of kind, low, high, unit, idle")
        if said.get("kind", "delta") not in KINDS:
            raise SystemExit(f"channel {name}: its kind is {said['kind']!r}, and must be one of {', '.join(KINDS)}")
        for key in ("low", "high", "idle"):
            if key in said and (isinstance(said[key], bool) or not isinstance(said[key], (int, float)) or not np.isfinite(said[key])):
                raise SystemExit(f"channel {name}: {key} is {said[key]!r}, and must be a number")
    return asked
