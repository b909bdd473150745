#!/usr/bin/env python3
"""docs/api/openapi.json against a running engine: schemathesis makes requests of it, right and wrong ones, singly and in
sequences, and holds the answers to what the file says. Then the engine must end cleanly.

Usage: api.py WEIR [--examples N] [--seed N]     (from build/venv: make venv)
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

from engine import Engine

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
JOB = ("CREATE STREAM g WITH (connector = 'datagen', kind = 'clicks', rate = 100); SELECT user_id FROM g;")


def served_pages():
    """The description without what never ends (follow) and what is not served yet."""
    with open(os.path.join(ROOT, "docs", "api", "openapi.json"), encoding="utf-8") as f:
        spec = json.load(f)
    for path, ops in list(spec["paths"].items()):
        for method, op in list(ops.items()):
            if method == "parameters":
                continue
            if op.get("x-coming"):
                del ops[method]
                continue
            op["parameters"] = [p for p in op.get("parameters", []) if p.get("$ref") != "#/components/parameters/follow"]
            for r in op["responses"].values():
                r.get("content", {}).pop("text/event-stream", None)
        if not any(m != "parameters" for m in ops):
            del spec["paths"][path]
    return spec


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("weir")
    ap.add_argument("--examples", type=int, default=20)
    ap.add_argument("--seed", type=int, default=1)
    a = ap.parse_args()
    with tempfile.TemporaryDirectory() as d, Engine(os.path.abspath(a.weir), d, "--quiet=false") as e:
        spec = os.path.join(d, "openapi.json")
        with open(spec, "w", encoding="utf-8") as f:
            json.dump(served_pages(), f)
        env = {**os.environ, "WEIR_SERVER": e.url}
        subprocess.run([e.weir, "streams", "create", "clicks"], env=env, check=True)
        subprocess.run([e.weir, "submit", "--name", "slow_pages", "-e", JOB], env=env, check=True, capture_output=True)
        subprocess.run([e.weir, "savepoint", "slow_pages", "before"], env=env, check=True, capture_output=True)
        p = subprocess.run([os.path.join(os.path.dirname(sys.executable), "schemathesis"), "--config-file",
                            os.path.join(ROOT, "tests", "server", "schemathesis.toml"), "run", spec, "--url", e.url,
                            "--checks", "all", "--max-response-time", "600",  # no timing here: thousands of shards take seconds
                            "--phases", "examples,coverage,fuzzing,stateful", "--max-examples", str(a.examples),
                            "--seed", str(a.seed), "--generation-database", "none", "--request-timeout", "60", "--no-color",
                            "--warnings", "off"],
                           cwd=d, timeout=1200, check=False,
                           env={**env, "SCHEMATHESIS_HOOKS": os.path.join(ROOT, "tests", "server", "hooks.py")})
    print(f"schemathesis: {'passed' if p.returncode == 0 else 'failed'} (seed {a.seed}, {a.examples} examples)")
    sys.exit(p.returncode)


main()
