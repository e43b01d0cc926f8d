"""Sends the same random filters and PATCHes to Portolan and to another SCIM server and compares the answers.

compare.py OURS OUR_TOKEN THEIRS FILTERS PATCHES SEED. Only what known.md explains may differ, and each thing it explains must.
"""

import json
import random
import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scim import USER  # noqa: E402

from generate import Random, leaves, text, values  # noqa: E402
from sides import Side  # noqa: E402

PEOPLE, GROUPS, SHOWN = 44, 8, 12
# somebody on whom the examples of known.md can be seen, whatever the seed
KNOWN = {"schemas": [USER], "userName": "known", "displayName": "ΣΑΣ", "active": True, "emails": [
    {"value": "k@example.com", "type": "work", "primary": True}, {"value": "l@example.com", "primary": False}]}


class Known:
    """The disagreements that known.md explains."""

    def __init__(self, path):
        self.entries = []
        for section in re.split(r"^## ", path.read_text(), flags=re.M)[1:]:
            field = dict(re.findall(r"^- (pattern|example): `(.*)`$", section, flags=re.M))
            self.entries.append((section.split("\n")[0], re.compile(field["pattern"]), field["example"]))
        self.seen = {name: 0 for name, _, _ in self.entries}

    def explains(self, subject):
        for name, pattern, _ in self.entries:
            if pattern.search(subject):
                self.seen[name] += 1
                return name
        return None


class Run:
    """Both servers, what they hold, and the count."""

    def __init__(self, ours, theirs, known):
        self.sides, self.known = (ours, theirs), known
        self.passed, self.failed, self.selective, self.filters = 0, 0, 0, 0
        self.threads = ThreadPoolExecutor(2)
        self.held = {"/Users": {}, "/Groups": {}}

    def both(self, method, *arguments):
        """The same asked of both at once: (ours, theirs)."""
        return tuple(self.threads.map(lambda side: getattr(side, method)(*arguments), self.sides))

    def fail(self, what, *lines):
        self.failed += 1
        if self.failed <= SHOWN:
            print("\n    ".join([f"FAILED {what}", *lines]))

    def fill(self, endpoint, name_attribute, resource):
        made = self.both("add", endpoint, resource)
        if None in (made[0][0], made[1][0]) or made[0][1] != made[1][1]:
            raise SystemExit(f"could not create the same on both: {resource}\n  {made[0]}\n  {made[1]}")
        for side, (id, _) in zip(self.sides, made):
            side.know(resource[name_attribute], id)
        self.held[endpoint][resource[name_attribute]] = resource

    # Filters

    def filter(self, endpoint, tree):
        ours, theirs = self.both("select", endpoint, text(tree))
        self.filters += 1
        self.selective += isinstance(ours, frozenset) and 0 < len(ours) < len(self.held[endpoint])
        problems = [] if ours == theirs else self.leaves_differ(endpoint, tree, ours, theirs)
        if problems:
            self.fail(f"{endpoint} {text(tree)}", *problems)
        else:
            self.passed += 1

    def leaves_differ(self, endpoint, tree, ours, theirs):
        """Which leaf makes the difference; each must be known, and on each side the whole must follow from its leaves."""
        said, problems = {}, []
        for leaf in leaves(tree):
            found = said[leaf] = self.both("select", endpoint, leaf[1])
            problems += [subject for subject in self.subjects(endpoint, leaf, *found) if not self.known.explains(subject)]
        for side, whole in ((0, ours), (1, theirs)):
            expected = joined(tree, {leaf: found[side] for leaf, found in said.items()}, frozenset(self.held[endpoint]))
            if expected != whole:
                problems.append(f"{('ours', 'theirs')[side]} does not follow from its parts: {shown(whole)}, not {shown(expected)}")
        return problems

    def subjects(self, endpoint, leaf, ours, theirs):
        """One line for each resource that only one of the two finds, with its values at the leaf's path."""
        if not isinstance(ours, frozenset) or not isinstance(theirs, frozenset):
            return [] if ours == theirs else [f"{endpoint} {leaf[1]} | ours {shown(ours)} theirs {shown(theirs)}"]
        held = self.held[endpoint]
        return [f"{endpoint} {leaf[1]} | {'more' if name in ours else 'fewer'}: {name} {values(held[name], leaf[2])}"
                for name in sorted(ours ^ theirs)]

    # PATCH

    def patch(self, endpoint, resource, operations):
        ours, theirs = self.both("patched", endpoint, resource, operations)
        if same(ours, theirs):
            self.passed += 1
            return
        # the fewest operations that still make a difference
        for at in reversed(range(len(operations))):
            fewer = operations[:at] + operations[at + 1:]
            tried = self.both("patched", endpoint, resource, fewer) if fewer else None
            if tried and not same(*tried):
                operations, (ours, theirs) = fewer, tried
        if self.known.explains(patch_subject(endpoint, resource, operations, ours, theirs)):
            self.passed += 1
        else:
            self.fail(f"PATCH {endpoint} {json.dumps(operations, ensure_ascii=False)}", f"before {json.dumps(ours[0], ensure_ascii=False)}",
                      f"ours   {ours[1]} {json.dumps(ours[2], ensure_ascii=False)}", f"theirs {theirs[1]} {json.dumps(theirs[2], ensure_ascii=False)}")


