# SPDX-License-Identifier: MIT
"""What the scripts that run benchmarks share: builds, facts about the machine, tables."""
import os
import pathlib
import platform
import re
import shutil
import socket
import statistics
import subprocess
import sys
import time

TREE = pathlib.Path(__file__).resolve().parent.parent
OUT = TREE / "build" / "bench"
PEER_PROGRAMS = OUT / "peers"


def output_of(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def built_by(remedy, *command, folder=None, environment=None):
    """Runs a peer's own build. What is to be done if it fails, or nothing."""
    if shutil.which(command[0]) is None:
        return remedy
    print(f"bench: {' '.join(command)}", flush=True)
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True,
                          env={**os.environ, **(environment or {})})
    return "" if done.returncode == 0 else f"it does not build: {done.stderr.strip().splitlines()[-1:]}"


def build_tree():
    for command in (["cmake", "--preset", "release"],
                    ["cmake", "--build", "--preset", "release", "-j", str(os.cpu_count()), "--target", "benchmarks"]):
        print(f"bench: {' '.join(command)}", flush=True)
        done = subprocess.run(command, cwd=TREE, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"bench: that failed:\n{done.stdout[-4000:]}{done.stderr[-4000:]}")


def cached(build, pattern):
    match = re.search(pattern, (build / "CMakeCache.txt").read_text(), re.MULTILINE)
    return match[1] if match else ""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_server(address, process):
    """Whether the process serves on a port, or on a path."""
    for _ in range(500):
        unix = isinstance(address, str)
        with socket.socket(socket.AF_UNIX if unix else socket.AF_INET) as probe:
            if probe.connect_ex(address if unix else ("127.0.0.1", address)) == 0:
                return True
        if process.poll() is not None:
            return False
        time.sleep(0.02)
    return False


def nginx_program():
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")


def progress(text):
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", flush=True, file=sys.stderr)


def number(value):
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def spread(values):
    return f"{number(statistics.median(values))} ({number(min(values))}–{number(max(values))})"


def verdict(reached):
    return "reached" if reached else "missed"


def table(header, lines):
    cells = [header, ["---"] * len(header), *lines]
    widths = [max(len(line[i]) for line in cells) for i in range(len(header))]
    for line in cells:
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |")


def machine():
    with open("/proc/cpuinfo") as info:
        cpu = next((line.partition(":")[2].strip() for line in info if line.startswith("model name")), platform.machine())
    with open("/etc/os-release") as release:
        system = next((line.partition("=")[2].strip().strip('"') for line in release if line.startswith("PRETTY_NAME")), "")
    return f"{cpu}, {os.cpu_count()} cores, Linux {platform.release()}, {system}"
