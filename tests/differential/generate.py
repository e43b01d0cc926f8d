"""Random people, filters and PATCHes from one seed, made of what tends to go wrong: letter case, quotes, wildcards, blanks.

A filter is a tree: ("and", a, b), ("or", a, b), ("not", a), or a leaf: ("leaf", text, path). `«name»` in texts and values
stands for the id of that person, which each server makes itself.
"""

import json

from scim import ENTERPRISE, GROUP, USER

WORDS = ["Ann Archer", "ANN ARCHER", "ann archer", "Änne Groß", "änne groß", "Änne Gross", "O'Brien", "o'brien", "50% off", "50_ off",
         "500 off", "a_b", "axb", "A%B", "back\\slash", "Back\\\\Slash", 'say "hi"', " padded", "padded ", "pad ded", "Łódź", "łódź",
         "文 見本", "🙂 ok", "semi;colon--", "[a] (b)", "tab\there", "zz", "Zz", "É", "é", ""]
# Letters whose lower case is a matter of opinion; few, so that they do not drown the rest.
ODD = ["İzmir", "izmir", "ızmir", "IZMIR", "ΣΑΣ", "σας", "σασ", "\u212aelvin", "kelvin", "A\u030angstrom", "Ångstrom"]
DEPARTMENTS = ["OPS", "ops", "Ops 1", "FIN", "Größe", "GRÖßE", "R&D", "", None]
KINDS = ["work", "Work", "home", "other", None]
SLOTS = ["work", "home", "other"]
TEXTS = ["userName", "externalId", "displayName", "title", "name.givenName", "name.familyName", f"{ENTERPRISE}:department",
         "emails.value", "emails.type"]
OPS = ["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"]


