"""Disks that are full or read-only, folders without permission, files that vanish, no HOME, no /tmp, few file handles, little
memory, a clock that was set back, two processes at once: a clear error or waiting, and the next run is right."""

import os
import random
import resource
import shutil
import subprocess
import time

from kills import HEADS, PROBE
from world import Ended, Tally, World, config, differences, leftovers, results, side_by_side

EXPERIMENT = HEADS + "\n[[experiment]]\n" + PROBE


def attack(options):
    os.chmod(options.scratch, 0o755)
    text = config(options, EXPERIMENT, sentences=options.sentences, treebank="own.conllu", model="model")
    with World(options, "whole") as world:
        prepare(options, world, text)
        ended = world.run("run", "it.toml", timeout=900)
        assert ended.code == 0, ended.err
        expected, seconds = results(world.path("runs/it")), ended.seconds
        size = sum(path.stat().st_size for path in world.folder.rglob("*") if path.is_file())
    job = (text, expected, seconds, size)
    attacks = [full_disk, no_permission, little, vanishing, no_places, clock, two_at_once]
    for attack in (each for each in attacks if each.__name__ in (options.parts or each.__name__)):
        if (tally := attack(options, job)) is not None:
            yield tally


def prepare(options, world, text, *names):
    """A treebank and a model that are a world's own."""
    if not world.path("own.conllu").exists():
        shutil.copy(options.treebank, world.path("own.conllu"))
    if not world.path("model").exists():
        shutil.copytree(options.model, world.path("model"))
    for name in names or ("it",):
        world.write(f"{name}.toml", text)


def then(world, text, expected):
    """What is wrong with the run that follows in better surroundings; nothing, it is hoped."""
    if not world.path("runs/it").exists():
        ended = world.run("run", "it.toml", timeout=900)
        if ended.code != 0:
            return f"then {ended.last()}"
    differ = differences(results(world.path("runs/it")), expected) + leftovers(world)
    return f"then differ: {differ}" if differ else None


def count(tally, what, ended, good, again, otherwise="clear error"):
    """Counts how a call ended, and whether the run that follows is right."""
    failure = (None if good else ended.last()) or then(*again)
    tally.count("ended well" if ended.code == 0 else otherwise, failure and f"{what}: {failure}")


def full_disk(options, job):
    text, expected, _, size = job
    tally = Tally("disk full")
    if os.geteuid() != 0:
        return None
    for number in range(options.surroundings):
        room = int(size * (number + 0.5) / options.surroundings)
        with World(options, "full") as world:
            prepare(options, world, text)
            for folder in ("cache", "runs"):
                world.path(folder).mkdir()
            small = ("cache", "runs")[number % 2]
            kept = world.path(f"kept-{small}")
            # What the full disk holds when it ends is what the next run finds.
            script = f"mount -t tmpfs -o size={room} none {small} && \"$@\"; code=$?; cp -a {small} {kept}; exit $code"
            ended = world.run("run", "it.toml", before=["unshare", "-m", "sh", "-c", script, "sh"])
            shutil.rmtree(world.path(small), ignore_errors=True)
            if kept.exists():
                kept.rename(world.path(small))
            told = ended.code == 0 or "o space left on device" in ended.err
            count(tally, f"{room} for {small}", ended, ended.is_orderly() and told, (world, text, expected))
    return tally


def no_permission(options, job):
    """As somebody who may not write, or not read."""
    text, expected, *_ = job
    tally = Tally("read-only, no permission")
    if os.geteuid() != 0:
        return None
    somebody = {"user": 65534, "group": 65534, "extra_groups": []}
    cases = {"runs": ("runs", 0o555), "cache": ("cache", 0o555), "no look at the treebank": ("own.conllu", 0o000),
             "no look at the config": ("it.toml", 0o000)}
    for name, (place, mode) in cases.items():
        with World(options, "read") as world:
            world.folder.chmod(0o777)
            prepare(options, world, text)
            for folder in ("cache", "runs"):
                world.path(folder).mkdir()
                world.path(folder).chmod(0o777)
            world.path(place).chmod(mode)
            ended = world.run("run", "it.toml", **somebody)
            told = ended.code != 0 and "ermission denied" in ended.err and place in ended.err
            failure = None if ended.is_orderly() and told else ended.last()
            world.path(place).chmod(0o777)
            if failure is None:
                again = world.run("run", "it.toml", **somebody)
                failure = again.last() if again.code else None
            tally.count("clear error", failure and f"{name}: {failure}")
    with World(options, "report") as world:
        world.folder.chmod(0o755)
        prepare(options, world, text)
        world.run("run", "it.toml", timeout=900)
        for command in (["report", "runs/it"], ["compare", "runs/it", "clark2019"], ["verify", "runs/it"]):
            ended = world.run(*command, **somebody)
            told = ended.code == 0 or "ermission denied" in ended.err
            tally.count(command[0], None if ended.is_orderly() and told else f"{command}: {ended.last()}")
    return tally


