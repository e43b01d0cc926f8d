"""One of the servers: its ids, and its resources in a form that can be compared."""

import json
import re
import urllib.parse
from collections import Counter
from math import ceil
from subprocess import run

from scim import Server


class Side(Server):
    """Speaks to one server in the names that all share: `«name»` stands for the id of that person here."""

    def __init__(self, name, url, token):
        super().__init__(url, f"Bearer {token}", "application/scim+json")
        self.name, self.ids, self.names = name, {}, {}

    def spoken(self, value):
        """The value with the ids of this server in place of names."""
        text = json.dumps(value, ensure_ascii=False)
        return json.loads(re.sub("«(.*?)»", lambda found: self.ids[json.loads(f'"{found[1]}"')], text))

    def add(self, endpoint, resource):
        """Creates a resource; answers its id, or the status of the refusal."""
        status, body = self.call("POST", endpoint, self.spoken(resource))
        if status != 201:
            return None, f"{status} {body}"
        return body["id"], self.plain(body)

    def know(self, name, id):
        self.ids[name], self.names[id] = id, name

    def clear(self):
        for endpoint in ("/Groups", "/Users"):
            for resource in self.get(f"{endpoint}?count=1000")[1].get("Resources", []):
                self.call("DELETE", f"{endpoint}/{resource['id']}")

    def select(self, endpoint, scim_filter, counts=False):
        """The names of the resources that a filter selects, page by page, or the status of a refusal. `counts`: in what is
        printed at the end."""
        found, total = [], None
        while total is None or len(found) < total:
            query = {"startIndex": len(found) + 1, "count": 1000, "attributes": "id", "filter": self.spoken(scim_filter)}
            status, body = self.get(f"{endpoint}?{urllib.parse.urlencode(query, quote_via=urllib.parse.quote)}")
            if status != 200:
                return status
            page = [self.names[resource["id"]] for resource in body.get("Resources", [])]
            found, total = found + page, body["totalResults"]
            if not page:
                break
        return frozenset(found) if len(set(found)) == total else f"{total} counted, {len(found)} listed, {len(set(found))} different"

    def patched(self, endpoint, resource, operations):
        """Creates the resource, sends the operations, deletes it again. Answers the before-state, the status, the after-state."""
        id, before = self.add(endpoint, resource)
        if id is None:
            return before, 0, None
        schema = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
        status, answer = self.call("PATCH", f"{endpoint}/{id}", {"schemas": [schema], "Operations": self.spoken(operations)})
        _, now = self.get(f"{endpoint}/{id}")
        after = self.plain(now)
        if status == 200 and self.plain(answer) != after:
            after = {"answered": self.plain(answer), "kept": after}
        self.call("DELETE", f"{endpoint}/{id}")
        return before, status if status < 400 or status >= 500 else status // 100 * 100, after

    def plain(self, resource):
        """Without what each server makes itself, without order, and with one form for "no value"."""
        members = sorted(self.names.get(m["value"], m["value"]) for m in resource.get("members", []))
        shown = {k: v for k, v in resource.items() if k not in ("schemas", "id", "meta", "groups", "members")}
        return assigned({**shown, "members": members}) or {}


class OverSql(Side):
    """Portolan over a database. What it pushes it tells itself: every tenth filter is explained."""

    def __init__(self, name, url, token, portolan, mapping):
        super().__init__(name, url, token)
        self.explain = [portolan, "explain", "--profile", "strict", mapping]
        self.asked = self.looked = self.pushed = 0

    def select(self, endpoint, scim_filter, counts=False):
        self.asked += counts
        if counts and self.asked % 10 == 0:
            said = run([*self.explain, f"GET {endpoint}?filter={urllib.parse.quote(self.spoken(scim_filter))}"], capture_output=True, text=True)
            self.looked += 1
            self.pushed += "\n  pushed " in said.stdout
        return super().select(endpoint, scim_filter)


class OverRest(Side):
    """Portolan over app.py, which tells the calls it got."""

    def __init__(self, name, url, token, app):
        super().__init__(name, url, token)
        self.app = Server(app, "")
        self.looked = self.pushed = self.calls = 0

    def select(self, endpoint, scim_filter, counts=False):
        self.app.get("/seen")
        found = super().select(endpoint, scim_filter)
        seen = self.app.get("/seen")[1]
        if counts:
            self.looked += 1
            self.calls += len(seen)
            self.pushed += any(call["asked"] for call in seen)
        # the sides of an `or` are looked up one by one: each is a list of its own
        lists = [(call["path"], json.dumps(call["asked"], sort_keys=True)) for call in seen]
        made, rows = Counter(lists), {key: call["rows"] for key, call in zip(lists, seen)}
        if not isinstance(found, frozenset):
            return f"{found}, and the app was asked: {dict(made)}" if made else found
        # no page of the app is read twice, and none that is not needed
        wrong = {key: number for key, number in made.items() if number != pages(key[0], rows[key])}
        return f"{len(found)} found, with too many or too few calls: {wrong}" if wrong else found


def pages(path, rows):
    """How many calls it takes to read so many rows of app.py."""
    if path.startswith("/api/found/"):
        return 1
    if path == "/api/crews":
        return ceil(rows / 4) + 1  # no total: the end is an empty page
    return max(1, ceil(rows / (10 if path.startswith("/api/people") else 3)))


def assigned(value):
    """Null, "" and [] are no value; so is `primary: false`, which the app of the quickstart cannot tell from none."""
    if isinstance(value, dict):
        kept = {k: assigned(v) for k, v in value.items() if not (k == "primary" and v is False)}
        return {k: v for k, v in sorted(kept.items()) if v is not None} or None
    if isinstance(value, list):
        return sorted((v for v in map(assigned, value) if v is not None), key=json.dumps) or None
    return None if value == "" else value
