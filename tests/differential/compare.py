"""Sends the same random filters and PATCHes to Portolan and to another SCIM server and compares the answers.

compare.py sqlite THEIRS FILTERS PATCHES SEED URL TOKEN PORTOLAN MAPPING, or compare.py rest THEIRS FILTERS PATCHES SEED TOKEN
and for each gateway NAME URL APP. Only what known.md explains may differ, and each thing it explains must.
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
from sides import OverRest, OverSql, Side  # noqa: E402

PEOPLE, GROUPS, SHOWN = 44, 8, 12
# somebody on whom the examples of known.md can be seen, whatever the seed
KNOWN = {"schemas": [USER], "userName": "known", "displayName": "ΣΑΣ", "active": True}
KNOWN_EMAILS = {"sqlite": [{"value": "k@example.com", "type": "work", "primary": True}, {"value": "l@example.com", "primary": False}],
                "rest": [{"value": "k@example.com", "type": "work", "primary": True}, {"value": "l@example.com", "type": "home"}]}


class Known:
    """The disagreements that known.md explains, of those over one kind of app."""

    def __init__(self, path, kind):
        self.entries = []
        for section in re.split(r"^## ", path.read_text(), flags=re.M)[1:]:
            field = dict(re.findall(r"^- (pattern|example|only): `(.*)`$", section, flags=re.M))
            if field.get("only", kind) == kind:
                self.entries.append((section.split("\n")[0], re.compile(field["pattern"]), field["example"]))
        self.seen = {name: 0 for name, _, _ in self.entries}

    def explains(self, subject):
        for name, pattern, _ in self.entries:
            if pattern.search(subject):
                self.seen[name] += 1
                return name
        return None


class Run:
    """The gateways and the other server, what they hold, and the count."""

    def __init__(self, ours, theirs, known):
        self.ours, self.theirs, self.known = ours, theirs, known
        self.passed, self.failed, self.selective, self.filters = 0, 0, 0, 0
        self.threads = ThreadPoolExecutor(len(ours) + 1)
        self.held = {"/Users": {}, "/Groups": {}}

    def all(self, method, *arguments, of=None):
        """The same asked at once of the gateways (or of one) and of the other server: a list that ends with the latter."""
        sides = [*([of] if of else self.ours), self.theirs]
        return list(self.threads.map(lambda side: getattr(side, method)(*arguments), sides))

    def fail(self, what, *lines):
        self.failed += 1
        if self.failed <= SHOWN:
            print("\n    ".join([f"FAILED {what}", *lines]))

    def fill(self, endpoint, name_attribute, resource):
        made = self.all("add", endpoint, resource)
        if any(id is None or plain != made[-1][1] for id, plain in made):
            raise SystemExit(f"could not create the same on all: {resource}\n  " + "\n  ".join(map(str, made)))
        for side, (id, _) in zip([*self.ours, self.theirs], made):
            side.know(resource[name_attribute], id)
        self.held[endpoint][resource[name_attribute]] = resource

    # Filters

    def filter(self, endpoint, tree):
        *ours, theirs = self.all("select", endpoint, text(tree), True)
        self.filters += 1
        self.selective += isinstance(ours[0], frozenset) and 0 < len(ours[0]) < len(self.held[endpoint])
        for side, found in zip(self.ours, ours):
            problems = [] if found == theirs else self.leaves_differ(side, endpoint, tree, found, theirs)
            if problems:
                self.fail(f"{side.name} {endpoint} {text(tree)}", *problems)
            else:
                self.passed += 1

    def leaves_differ(self, of, endpoint, tree, ours, theirs):
        """Which leaf makes the difference; each must be known, and on each side the whole must follow from its leaves."""
        said, problems = {}, []
        for leaf in leaves(tree):
            found = said[leaf] = self.all("select", endpoint, leaf[1], of=of)
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

    def patch(self, of, endpoint, resource, operations):
        ours, theirs = self.all("patched", endpoint, resource, operations, of=of)
        if same(ours, theirs):
            self.passed += 1
            return
        # the fewest operations that still make a difference
        for at in reversed(range(len(operations))):
            fewer = operations[:at] + operations[at + 1:]
            tried = self.all("patched", endpoint, resource, fewer, of=of) if fewer else None
            if tried and not same(*tried):
                operations, (ours, theirs) = fewer, tried
        if self.known.explains(patch_subject(endpoint, resource, operations, ours, theirs)):
            self.passed += 1
        else:
            self.fail(f"{of.name} PATCH {endpoint} {json.dumps(operations, ensure_ascii=False)}", f"before {json.dumps(ours[0], ensure_ascii=False)}",
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


def main(kind, theirs, filters, patches, seed, *ours):
    began = time.monotonic()
    if kind == "sqlite":
        sides = [OverSql("sqlite", *ours)]
    else:
        token, *rest = ours
        sides = [OverRest(rest[at], rest[at + 1], token, rest[at + 2]) for at in range(0, len(rest), 3)]
    filters, patches = int(filters), int(patches)
    draw = Random(random.Random(int(seed)), slots=kind == "rest")
    known = Known(Path(__file__).parent / "known.md", kind)
    run = Run(sides, Side("theirs", theirs, "none"), known)
    run.all("clear")
    for person in [{**KNOWN, "emails": KNOWN_EMAILS[kind]}, *draw.people(PEOPLE)]:
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
        what, endpoint, rest = example.split(" ", 2)
        if what == "filter":
            run.filter(endpoint, ("leaf", rest, re.split(r"[ \[]", rest)[0]))
        else:
            resource, operations = json.loads(rest)
            run.patch(sides[0], endpoint, {"schemas": [USER], **resource}, operations)
    run.selective = run.filters = 0
    for side in sides:
        side.asked = side.looked = side.pushed = side.calls = 0
    for number in range(filters):
        run.filter(*(("/Groups", draw.group_filter(names, groups)) if draw.chance(0.1) else ("/Users", draw.filter(people))))
    between = time.monotonic()
    for number in range(patches):
        run.patch(sides[number % len(sides)], *patch(number))

    for name, count in known.seen.items():
        if not count:
            run.fail(f"known.md explains '{name}', which does not occur any more; take it out")
    share = 100 * run.selective / max(run.filters, 1)
    if share < 60 and run.filters >= 100:
        run.fail(f"only {share:.0f} % of the filters match some and not all; they prove little")
    for side in sides:
        pushed = 100 * side.pushed / max(side.looked, 1)
        if pushed < 50 and side.looked >= 100:
            run.fail(f"{side.name}: only {pushed:.0f} % of the filters have a part that the app answers; they prove little")
        calls = f"; {side.calls / side.looked:.1f} calls for one, as many as there are pages" if kind == "rest" and side.looked else ""
        print(f"{side.name}: {pushed:.0f} % of {side.looked} filters have a part that the app is asked{calls}")
    print("known:", ", ".join(f"{name} {count}" for name, count in known.seen.items()) or "none")
    print(f"seed {seed}: {filters} filters in {between - began:.0f} s, {share:.0f} % of them match some and not all; "
          f"{patches} PATCHes in {time.monotonic() - between:.0f} s")
    print(f"{run.passed} passed, {run.failed} failed")
    sys.exit(1 if run.failed else 0)


main(*sys.argv[1:])
