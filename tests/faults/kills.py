"""SIGKILL at random moments: the next start ends with the bytes of a run that nobody disturbed, and leaves nothing else."""

import random
import time

from world import Ended, Tally, World, config, differences, leftovers, results, side_by_side, undisturbed

HEADS = "kind = \"heads\"\nselection = \"folds\"\nnull_models = 1\nresamples = 1000\nattention = true"
PROBE = "kind = \"probe\"\nprobes = [\"attention\", \"right-branching\"]\nepochs = 3\nresamples = 1000"
STRUCTURAL = "kind = \"structural\"\nranks = [4]\nepochs = 3\nresamples = 1000"
PRUNING = ("kind = \"pruning\"\nmeasure = \"states\"\norders = [\"greedy\", \"random\"]\ndraws = 1\nsteps = 3\n"
           "greedy_steps = 2\nsequences = 10\nresamples = 1000")
JOBS = {"heads": HEADS, "probe with its store": PROBE, "structural": STRUCTURAL, "pruning": PRUNING}


def attack(options):
    for name, experiment in JOBS.items():
        yield of_runs(options, name, experiment)
    yield of_reports(options)


def of_runs(options, name, experiment):
    tally = Tally(f"SIGKILL: {name}")
    text = config(options, experiment, sentences=options.sentences)
    expected, seconds = undisturbed(options, text)

    def one(number):
        draw = random.Random(f"{options.seed} {name} {number}")
        # A run that has ended before it was killed was not: the next is killed earlier.
        for most in (1.05, 0.5, 0.25, 0.1, 0.0):
            with World(options, "killed") as world:
                world.write("it.toml", text)
                kills = 0
                for _ in range(draw.choice([1, 1, 1, 2, 3])):
                    process = world.start("run", "it.toml")
                    time.sleep(draw.uniform(0, most * seconds))
                    process.kill()
                    process.communicate()
                    if world.path("runs/it").exists():
                        break
                    kills += 1
                if kills or not most:
                    return judged(number, world, kills)
        return None

    def judged(number, world, kills):
        said = "killed after its end"
        if world.path("runs/it").exists():
            # The next start removes what is left, and replaces nothing.
            assert "exists: --force replaces it" in world.run("run", "it.toml").err
        else:
            ended = world.run("run", "it.toml", timeout=900)
            said = "went on" if "going on with the interrupted run" in ended.err else "started again"
            if ended.code != 0:
                return tally.count(said, f"{name} {number}: {ended.last()}")
        differ = differences(results(world.path("runs/it")), expected)
        left = leftovers(world)
        verified = world.run("verify", "runs/it")
        failure = f"differ: {differ}" if differ else f"left: {left}" if left else \
            verified.last() if verified.code else None
        return tally.count(said, failure and f"{name} {number} after {kills} kills: {failure}")

    side_by_side(options, one, range(options.kills))
    return tally


def of_reports(options):
    tally = Tally("SIGKILL: report writing")
    with World(options, "report") as world:
        world.write("it.toml", config(options, HEADS, sentences=options.sentences))
        assert world.run("run", "it.toml", timeout=900).code == 0
        expected = results(world.path("runs/it"))
        begun = time.monotonic()
        assert Ended.of(world.start("report", "runs/it"), 120).code == 0
        seconds = time.monotonic() - begun
        draw = random.Random(options.seed)
        for number in range(options.kills):
            process = world.start("report", "runs/it")
            time.sleep(draw.uniform(0, seconds))
            process.kill()
            process.communicate()
            found = {name: file for name, file in results(world.path("runs/it")).items() if not name.startswith(".")}
            differ = differences(found, expected)
            tally.count("whole at once", f"report {number}: {differ}" if differ else None)
        assert world.run("report", "runs/it").code == 0
        differ = differences(results(world.path("runs/it")), expected) + leftovers(world)
        verified = world.run("verify", "runs/it")
        tally.count("after the next start", f"{differ} {verified.last()}" if differ or verified.code else None)
    return tally
