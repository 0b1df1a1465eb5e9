# SPDX-License-Identifier: MIT
"""What the scripts that compare programs share: interleaved rounds, medians of ratios, goals, tables, the command line.

A sample is what one run of one program tells: `us`, the processor time of what is measured for each operation, `rate`, operations a
second, and whatever else a script wants to keep.
"""
import argparse
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
from dataclasses import dataclass, field

from common import OUT, PEER_PROGRAMS, TREE, build_tree, built_by, cached, machine, number, output_of, progress, spread, table, verdict

HERE = pathlib.Path(__file__).resolve().parent
COMMON_PEERS = "asio,libuv,tokio,go,node,python"


@dataclass
class Goal:
    """At most so many times what another program takes; of rates, at least so many times what it reaches."""
    program: str
    other: str
    ratio: float
    of: str = "us"

    def text(self):
        return f"≤ {self.ratio:g} × {self.other}" if self.of == "us" else f"{self.of} ≥ {self.ratio:g} × {self.other}"

    def reached(self, measured):
        return measured <= self.ratio if self.of == "us" else measured >= self.ratio


@dataclass
class Workload:
    name: str
    what: str
    kind: str                  # programs of this kind can do it
    limits: tuple = ()         # programs that are no peers; ratios are to the first of them
    goals: list = field(default_factory=list)
    unit: str = "processor us each"
    scale: float = 1e-3        # rates are told in units of 1 / scale
    rate: str = "thousand a second"
    facts: dict = field(default_factory=dict)  # what the script needs to know to run it


@dataclass
class Program:
    name: str
    kind: str
    command: list[str] | None
    version: str = ""
    remedy: str = ""
    environment: dict = field(default_factory=dict)
    most_rounds: int = 1000    # the slow ones need not run in every round


# ---- the peers that have a build of their own ----

def go_program(folder):
    program = PEER_PROGRAMS / f"{folder}_go"
    remedy = built_by("apt install golang-go", "go", "build", "-o", str(program), f"./{folder}", folder=HERE / "peers/go",
                      environment={"GOTOOLCHAIN": "local", "GOCACHE": str(PEER_PROGRAMS / "go-cache")})
    return None if remedy else str(program), output_of("go", "env", "GOVERSION"), remedy


def tokio_program(name):
    manifest = HERE / "peers/tokio/Cargo.toml"
    remedy = built_by("install Rust 1.78 or newer (rustup)", "cargo", "build", "--release", "--locked", "--quiet",
                      "--manifest-path", str(manifest), "--target-dir", str(PEER_PROGRAMS / "tokio"))
    locked = re.search(r'name = "tokio"\nversion = "([^"]+)"', manifest.with_name("Cargo.lock").read_text())
    return None if remedy else str(PEER_PROGRAMS / "tokio/release" / f"{name}_tokio"), locked[1], remedy


def uwebsockets_program():
    """It is in no package registry: UWEBSOCKETS names a clone of uNetworking/uWebSockets with its submodule uSockets."""
    remedy = "git clone uNetworking/uWebSockets with its submodules, and let UWEBSOCKETS name the folder"
    clone = pathlib.Path(os.environ.get("UWEBSOCKETS") or "/nonexistent")
    if not (clone / "uSockets/src").is_dir():
        return None, "", remedy
    sources, program = clone / "uSockets/src", PEER_PROGRAMS / "http_uwebsockets"
    build = PEER_PROGRAMS / "uwebsockets"
    build.mkdir(parents=True, exist_ok=True)
    options = ["-O3", "-DLIBUS_NO_SSL", "-DUWS_NO_ZLIB", f"-I{sources}"]
    files = [str(file) for folder in (sources, sources / "eventing") for file in sorted(folder.glob("*.c"))]
    remedy = built_by("apt install clang-19", "clang-19", *options, "-c", *files, folder=build) or built_by(
        "apt install clang-19", "clang++-19", "-std=c++20", *options, f"-I{clone / 'src'}",
        str(HERE / "peers/http_uwebsockets.cpp"), *map(str, sorted(build.glob("*.o"))), "-o", str(program))
    return None if remedy else str(program), output_of("git", "-C", str(clone), "describe", "--tags", "--always"), remedy


