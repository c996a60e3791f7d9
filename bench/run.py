#!/usr/bin/env python3
"""Compiled objects against JAX, in turns on one CPU:  python3 bench/run.py [NAMES] [--quick]

Each workload is traced by JAX, compiled by rjaxc to an object file and by XLA in memory, checked, and then timed
in alternating rounds. NAMES select workloads by substring. Everything lies in build/bench/NAME afterwards.
"""
import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
HERE = os.path.join(ROOT, "bench")
COLUMNS = "{:<20} {:>11} {:>11} {:>8} {:>11} {:>9} {:>8} {:>9}  {}"


class Failed(Exception):
    """Why a workload has no figures."""


class Child:
    """A process that answers a line with a line, pinned to one CPU."""

    def __init__(self, command, cpu):
        self.name = os.path.basename(command[0])
        self.errors = tempfile.TemporaryFile("w+")
        environment = {**os.environ, "JAX_PLATFORMS": "cpu"}
        self.process = subprocess.Popen(["taskset", "-c", str(cpu)] + command, text=True, env=environment,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors)

    def ask(self, line=None):
        try:
            if line is not None:
                self.process.stdin.write(line + "\n")
                self.process.stdin.flush()
            reply = self.process.stdout.readline()
        except BrokenPipeError:
            reply = ""
        if not reply:
            status = self.process.wait()
            self.errors.seek(0)
            errors = self.errors.read().strip().splitlines()
            raise Failed(f"{self.name} ended with {status}: {errors[-1] if errors else 'no message'}")
        return reply

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def main():
    options = parse()
    names = workload_names(options)
    harness = os.path.join(options.out, "harness")
    os.makedirs(options.out, exist_ok=True)
    run(["cc", "-O2", "-Wall", "-Wextra", os.path.join(HERE, "harness.c"), "-o", harness, "-ldl"])
    print("us per call, median over rounds; ratio = JAX / rjaxc, above 1 is faster than JAX;")
    print("roofline: a lower bound from limits.json, which may come from another machine.\n")
    print(COLUMNS.format("workload", "rjaxc us", "JAX us", "ratio", "roofline us", "comp. ms", "obj. KB", "rel. err", ""))
    results = []
    for name in names:
        results.append(result := workload(name, harness, options))
        print(row(result), flush=True)
    summary(results)
    if options.json:
        json.dump(results, open(options.json, "w"), indent=1)
    sys.exit(any(r.get("wrong") for r in results))


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--quick", action="store_true", help="2 short rounds instead of 5 long ones")
    parser.add_argument("--workloads", default=os.path.join(ROOT, "../shared/bench"), help="where workloads.py is")
    parser.add_argument("--python", help="an interpreter with jax 0.10.2; default: one in .venv, made if missing")
    parser.add_argument("--rjaxc", default=os.path.join(os.environ.get("CARGO_TARGET_DIR", "target"), "release/rjaxc"))
    parser.add_argument("--flags", default="", help="more flags for rjaxc, such as --flags=--target-cpu=native")
    parser.add_argument("--cpu", type=int, default=0, help="the CPU to measure on")
    parser.add_argument("--json", help="also write all figures to this file")
    options = parser.parse_args()
    options.out = os.path.join(ROOT, "build/bench")
    options.rjaxc = os.path.join(ROOT, options.rjaxc)
    options.rounds, options.seconds = (2, 0.05) if options.quick else (5, 0.3)
    if not os.path.exists(options.rjaxc):
        sys.exit(f"{options.rjaxc} is missing: cargo build --release")
    if not os.path.exists(os.path.join(options.workloads, "workloads.py")):
        sys.exit(f"no workloads.py in {options.workloads}: see --workloads")
    options.python = options.python or virtual_environment()
    return options


def virtual_environment():
    python = os.path.join(ROOT, ".venv/bin/python")
    if not os.path.exists(python):
        run([sys.executable, "-m", "venv", os.path.join(ROOT, ".venv")])
    if subprocess.run([python, "-c", "import jax; assert jax.__version__ == '0.10.2'"], capture_output=True).returncode:
        run([python, "-m", "pip", "install", "--quiet", "jax==0.10.2"])
    return python


def workload_names(options):
    code = "import sys; sys.path.insert(0, sys.argv[1]); import workloads; print(*workloads.names())"
    names = run([options.python, "-c", code, options.workloads]).split()
    return [n for n in names if not options.names or any(part in n for part in options.names)]