def little(options, job):
    """Few file handles, little memory, few processes."""
    text, expected, *_ = job
    tally = Tally("few file handles, little memory, small files, few processes")
    cases = [(resource.RLIMIT_NOFILE, handles) for handles in (4, 6, 8, 10, 12, 14, 16, 20, 24, 32, 64)]
    cases += [(resource.RLIMIT_AS, megabytes << 20) for megabytes in range(100, 420, 10)]
    cases += [(resource.RLIMIT_AS, megabytes << 20) for megabytes in (500, 700, 1000, 2000)]
    cases += [(resource.RLIMIT_FSIZE, kilobytes << 10) for kilobytes in (1, 10, 50, 200, 1000)]
    if os.geteuid() == 0:
        # Root's processes are not counted.
        cases += [(resource.RLIMIT_NPROC, processes) for processes in range(1, 13)]
    # Of one thread there is nothing to be refused.
    text = text.replace(f"threads = {options.threads}\n", "threads = 4\n")

    def one(case):
        what, most = case
        with World(options, "little") as world:
            prepare(options, world, text)
            more = {}
            if what == resource.RLIMIT_NPROC:
                more = {"user": 65534, "group": 65534, "extra_groups": []}
                world.folder.chmod(0o777)
            ended = world.run("run", "it.toml", limits={what: most}, **more)
            # The system ends a process that cannot have the memory it needs, or writes beyond its limit.
            out_of_memory = what == resource.RLIMIT_AS and ("memory allocation" in ended.err or ended.code in (-6, 127))
            orderly = ended.is_orderly() or out_of_memory or (what == resource.RLIMIT_FSIZE and ended.code == -25)
            count(tally, f"{what} {most}", ended, orderly, (world, text, expected), "ended")

    side_by_side(options, one, cases)
    return tally


def vanishing(options, job):
    """Files that go while a run is at work."""
    text, expected, seconds, _ = job
    tally = Tally("vanishing files")

    def one(number):
        draw = random.Random(f"{options.seed} vanish {number}")
        with World(options, "vanish") as world:
            prepare(options, world, text)
            victim = ["own.conllu", "model", "cache", "runs/it.partial", "runs"][number % 5]
            process = world.start("run", "it.toml")
            time.sleep(draw.uniform(0, seconds))
            path = world.path(victim)
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
            ended = Ended.of(process, 120)
            prepare(options, world, text)
            count(tally, f"{victim} {number}", ended, ended.is_orderly(), (world, text, expected))

    side_by_side(options, one, range(options.surroundings))
    return tally


def no_places(options, job):
    text, expected, *_ = job
    tally = Tally("no HOME, no /tmp")
    cases = {"no HOME": ({"HOME": "", "XDG_CACHE_HOME": ""}, False), "no TMPDIR": ({"TMPDIR": "/nowhere"}, True),
             "a HOME that is not there": ({"HOME": "/nowhere/at/all"}, True),
             "a cache that is a file": ({"XDG_CACHE_HOME": "/dev/null"}, False)}
    for name, (environment, ends_well) in cases.items():
        with World(options, "places") as world:
            prepare(options, world, text)
            ended = world.run("run", "it.toml", env=environment)
            good = ended.is_orderly() and (ended.code == 0 or not ends_well)
            count(tally, name, ended, good, (world, text, expected))
    return tally


def clock(options, job):
    """What is in the cache comes from the future, and from long ago."""
    text, expected, *_ = job
    tally = Tally("clock set back")
    with World(options, "clock") as world:
        prepare(options, world, text)
        assert world.run("run", "it.toml", timeout=900).code == 0
        for number, years in enumerate((10, 100, -30)):
            when = time.time() + years * 365 * 86_400
            for path in [*world.path("cache").rglob("*"), *world.path("runs").rglob("*"), world.path("it.toml")]:
                os.utime(path, (when, when))
            listed = world.run("store", "ls")
            ended = world.run("run", "it.toml", "--force", "--set", "cache.max_bytes=1000000000", timeout=900)
            failure = None if ended.code == listed.code == 0 else f"{ended.last()} {listed.last()}"
            differ = differences(results(world.path("runs/it")), expected)
            tally.count("ended well", failure or (f"{years} years: {differ}" if differ else None))
    return tally


def two_at_once(options, job):
    text, expected, seconds, _ = job
    tally = Tally("two processes, one run and one cache")
    for number in range(options.surroundings):
        draw = random.Random(f"{options.seed} two {number}")
        with World(options, "two") as world:
            names = ("it", "it") if number % 2 else ("it", "other")
            prepare(options, world, text, *set(names))
            processes = []
            for name in names:
                processes.append(world.start("run", f"{name}.toml"))
                time.sleep(draw.uniform(0, seconds) if number % 4 < 2 else 0.0)
            ended = [Ended.of(process, 300) for process in processes]
            refused = [it for it in ended if it.code != 0]
            clear = all(it.is_orderly() and ("another headlight is at work" in it.err or "exists: --force" in it.err)
                        for it in refused)
            failure = None if clear and (not refused or names[0] == names[1]) and len(refused) < 2 else \
                "; ".join(it.last() for it in ended)
            for name in set(names) if failure is None else ():
                differ = [file for file in differences(results(world.path(f"runs/{name}")), expected)
                          if name == "it" or not file.startswith("report.")]
                failure = failure or (f"{name}: {differ}" if differ else None)
            failure = failure or (f"left: {leftovers(world)}" if leftovers(world) else None)
            tally.count("one refused" if refused else "both ended well", failure and f"{number}: {failure}")
    return tally