def same(ours, theirs):
    """The same before, both or none refused, the same after; and what a side refused, it left alone."""
    done = [status // 100 for _, status, _ in (ours, theirs)]
    left_alone = all(status < 400 or before == after for before, status, after in (ours, theirs))
    return done[0] == done[1] and done[0] in (2, 4) and ours[0] == theirs[0] and ours[2] == theirs[2] and left_alone


def patch_subject(endpoint, resource, operations, ours, theirs):
    parts = [json.dumps(part, ensure_ascii=False) for part in (operations, resource, ours[1:], theirs[1:])]
    return f"PATCH {endpoint} {parts[0]} | before {parts[1]} | ours {parts[2]} | theirs {parts[3]}"


def joined(tree, said, everybody):
    """What a tree selects, given what its leaves select; a refused leaf refuses all."""
    refused = [said[leaf] for leaf in leaves(tree) if not isinstance(said[leaf], frozenset)]
    if refused:
        return refused[0]
    if tree[0] == "leaf":
        return said[tree]
    parts = [joined(part, said, everybody) for part in tree[1:]]
    return {"not": lambda a: everybody - a, "and": frozenset.__and__, "or": frozenset.__or__}[tree[0]](*parts)


def shown(found):
    return sorted(found) if isinstance(found, frozenset) else found


def main(ours, token, theirs, filters, patches, seed):
    began = time.monotonic()
    draw = Random(random.Random(seed))
    known = Known(Path(__file__).parent / "known.md")
    run = Run(Side(ours, token), Side(theirs, "none"), known)
    run.both("clear")
    for person in [KNOWN, *draw.people(PEOPLE)]:
        run.fill("/Users", "userName", person)
    names, people = list(run.held["/Users"]), list(run.held["/Users"].values())
    for number in range(GROUPS):
        run.fill("/Groups", "displayName", draw.group(f"{draw.word()} {number}", names))
    groups = list(run.held["/Groups"].values())

    def patch(number):
        if draw.chance(0.3):
            before = draw.group(f"patched {number}", names[:8])
            return "/Groups", before, [draw.member_operation(before, names[:10]) for _ in range(draw.random.randrange(1, 4))]
        before = draw.user(f"patched.{number}")
        return "/Users", before, [draw.operation(before) for _ in range(draw.random.choice([1, 1, 2, 3, 4]))]

    for name, _, example in known.entries:
        kind, endpoint, rest = example.split(" ", 2)
        if kind == "filter":
            run.filter(endpoint, ("leaf", rest, re.split(r"[ \[]", rest)[0]))
        else:
            resource, operations = json.loads(rest)
            run.patch(endpoint, {"schemas": [USER], **resource}, operations)
    run.selective = run.filters = 0
    for number in range(filters):
        run.filter(*(("/Groups", draw.group_filter(names, groups)) if draw.chance(0.1) else ("/Users", draw.filter(people))))
    between = time.monotonic()
    for number in range(patches):
        run.patch(*patch(number))

    for name, count in known.seen.items():
        if not count:
            run.fail(f"known.md explains '{name}', which does not occur any more; take it out")
    share = 100 * run.selective / max(run.filters, 1)
    if share < 60 and run.filters >= 100:
        run.fail(f"only {share:.0f} % of the filters match some and not all; they prove little")
    print("known:", ", ".join(f"{name} {count}" for name, count in known.seen.items()) or "none")
    print(f"seed {seed}: {filters} filters in {between - began:.0f} s, {share:.0f} % of them match some and not all; "
          f"{patches} PATCHes in {time.monotonic() - between:.0f} s")
    print(f"{run.passed} passed, {run.failed} failed")
    sys.exit(1 if run.failed else 0)


main(*sys.argv[1:4], *map(int, sys.argv[4:7]))