def python_with(module):
    """A Python that has the module, and both their versions."""
    for python in (sys.executable, "/usr/bin/python3"):
        version = output_of(python, "-c", f"import {module}, platform; print(getattr({module}, '__version__', ''), 'Python', "
                                          "platform.python_version())")
        if version:
            return python, version.strip()
    return None, ""


@dataclass
class Own:
    """The programs that CMake builds."""
    build: pathlib.Path
    compiler: str
    boost: str
    libuv: str

    def program(self, name):
        return str(self.build / "bench" / f"bench_{name}")

    def optional(self, name):
        program = self.program(name)
        return program if os.path.exists(program) else None


def own_programs(build):
    return Own(build, output_of(cached(build, r"^CMAKE_CXX_COMPILER:\w+=(.*)$"), "--version").partition("\n")[0],
               "Boost " + cached(build, r"^Boost_DIR:\w+=.*Boost-([\d.]+)$"), output_of("pkg-config", "--modversion", "libuv"))


# ---- running ----

def processor_seconds(pid):
    """Of all its threads, in seconds: /proc/PID/schedstat counts nanoseconds where times(2) counts ticks."""
    total = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def run_measuring(command, program, core=None, timeout=300):
    """Runs a program that measures itself and prints a line of JSON: `count`, `seconds` and `us`."""
    pinned = [] if core is None else ["taskset", "-c", str(core)]
    done = subprocess.run([*pinned, *command], capture_output=True, text=True, timeout=timeout,
                          env={**os.environ, **program.environment})
    if done.returncode != 0:
        raise RuntimeError((done.stderr or done.stdout).strip()[-200:] or f"exit code {done.returncode}")
    sample = json.loads(done.stdout)
    return {**sample, "rate": sample["count"] / sample["seconds"]}


class Results:
    def __init__(self):
        self.samples = {}  # (workload, program) -> {round: sample}
        self.wrong = []

    def of(self, workload, program, what="us"):
        return [sample[what] for sample in self.samples.get((workload, program), {}).values()]

    def ratio(self, workload, program, other, what="us"):
        """The median over the rounds in which both ran."""
        ours, theirs = self.samples.get((workload, program), {}), self.samples.get((workload, other), {})
        ratios = [ours[i][what] / theirs[i][what] for i in ours if i in theirs and theirs[i][what]]
        return statistics.median(ratios) if ratios else None

    def programs(self, workload):
        return [program for name, program in self.samples if name == workload]

    def best_peer(self, workload):
        peers = [name for name in self.programs(workload.name) if name not in workload.limits and not name.startswith("tutti")]
        return min(peers, key=lambda peer: statistics.median(self.of(workload.name, peer)), default=None)


def measure(options, workloads, programs, run):
    """All programs in turns; `run(workload, program)` gives a sample or throws a RuntimeError."""
    results = Results()
    for round_number in range(options.rounds):
        for workload in workloads:
            for program in programs:
                if program.kind != workload.kind or not program.command or round_number >= program.most_rounds:
                    continue
                progress(f"bench: round {round_number + 1} of {options.rounds}, {workload.name}, {program.name}")
                try:
                    sample = run(workload, program)
                    results.samples.setdefault((workload.name, program.name), {})[round_number] = sample
                except (RuntimeError, OSError, subprocess.TimeoutExpired) as error:
                    results.wrong.append(f"{program.name}, {workload.name}: {error}")
    progress("")
    return results


# ---- telling ----

def judge(workload, program, results):
    goals, judged = [], []
    for goal in workload.goals:
        measured = results.ratio(workload.name, program, goal.other, goal.of) if goal.program == program else None
        if measured is not None:
            goals.append(goal.text())
            judged.append(f"{measured:.2f}: {verdict(goal.reached(measured))}")
    return "; ".join(goals), "; ".join(judged)


