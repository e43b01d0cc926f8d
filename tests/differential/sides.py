"""One of the two servers: its ids, and its resources in a form that can be compared."""

import json
import re
import urllib.parse

from scim import Server


class Side(Server):
    """Speaks to one server in the names that both share: `«name»` stands for the id of that person here."""

    def __init__(self, url, token):
        super().__init__(url, f"Bearer {token}", "application/scim+json")
        self.ids, self.names = {}, {}

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

    def select(self, endpoint, scim_filter):
        """The names of the resources that a filter selects, or the status of a refusal."""
        query = urllib.parse.urlencode({"count": 1000, "attributes": "id", "filter": self.spoken(scim_filter)}, quote_via=urllib.parse.quote)
        status, body = self.get(f"{endpoint}?{query}")
        if status != 200:
            return status
        found = frozenset(self.names[resource["id"]] for resource in body.get("Resources", []))
        return found if len(found) == body["totalResults"] else f"{body['totalResults']} counted, {len(found)} listed"

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


def assigned(value):
    """Null, "" and [] are no value; so is `primary: false`, which the app of the quickstart cannot tell from none."""
    if isinstance(value, dict):
        kept = {k: assigned(v) for k, v in value.items() if not (k == "primary" and v is False)}
        return {k: v for k, v in sorted(kept.items()) if v is not None} or None
    if isinstance(value, list):
        return sorted((v for v in map(assigned, value) if v is not None), key=json.dumps) or None
    return None if value == "" else value
