"""The whole recipe, from logs to a world that can be served: python training/train_world.py --logs FOLDER --out worlds/NAME

FOLDER holds shards of `npm run generate`, or is a LeRobot dataset (v2.0 to v3.0), which is imported first: docs/logs.md. Each part is a script of
its own, resumes where it was, and says with --help what more it takes; those that are done take no time again."""

import argparse
import hashlib
import json
import subprocess
import sys
from pathlib import Path

from import_options import OPTIONS, add_options, given
from naming import world_folder

HERE = Path(__file__).parent


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--logs", required=True, help="folder of episodes: shards, or a LeRobot dataset")
    parser.add_argument("--out", type=world_folder, required=True, help="folder of the world, named as it is")
    parser.add_argument("--runs", help="folder for checkpoints, curves and pictures; default runs/NAME")
    parser.add_argument("--scale", type=float, default=1.0, help="of all training steps: 0.1 is a first look in a tenth of the time")
    parser.add_argument("--states", help="folder of more shards of the same tasks, of frames of any size, for what learns from numbers alone")
    parser.add_argument("--stills", help="folder of more shards of the same frames, short episodes of many scenes, for what learns from single frames")
    parser.add_argument("--long", help="folder of more shards of the same frames, episodes of minutes, for what reads and draws")
    parser.add_argument("--bf16", action="store_true", help="autocast to bf16: faster where the machine computes in it")
    parser.add_argument("--description", default="", help="for people; goes into world.json")
    add_options(parser.add_argument_group("of a LeRobot dataset"))
    return parser.parse_args()


def files_of(logs, made):
    """A digest of the names and sizes of a dataset's files, but for the folders `made` of it; to read them all would take as long as to import them."""
    logs, made = Path(logs).resolve(), {Path(folder).resolve() for folder in made}
    found = sorted((str(path.relative_to(logs)), path.stat().st_size) for path in logs.rglob("*") if path.is_file() and not made & set(path.parents))
    return hashlib.sha256(json.dumps(found).encode()).hexdigest()


def begin(runs, args):
    """Nothing in `runs` is made twice: refuses where what is there was made of something else than `args` ask for."""
    imported, trained = [runs / "data" / "meta.json"], [runs / "tokenizer" / "checkpoint.pt"]
    made = dict.fromkeys(("logs", *OPTIONS), imported + trained)
    made |= dict.fromkeys(("scale", "stills", "long"), trained) | dict(states=[runs / "dynamics" / "predictor.pt"])
    asked = {name: getattr(args, name) for name in made}
    asked |= {name: str(Path(asked[name]).resolve()) for name in ("logs", "stills", "long", "states") if asked[name]}
    asked["channels"] = Path(args.channels).read_text(encoding="utf-8") if args.channels else None
    known = runs / "asked.json"
    before = json.loads(known.read_text()) if known.exists() else {}
    other = [name for name, files in made.items() if str(before.get(name)) != str(asked[name]) and any(file.exists() for file in files)]
    if other:
        said = lambda of: ", ".join(f"no --{name}" if of.get(name) is None else f"--{name} {of[name]}" for name in other)  # noqa: E731
        raise SystemExit(f"{runs} was made with {said(before)}, and is now asked for {said(asked)}: give another --runs, or delete it")
    asked["files"] = files_of(args.logs, (runs, args.out))
    if before.get("files", asked["files"]) != asked["files"] and imported[0].exists():
        raise SystemExit(f"{args.logs} holds other files than when {runs} was made of it: give another --runs, or delete it")
    runs.mkdir(parents=True, exist_ok=True)
    known.write_text(json.dumps(asked, indent=2) + "\n")


def main():
    args = parse()
    runs = Path(args.runs or f"runs/{args.out.name}")
    begin(runs, args)
    logs = Path(args.logs)
    bf16 = ["--bf16"] if args.bf16 else []

    def run(script, *options):
        command = [sys.executable, "-u", str(HERE / f"{script}.py"), *map(str, options)]
        print("$ " + " ".join(command[2:]), flush=True)
        if subprocess.run(command).returncode:
            raise SystemExit(f"{script}.py failed: mend what it says, and run the same command again")

    def steps(count):
        return ["--steps", max(2, round(args.scale * count))]

    if (logs / "meta" / "info.json").exists():
        data = runs / "data"
        if not (data / "meta.json").exists():
            run("import_lerobot", "--dataset", logs, "--out", data, *given(args))
    elif given(args):
        raise SystemExit(f"{logs} is no LeRobot dataset (it has no meta/info.json), and {' '.join(given(args))} are of one")
    else:
        data = logs

    def tokenizer(out, count, *options):
        run("train_tokenizer", "--data", data, "--out", runs / out, *steps(count), *options, *bf16)
        return runs / out

    long = ["--long", args.long] if args.long else []
    frames = [*long, *(["--stills", args.stills] if args.stills else [])]
    latents = tokenizer("tokenizer", 6000, *frames)
    # What reads and what draws learn from single frames, which are cheap: they are not done when the latents are.
    reader = tokenizer("reader", 6000, "--only", "reader", "--start-from", latents, *frames)
    renderer = tokenizer("renderer", 10_000, "--only", "renderer", "--start-from", reader, *frames)
    dynamics = runs / "dynamics"
    predictor = ["--predictor-steps", max(2, round(args.scale * 15_000))]
    predictor += ["--states", args.states] if args.states else []
    run("train_dynamics", "--data", data, "--tokenizer", renderer, "--out", dynamics, *steps(3000), *predictor, *bf16)
    last = ["--only", "decoder", "--start-from", renderer, "--dreams-of", dynamics, "--batch", 12, "--muon-lr", 0.01, *long]
    decoder = tokenizer("decoder", 4000, *last)
    run("export", "--data", data, "--tokenizer", decoder, "--dynamics", dynamics, "--out", args.out, "--description", args.description)
    print(f"serve it: npx worldstep serve --world {args.out}")


if __name__ == "__main__":
    main()
