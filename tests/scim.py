"""A few words for the live tests: speak HTTP and JSON, compare, count. Standard library only."""

import json
import urllib.error
import urllib.parse
import urllib.request

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

checks = 0


class Server:
    """One base URL and the credentials for it. Every call answers (status, body or None)."""

    def __init__(self, url, authorization, media_type="application/json"):
        self.url, self.headers = url, {"Authorization": authorization, "Content-Type": media_type}

    def call(self, method, path, body=None, headers=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {**self.headers, **(headers or {})}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as reply:
                status, text = reply.status, reply.read()
        except urllib.error.HTTPError as error:
            status, text = error.code, error.read()
        return status, json.loads(text) if text else None

    def get(self, path):
        return self.call("GET", path)

    def find(self, path, scim_filter):
        """The resources a filter selects; fails if there is any other answer than a list."""
        status, body = self.get(f"{path}?count=1000&filter={urllib.parse.quote(scim_filter)}")
        equal(f"{path} {scim_filter}: status", status, 200)
        return body.get("Resources", [])

    def patch(self, path, *operations):
        schema = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
        return self.call("PATCH", path, {"schemas": [schema], "Operations": list(operations)})


def scim(url, token):
    return Server(url, f"Bearer {token}", "application/scim+json")


def equal(what, found, expected):
    """One check. The first that does not hold ends the run."""
    global checks
    if found != expected:
        raise SystemExit(f"{what}\n  expected {expected!r}\n  found    {found!r}")
    checks += 1


def done():
    print(f"{checks} checks passed")
