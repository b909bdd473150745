#!/usr/bin/env python3
"""The routes of server/routes.c and docs/api/openapi.json are the same, its references lead somewhere, and docs/API.md
names each route.

Usage: check_routes.py
"""
import json
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def read(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as f:
        return f.read()


def bare(path):
    return re.sub(r"\{\w*\}", "{}", path)


def references(v):
    if isinstance(v, dict):
        if isinstance(v.get("$ref"), str):
            yield v["$ref"]
        v = list(v.values())
    if isinstance(v, list):
        for x in v:
            yield from references(x)


def main():
    spec = json.loads(read("docs", "api", "openapi.json"))
    served = {(m, bare(p)) for m, p in re.findall(r'\{HTTP_([A-Z]+),\s*"([^"]+)"', read("server", "routes.c"))}
    ops = {(m.upper(), bare(p)): op for p, ms in spec["paths"].items() for m, op in ms.items() if m != "parameters"}
    coming = {r for r, op in ops.items() if op.get("x-coming")}  # described, not served yet
    told = set(ops) - coming
    page = {(m, bare(p)) for m, p in re.findall(r"`(GET|POST|DELETE|PUT) (/[^`?]*)", read("docs", "API.md"))}
    wrong = [] if served else ["server/routes.c: no routes found in it"]
    wrong += [f"server/routes.c has {m} {p}, docs/api/openapi.json does not" for m, p in sorted(served - set(ops))]
    wrong += [f"docs/api/openapi.json has {m} {p}, server/routes.c does not" for m, p in sorted(told - served)]
    wrong += [f"docs/API.md does not name {m} {p}" for m, p in sorted(told - page)]
    wrong += [f"docs/API.md names {m} {p}, which is not served" for m, p in sorted(page - told)]
    wrong += [f"docs/api/openapi.json: {m} {p} is served: remove its x-coming" for m, p in sorted(coming & served)]
    for ref in sorted(set(references(spec))):
        at = spec
        for part in ref.removeprefix("#/").split("/"):
            at = at.get(part) if isinstance(at, dict) else None
        if at is None:
            wrong.append(f"docs/api/openapi.json: {ref} leads nowhere")
    print("\n".join(wrong), end="\n" if wrong else "")
    sys.exit(1 if wrong else 0)


main()