class Random:
    """What the generator draws from a seeded random.Random. `slots`: for an app that keeps one e-mail address of each of three kinds."""

    def __init__(self, random, slots=False):
        self.random, self.number, self.slots = random, 0, slots

    def chance(self, of):
        return self.random.random() < of

    def word(self):
        return self.random.choice(ODD if self.chance(0.08) else WORDS)

    def recased(self, text):
        how = self.random.randrange(5)
        return [text, text, text.upper(), text.lower(), text.swapcase()][how]

    def cut(self, text):
        """A piece of a text: all of it, or from its begin, its end or within."""
        if len(text) < 2 or self.chance(0.35):
            return text
        begin, end = sorted(self.random.sample(range(len(text) + 1), 2))
        return text[begin if self.chance(0.5) else 0:end if self.chance(0.5) else None]

    # People

    def email(self, primary):
        if self.slots:
            return self.slot(self.random.choice(SLOTS))
        kind = self.random.choice(KINDS)
        return {"value": self.address(), **({"type": kind} if kind else {}), "primary": primary}

    def address(self):
        self.number += 1
        local = self.random.choice(["ann", "Ann", "o'b", "a_b", "a%b", "änne", "x\\y", "q"])
        return f"{local}{self.number if self.chance(0.7) else ''}@{self.random.choice(['example.com', 'Home.Example'])}"

    def slot(self, kind):
        return {"value": self.address(), "type": kind, **({"primary": True} if kind == SLOTS[0] else {})}

    def emails(self):
        if self.slots:
            return [self.slot(kind) for kind in SLOTS if self.chance(0.5)]
        items = [self.email(False) for _ in range(self.random.choice([0, 1, 1, 2, 2, 3]))]
        # the app takes the same address of one kind only once
        items = list({(i["value"], i.get("type")): i for i in items}.values())
        if items and self.chance(0.6):
            self.random.choice(items)["primary"] = True
        return items

    def user(self, name):
        user = {"schemas": [USER, ENTERPRISE], "userName": name, "active": self.chance(0.6)}
        for attribute in ("externalId", "displayName", "title"):
            if self.chance(0.8):
                user[attribute] = self.word() or None
        parts = {part: self.word() or None for part in ("givenName", "familyName") if self.chance(0.75)}
        user.update({"name": parts} if parts else {})
        department = self.random.choice(DEPARTMENTS)
        if department:
            user[ENTERPRISE] = {"department": department}
        emails = self.emails()
        user.update({"emails": emails} if emails else {})
        return user

    def people(self, count):
        stems = ["ann", "BERT", "o'brien", "per%cent", "under_score", "Änne", "straße", "back\\slash", "文", 'quo"te', "zoë"]
        return [self.user(f"{stems[i % len(stems)]}.{i}") for i in range(count)]

    def group(self, name, people):
        members = self.random.sample(people, self.random.randrange(0, 5))
        group = {"schemas": [GROUP], "displayName": name}
        return {**group, "members": [{"value": f"«{m}»"} for m in members]} if members else group

    # Filters

    def path(self, path, schema=USER):
        urn = schema if not path.startswith("urn:") and self.chance(0.05) else ""
        return (f"{urn}:" if urn else "") + (self.recased(path) if self.chance(0.2) else path)

    def operator(self, op):
        return self.recased(op) if self.chance(0.1) else op

    def literal(self, path, people, empty=True):
        found = [v for v in (value for person in people for value in values(person, path)) if isinstance(v, str)]
        text = self.recased(self.cut(self.random.choice(found))) if found and self.chance(0.94) else self.random.choice([self.word(), ""])
        text = text or ("" if empty else "x")
        return json.dumps(text, ensure_ascii=self.chance(0.1))

    def compare(self, path, people, shown=None, schema=USER):
        op = self.random.choice(OPS)
        return f"{self.path(path, schema) if shown is None else shown} {self.operator(op)} {self.literal(path, people, shown in (None, ''))}"

    def item(self, people):
        def inside(depth):
            if depth and self.chance(0.5):
                return f"{inside(depth - 1)} {self.random.choice(['and', 'or'])} {inside(depth - 1)}"
            draw = self.random.randrange(10)
            if draw < 4:
                return self.compare("emails.value", people, "value")
            if draw < 7:
                return self.compare("emails.type", people, "type")
            if draw < 8:
                return f"primary {self.random.choice(['eq', 'ne'])} {self.random.choice(['true', 'false'])}"
            if draw < 9:
                return f"not ({inside(0)})"
            return f"{self.random.choice(['type', 'value', 'primary'])} pr"

        return ("leaf", f"emails[{inside(1)}]", "emails")

    def leaf(self, people):
        draw = self.random.random()
        path = self.random.choice(TEXTS)
        if draw < 0.62:
            return ("leaf", self.compare(path, people), path)
        if draw < 0.70:
            path = self.random.choice(TEXTS + ["name", "emails", "active", "emails.primary"])
            return ("leaf", f"{self.path(path)} {self.operator('pr')}", path)
        if draw < 0.78:
            path = self.random.choice(["active", "emails.primary"])
            return ("leaf", f"{path} {self.random.choice(['eq', 'ne'])} {self.random.choice(['true', 'false'])}", path)
        if draw < 0.90:
            return self.item(people)
        if draw < 0.94:
            return ("leaf", f"{path} {self.random.choice(['eq', 'ne'])} null", path)
        if draw < 0.96:
            return ("leaf", f"emails {self.compare('emails.value', people, '').strip()}", "emails.value")
        if draw < 0.98:
            name = self.random.choice(people)["userName"]
            return ("leaf", f'id {self.random.choice(["eq", "ne"])} "«{name}»"', "id")
        return ("leaf", self.random.choice(WRONG), "")

    def filter(self, people, depth=3):
        # an HTTP app is asked one comparison that all of the filter needs; there should be one often enough
        if self.slots and depth == 3 and self.chance(0.65):
            return ("and", self.leaf(people), self.filter(people, 2))
        draw = self.random.random()
        if depth == 1 or draw < 0.35:
            return self.leaf(people)
        if draw < 0.5:
            return ("not", self.filter(people, depth - 1))
        return (self.random.choice(["and", "or"]), self.filter(people, depth - 1), self.filter(people, depth - 1))

    def group_filter(self, people, groups):
        def leaf():
            name = self.random.choice(people)
            draw = self.random.randrange(5)
            if draw < 2:
                return ("leaf", self.compare("displayName", groups, schema=GROUP), "displayName")
            if draw == 2:
                return ("leaf", f'members[value eq "«{name}»"]', "members")
            if draw == 3:
                return ("leaf", f'members.value {self.random.choice(["eq", "ne"])} "«{name}»"', "members.value")
            return ("leaf", "members pr", "members")

        first = leaf()
        return first if self.chance(0.5) else (self.random.choice(["and", "or"]), first, ("not", leaf()))

    # PATCH

    def operation(self, before):
        op = self.random.choice(["add", "replace", "replace", "remove"])
        op_text = self.recased(op) if self.chance(0.05) else op
        if op != "remove" and self.chance(0.2):
            return {"op": op_text, "value": self.without_path()}
        path, value = self.target(before)
        operation = {"op": op_text, "path": self.path(path) if "[" not in path else path}
        return operation if op == "remove" else {**operation, "value": value}

    def without_path(self):
        parts = [("displayName", self.word()), ("title", self.word()), ("name", {"givenName": self.word()}),
                 ("active", self.chance(0.5)), ("emails", [self.email(self.chance(0.3))]), ("externalId", self.word()),
                 (ENTERPRISE, {"department": self.random.choice(["OPS", "Größe"])}), ("title", None),
                 ("name", {"familyName": self.word(), "givenName": None})]
        return dict(self.random.sample(parts, self.random.randrange(1, 4)))

    def target(self, before):
        text = self.word() if self.chance(0.93) else self.random.choice([None, 5, True, ["x"], {"a": 1}])
        draw = self.random.randrange(20)
        if draw < 4:
            return self.random.choice(["displayName", "title", "externalId", f"{ENTERPRISE}:department"]), text
        if draw < 6:
            return self.random.choice(["name.givenName", "name.familyName"]), text
        if draw < 7:
            value = {"givenName": self.word(), **({"familyName": self.word()} if self.chance(0.5) else {})}
            return "name", value
        if draw < 8:
            return "active", self.random.choice([True, False, False, None, 1])
        if draw < 11:
            items = [self.email(self.chance(0.4)) for _ in range(self.random.randrange(0, 3))]
            return "emails", items
        if draw < 12:
            return "emails", [*before.get("emails", [])[:1], self.email(False)]
        if draw < 18:
            return self.value_path(before)
        if draw < 19:
            return self.random.choice(["emails.type", "emails.value", "userName", "id", "schemas", "nickName"]), self.word() or "x"
        return self.random.choice(["emails.primary", "meta.created", "name.middleName", "emails[", "emails[type eq]"]), False

    def value_path(self, before):
        items = before.get("emails", []) or [self.email(False)]
        item = self.random.choice(items)
        test = self.random.choice([
            f'type eq {json.dumps(self.recased(item.get("type", "work")))}', f'value eq {json.dumps(item["value"])}', "primary eq true",
            f'value sw {json.dumps(item["value"][:2])} and not (primary eq true)', "type pr", 'type eq "none such"', "primary ne true"])
        sub = self.random.choice(["", "", ".value", ".type", ".primary"])
        value = {"": self.email(self.chance(0.3)), ".value": self.email(False)["value"],
                 ".type": self.random.choice(["work", "home", "new"]), ".primary": self.chance(0.5)}[sub]
        return f"emails[{test}]{sub}", value

    def member_operation(self, before, people):
        value = [{"value": f"«{name}»"} for name in self.random.sample(people, self.random.randrange(0, 3))]
        inside = [m["value"] for m in before.get("members", [])] or [f"«{people[0]}»"]
        one = self.random.choice([*inside, f"«{self.random.choice(people)}»"])
        op = self.random.choice(["add", "replace", "remove"])
        draw = self.random.randrange(10)
        if draw < 3 and op != "remove":
            return {"op": op, "path": "members", "value": value}
        if draw < 4 and op != "remove":
            return {"op": op, "value": {"members": value} if self.chance(0.5) else {"displayName": f"{self.word()} {self.number}"}}
        if draw < 8:
            return {"op": "remove", "path": f'members[value eq "{one}"]'}
        if draw < 9:
            return {"op": "remove", "path": "members"}
        self.number += 1
        return {"op": "replace", "path": "displayName", "value": f"{self.word()} {self.number}"}


WRONG = ["active gt true", 'active co "t"', "title eq 5", 'nickName eq "x"', "title", "title eq", 'title zz "a"', "emails[", "(title pr",
         'title eq "a" and', "not title pr", 'name eq "x"', "title eq 'a'", 'emails[type eq "work"', 'title eq "\\x"', "userName[value pr]"]


def values(resource, path):
    """The values at a path, of every item of a list."""
    found = [resource]
    steps = [ENTERPRISE, path[len(ENTERPRISE) + 1:]] if path.startswith(ENTERPRISE) else path.split(".") if path else []
    for step in steps:
        found = [value[step] for value in found if isinstance(value, dict) and value.get(step) is not None]
        found = [item for value in found for item in (value if isinstance(value, list) else [value])]
    return found


def text(tree):
    if tree[0] == "leaf":
        return tree[1]
    if tree[0] == "not":
        return f"not ({text(tree[1])})"
    return f"({text(tree[1])}) {tree[0]} ({text(tree[2])})"


def leaves(tree):
    return [tree] if tree[0] == "leaf" else [leaf for part in tree[1:] for leaf in leaves(part)]