def print_workload(workload, results, extra=()):
    """`extra`: what else stands in the samples, and its heading."""
    names = results.programs(workload.name)
    if not names:
        return
    limit = next((name for name in workload.limits if name in names), None)
    best = results.best_peer(workload)
    extra = [(key, heading) for key, heading in extra if any(key in sample for name in names
                                                              for sample in results.samples[workload.name, name].values())]
    compared = [name for name in (limit, best) if name]
    lines = []
    for name in names:
        samples = results.samples[workload.name, name].values()
        told = lambda key: number(statistics.median(sample[key] for sample in samples)) if all(key in s for s in samples) else ""
        lines.append([name, spread(results.of(workload.name, name)),
                      *[f"{results.ratio(workload.name, name, other) or 0:.2f}" for other in compared],
                      number(statistics.median(results.of(workload.name, name, "rate")) * workload.scale),
                      *[told(key) for key, _ in extra], *judge(workload, name, results)])
    print(f"\n{workload.name}: {workload.what}\n")
    table(["", workload.unit, *[f"to {name}" for name in compared], workload.rate, *[heading for _, heading in extra], "goal", ""],
          lines)


def parser(description, json_name, workloads, peers=COMMON_PEERS):
    arguments = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = lambda text: [name for name in text.split(",") if name]
    arguments.add_argument("--quick", action="store_true", help="1 round of little work")
    arguments.add_argument("--rounds", type=int, help="5, or 1 with --quick")
    arguments.add_argument("--only", type=names, help="some workloads")
    arguments.add_argument("--list", action="store_true", help="name the workloads")
    arguments.add_argument("--peers", type=names, help=f"some of {peers}")
    arguments.add_argument("--core", type=int, default=0, help="the core of what is measured")
    arguments.add_argument("--load-core", type=int, default=os.cpu_count() - 1, help="the core of its other side")
    arguments.add_argument("--build-dir", type=pathlib.Path, help="use the programs of this build, build nothing of ours")
    arguments.add_argument("--json", type=pathlib.Path, default=OUT / f"{json_name}.json", help="where the results go")
    arguments.set_defaults(workloads=workloads)
    return arguments


def parse(arguments):
    """The options; the chosen workloads take the place of all."""
    options = arguments.parse_args()
    if options.list:
        for workload in options.workloads:
            print(f"{workload.name:16} {workload.what}")
        sys.exit()
    if options.only:
        if set(options.only) - {workload.name for workload in options.workloads}:
            arguments.error("--only takes workloads; --list names them")
        options.workloads = [workload for workload in options.workloads if workload.name in options.only]
    options.rounds = options.rounds or (1 if options.quick else 5)
    options.load = os.getloadavg()[0]
    PEER_PROGRAMS.mkdir(parents=True, exist_ok=True)
    if options.build_dir is None:
        build_tree()
    options.build_dir = options.build_dir or TREE / "build" / "release"
    return options


def find(finders, options):
    """What stands first is always there; the others are peers, which may be chosen."""
    for name, finder in finders.items():
        if name == "own" or options.peers is None or name in options.peers:
            yield from finder()


def finish(options, programs, results, extra=(), print_more=None):
    print(f"machine: {machine()}; load {options.load:.1f} before")
    wanted = {workload.kind for workload in options.workloads}
    programs = [program for program in programs if program.kind in wanted]
    for name, version in dict.fromkeys((program.name, program.version) for program in programs if program.command):
        print(f"  {name}: {version}")
    for name, remedy in dict.fromkeys((program.name, program.remedy) for program in programs if not program.command):
        print(f"  {name}: missing ({remedy})")
    for workload in options.workloads:
        print_workload(workload, results, extra)
    if print_more:
        print_more(results)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps({
        "machine": machine(), "load": options.load, "rounds": options.rounds, "quick": options.quick,
        "workloads": {workload.name: {"what": workload.what, "unit": workload.unit, "limits": workload.limits}
                      for workload in options.workloads},
        "programs": {program.name: program.version if program.command else "missing" for program in programs},
        "samples": [{"workload": workload, "program": program, "round": i, **sample}
                    for (workload, program), samples in results.samples.items() for i, sample in samples.items()],
        "wrong": results.wrong}, indent=1))
    for line in dict.fromkeys(results.wrong):
        print(f"bench: {line}", file=sys.stderr)
    sys.exit(1 if results.wrong else 0)