def workload(name, harness, options):
    """Everything about one workload as a dictionary; `failed` says why figures are missing."""
    folder = os.path.join(options.out, name)
    os.makedirs(folder, exist_ok=True)
    result = {"name": name}
    children = [Child([options.python, os.path.join(HERE, "jax_side.py"), options.workloads, name, folder], options.cpu)]
    try:
        jax = children[0]
        result.update(json.loads(jax.ask()))
        compiled = compile_object(folder, result, options)
        result["jax_compile_ms"] = json.loads(jax.ask("compile"))["compile_ms"]
        children.append(native := Child([harness] + compiled, options.cpu))
        native.ask()
        result.update(json.loads(jax.ask("check")))
        result["wrong"] = not result["error"] <= result["tolerance"]
        measure(result, native, jax, options)
    except Failed as failure:
        result["failed"] = str(failure)
    finally:
        for child in children:
            child.close()
    return result


def compile_object(folder, result, options):
    """Compiles model.ir and links it to model.so; returns the harness's arguments."""
    at = lambda file: os.path.join(folder, file)
    command = [options.rjaxc, at("model.ir"), *options.flags.split(), "-o"]
    before = time.perf_counter()
    try:
        done = subprocess.run(command + [at("model.o")], capture_output=True, text=True, timeout=300)
    except subprocess.TimeoutExpired:
        raise Failed("rjaxc takes more than 5 minutes")
    result["compile_ms"] = (time.perf_counter() - before) * 1e3
    if done.returncode:
        errors = [line for line in done.stderr.strip().splitlines() if line.startswith("error")] or done.stderr.splitlines()
        kind = {1: "refused", 3: "not supported"}.get(done.returncode, f"exit code {done.returncode}")
        raise Failed(f"{kind}: {errors[0] if errors else ''}")
    result["object_kb"] = os.path.getsize(at("model.o")) / 1024
    manifest = json.load(open(at("model.json")))
    linked = at("model.o")
    if manifest["uses_runtime"]:
        linked = at("model.a")
        run(command + [linked])
    run(["cc", "-shared", "-o", at("model.so"), "-Wl,--whole-archive", linked, "-Wl,--no-whole-archive"])
    function = manifest["functions"][0]
    arguments = [at("model.so"), function["call_symbol"], str(function["work_bytes"]), str(function["work_align"])]
    arguments += [at(f"in{i}.bin") for i in range(result["inputs"])] + ["--"]
    return arguments + [f"{at(f'out{i}.got')}:{size}" for i, size in enumerate(result["outputs"])]


def measure(result, native, jax, options):
    """Rounds in turn, so that a change of the machine's speed hits both sides."""
    medians = {"us": [], "jax_us": []}
    for _ in range(options.rounds):
        median, least, _ = map(float, native.ask(str(options.seconds)).split())
        reply = json.loads(jax.ask(f"time {options.seconds}"))
        medians["us"].append(median / 1e3)
        medians["jax_us"].append(reply["median_us"])
        result["min_us"] = min(result.get("min_us", math.inf), least / 1e3)
        result["jax_min_us"] = min(result.get("jax_min_us", math.inf), reply["min_us"])
    result.update({key: statistics.median(values) for key, values in medians.items()})
    result["ratio"] = result["jax_us"] / result["us"]


def row(result):
    def number(key):
        value = result.get(key)
        # About four significant digits, without exponents.
        return "-" if value is None else f"{value:.{0 if value >= 1000 else 1 if value >= 100 else 2 if value >= 10 else 3}f}"

    error = f"{result['error']:.0e}" if "error" in result else "-"
    note = result.get("failed") or ("WRONG: above the tolerance" if result.get("wrong") else "")
    return COLUMNS.format(result["name"], number("us"), number("jax_us"), number("ratio"), number("bound_us"),
                          number("compile_ms"), number("object_kb"), error, note).rstrip()


def summary(results):
    ratios = [r["ratio"] for r in results if "ratio" in r and not r["wrong"]]
    failed = [r for r in results if "failed" in r]
    print(f"\n{len(ratios)} of {len(results)} right and timed, {len(failed)} not compiled or failed.")
    if ratios:
        mean = math.exp(statistics.mean(map(math.log, ratios)))
        print(f"geometric mean of the ratios {mean:.2f}, faster than JAX in {sum(r > 1 for r in ratios)}.")


def run(command):
    """Runs to success and returns what was printed."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise Failed(f"{' '.join(command[:2])}: {(done.stderr or done.stdout).strip()[-300:]}")
    return done.stdout


if __name__ == "__main__":
    try:
        main()
    except Failed as failure:
        sys.exit(str(failure))
