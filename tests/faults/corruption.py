"""Single bytes changed and files cut short: noticed or harmless, never another number without a word, a panic, a hang or a
memory explosion."""

import itertools
import os
import resource
import shutil
import signal
import time
from pathlib import Path

from world import Tally, World, changes, config, differences, replace, results, side_by_side, snapshot

MEMORY = {resource.RLIMIT_AS: 6 << 30}
HEADS = "kind = \"heads\"\nselection = \"same\"\nnull_models = 0\nresamples = 1000"
PROBE = "kind = \"probe\"\nprobes = [\"attention\"]\nepochs = 1\nresamples = 1000"


def attack(options):
    parts = {"probes": of_probes, "tables": of_tables, "cache": of_cache, "checkpoints": of_checkpoints,
             "interrupted": of_interrupted}
    for name, part in parts.items():
        if name in (options.parts or parts):
            yield from part(options)


def spread(options, files):
    """The changes of all files, so many in all."""
    each = -(-options.bytes // len(files))
    cuts = -(-options.cuts // len(files))
    for path in files:
        for what, content in changes(options, path.read_bytes(), path.name, each, cuts):
            yield path, what, content


def of_cache(options):
    """A second run, by another name, on a cache in which a file of every sort has changed: shards and indices of attention,
    predictions, sums of passes. Each has to be found in the same run; where one was not, they are tried one by one."""
    sorts = {"attention store, shards": "attention/*/shard-*", "attention store, index": "attention/*/index.json",
             "predictions": "predictions/*/*", "records": "records/*/*"}
    tallies = {name: Tally(f"changed: {name}") for name in sorts}
    with World(options, "cache") as first:
        text = config(options, f"{HEADS}\nattention = true\n[[experiment]]\n{PROBE}", treebank=small(options, first))
        first.write("it.toml", text)
        ended = first.run("run", "it.toml")
        assert ended.code == 0, ended.err
        expected, cache = results(first.path("runs/it")), first.path("cache")
        attacked = {name: list(spread(options, sorted((cache / "headlight").glob(files)))) for name, files in sorts.items()}

        def changed(items):
            with World(options, "changed") as world:
                snapshot(cache, world.path("cache"))
                world.write("it.toml", text)
                for path, _, content in items:
                    replace(world.path("cache") / path.relative_to(cache), content)
                return verdict(world.run("run", "it.toml", limits=MEMORY, timeout=60), world.path("runs/it"), expected)

        def one(number):
            items = {name: each[number] for name, each in attacked.items() if number < len(each)}
            kind, failure = changed(items.values())
            for name, item in items.items():
                # A file whose change is harmless beside others that are not is counted with them.
                own = (kind, None) if failure is None else changed([item])
                tallies[name].count(own[0], own[1] and f"{item[0].name}: {item[1]}: {own[1]}")

        side_by_side(options, one, range(max(map(len, attacked.values()))))
    yield from tallies.values()


def verdict(ended, run, expected):
    """What a run on changed files came to, and what is wrong with that."""
    if not ended.is_orderly():
        return "disorderly", ended.last()
    if ended.code != 0:
        return "refused", None
    differ = differences(results(run), expected)
    said = any(word in ended.err for word in ("damaged", "anew", "again"))
    return "warned, made again" if said else "harmless", f"{'' if said else 'SILENT, '}other {differ}" if differ else None


def small(options, world):
    """The first sentences of the treebank, and nothing else to read."""
    text = Path(options.treebank).read_text().split("\n\n")[:8]
    return world.write("small.conllu", "\n\n".join(text) + "\n\n")


def of_interrupted(options):
    """What an interrupted run left: predictions, records, steps, probes, checkpoints, states."""
    tally = Tally("changed: what an interrupted run left")
    experiment = HEADS + "\n[[experiment]]\n" + PROBE.replace("epochs = 1", "epochs = 4") \
        + "\n[[experiment]]\nkind = \"structural\"\nranks = [2]\nlayers = [1]\nepochs = 4\nresamples = 1000"
    with World(options, "interrupted") as first:
        text = config(options, experiment, sentences=60)
        first.write("it.toml", text)
        ended = first.run("run", "it.toml")
        assert ended.code == 0, ended.err
        expected = results(first.path("runs/it"))
        states = []
        for number in range(12):
            world = World(options, f"left-{number}")
            world.write("it.toml", text)
            process = world.start("run", "it.toml")
            time.sleep((number + 0.5) / 12 * ended.seconds)
            process.send_signal(signal.SIGKILL)
            process.communicate()
            left = [path for path in [*world.path("cache").rglob("*"), *world.path("runs").rglob("work/**/*")]
                    if path.is_file() and path.stat().st_size > 0]
            if left and not world.path("runs/it").exists():
                states.append((world, left))
        each, cuts = (-(-wanted // max(1, len(states))) for wanted in (options.bytes, options.cuts))
        attacked = []
        for world, left in states:
            made = []
            for number, path in enumerate(left):
                wanted = [many // len(left) + (number < many % len(left)) for many in (each, cuts)]
                made.append([(path, *it) for it in changes(options, path.read_bytes(), path.name, *wanted)])
            # One change in each of several files at once: each has to be found.
            for items in itertools.zip_longest(*made):
                attacked += [(world, items[at:at + 4]) for at in range(0, len(items), 4)]

        def changed(source, items):
            with World(options, "resumed") as world:
                for folder in ("cache", "runs"):
                    if source.path(folder).exists():
                        shutil.copytree(source.path(folder), world.path(folder))
                world.write("it.toml", text)
                for path, _, content in items:
                    replace(world.folder / path.relative_to(source.folder), content)
                return verdict(world.run("run", "it.toml", limits=MEMORY, timeout=60), world.path("runs/it"), expected)

        def one(item):
            source, items = item[0], [it for it in item[1] if it]
            kind, failure = changed(source, items) if items else (None, None)
            for path, what, content in items:
                own = (kind, None) if failure is None else changed(source, [(path, what, content)])
                tally.count(own[0], own[1] and f"{path.relative_to(source.folder)}: {what}: {own[1]}")

        side_by_side(options, one, attacked)
        for world, _ in states:
            shutil.rmtree(world.folder, ignore_errors=True)
    yield tally


def of_probes(options):
    tally = Tally("changed: saved probes")
    with World(options, "probe") as world:
        treebank = small(options, world)
        world.write("it.toml", config(options, PROBE, treebank=treebank))
        assert world.run("run", "it.toml").code == 0
        probe, = sorted(world.path("runs/it/probes").iterdir())
        expected = world.run("parse", "--probe", "runs/it", "--name", probe.stem, treebank).out
        assert expected

        def one(item):
            number, (_, what, content) = item
            run = world.path(f"runs/{number}")
            snapshot(world.path("runs/it"), run)
            replace(run / "probes" / probe.name, content)
            ended = world.run("parse", "--probe", run, "--name", probe.stem, treebank, limits=MEMORY, timeout=60)
            shutil.rmtree(run)
            if not ended.is_orderly():
                return tally.count("disorderly", f"{what}: {ended.last()}")
            if ended.code != 0:
                return tally.count("refused", None if probe.name in ended.err else f"{what}: {ended.last()}")
            return tally.count("harmless", f"{what}: SILENT" if ended.out != expected else None)

        side_by_side(options, one, enumerate(spread(options, [probe])))
    yield tally


def of_tables(options):
    """Files of runs that `compare` and `report` read."""
    with World(options, "tables") as world:
        treebank = small(options, world)
        for name, merge in (("a", "mean"), ("b", "first")):
            keys = f"merge = \"{merge}\"" if merge == "first" else ""
            world.write(f"{name}.toml", config(options, HEADS, treebank=treebank, keys=keys))
            assert world.run("run", f"{name}.toml").code == 0
        compare = ("compare", "--format", "json")
        expected = world.run(*compare, "runs/a", "runs/b").out
        pages = results(world.path("runs/a"))
        assert expected
        run = world.path("runs/a")
        files = {"compare": ["best_heads.parquet", "head_scores.parquet", "predictions.parquet", "report.json", "manifest.json"],
                 "report": ["best_heads.parquet", "head_scores.parquet", "predictions.parquet", "baselines.parquet",
                            "report.json", "explorer.json", "manifest.json"]}
        for command, names in files.items():
            tally = Tally(f"changed: what `{command}` reads")
            attacked = list(spread(options, [run / name for name in names if (run / name).exists()]))

            def one(item):
                number, (path, what, content) = item
                # The folder's name stands in no output.
                copy = world.path(f"{command}-{number}/a")
                copy.parent.mkdir()
                snapshot(run, copy)
                replace(copy / path.name, content)
                named = f"{path.name}: {what}"
                if command == "compare":
                    ended = world.run(*compare, copy, "runs/b", limits=MEMORY, timeout=60)
                    same = ended.out == expected
                else:
                    ended = world.run("report", copy, limits=MEMORY, timeout=60)
                    found = results(copy)
                    found[path.name] = pages.get(path.name)
                    same = not differences(found, pages)
                shutil.rmtree(copy.parent)
                if not ended.is_orderly():
                    return tally.count("disorderly", f"{named}: {ended.last()}")
                if ended.code != 0:
                    return tally.count("refused", None if path.name in ended.err else f"{named}: {ended.last()}")
                if path.name in ended.err:
                    return tally.count("warned")
                return tally.count("harmless", None if same else f"{named}: SILENT")

            side_by_side(options, one, enumerate(attacked))
            yield tally


def of_checkpoints(options):
    """Another checkpoint is another input: refused, or read as what it is, under its own checksum and never under the old
    one's."""
    with World(options, "checkpoint") as world:
        treebank = small(options, world)
        model = Path(options.small_model)
        text = lambda path: config(options, HEADS, treebank=treebank, model=path)
        world.write("it.toml", text(model))
        assert world.run("run", "it.toml").code == 0
        groups = {"weights": ["model.safetensors"], "config": ["config.json", "tokenizer_config.json"],
                  "tokenizer": ["vocab.txt", "tokenizer.json"]}
        for group, names in groups.items():
            tally = Tally(f"changed: {group}")
            attacked = list(spread(options, [model / name for name in names if (model / name).exists()]))

            def one(item):
                number, (path, what, content) = item
                name, folder = f"{group}-{number}", world.path(f"model-{group}-{number}")
                shutil.copytree(model, folder, copy_function=os.symlink)
                (folder / path.name).unlink()
                (folder / path.name).write_bytes(content)
                world.write(f"{name}.toml", text(folder))
                ended = world.run("run", f"{name}.toml", limits=MEMORY, timeout=60)
                run = world.path(f"runs/{name}")
                noted = ended.code == 0 and f"model-{group}-{number}/{path.name}" in (run / "manifest.json").read_text()
                verified = world.run("verify", f"runs/{name}") if ended.code == 0 else None
                for gone in (folder, run, world.path(f"runs/{name}.partial")):
                    shutil.rmtree(gone, ignore_errors=True)
                if not ended.is_orderly():
                    return tally.count("disorderly", f"{path.name}: {what}: {ended.last()}")
                if ended.code != 0:
                    return tally.count("refused")
                return tally.count("another checkpoint", None if noted and verified.code == 0 else f"{path.name}: {what}")

            side_by_side(options, one, enumerate(attacked))
            yield tally
