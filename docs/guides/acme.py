"""The app of the guide: an invented HR service with a small user API of its own kind. In memory, standard library only.

    python3 docs/guides/acme.py            listens on http://127.0.0.1:9000, token "acme-token"
"""

import itertools
import json
import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

TOKEN = "acme-token"
numbers = itertools.count(104)
users = {
    str(n): {"id": n, "login": login, "first_name": first, "last_name": last, "email": f"{login}@acme.example", "state": state}
    for n, login, first, last, state in [
        (101, "ann", "Ann", "Archer", "enabled"),
        (102, "Ben", "Ben", "Sample", "enabled"),
        (103, "carla", "Carla", "Probe", "disabled"),
    ]
}
teams = {"7": {"id": 7, "name": "Night shift", "people": ["101", "102"]}}


def taken(users_or_teams, field, value, but=None):
    return any(r[field].lower() == value.lower() for i, r in users_or_teams.items() if i != but)


def taken_answer(field):
    return 422, {"errors": [{"code": "taken", "message": f"{field} is taken"}]}


def team(record):
    return {"id": record["id"], "name": record["name"]}


def page(rows, query):
    number, size = int(query.get("page", 1)), min(int(query.get("per_page", 20)), 100)
    return rows[(number - 1) * size : number * size]


def answer(method, path, query, body):
    """Status and body for one request."""
    match [method, *path.strip("/").split("/")]:
        case ["GET", "users"]:
            rows = [u for u in users.values() if u["login"].lower() == query.get("login", u["login"]).lower()]
            return 200, {"data": page(rows, query), "meta": {"total": len(rows)}}
        case ["POST", "users"]:
            if not re.fullmatch(r"[^\s/]+", body.get("login", "")):
                return 422, {"errors": [{"code": "invalid", "message": "login must be one word"}]}
            for field in ("login", "email"):
                if body.get(field) and taken(users, field, body[field]):
                    return taken_answer(field)
            n = next(numbers)
            users[str(n)] = {"first_name": "", "last_name": "", "email": "", "state": "enabled"} | body | {"id": n}
            return 201, users[str(n)]
        case [_, "users", n, *_] if n not in users:
            return 404, {"errors": [{"code": "unknown", "message": "no such user"}]}
        case ["GET", "users", n]:
            return 200, users[n]
        case ["PATCH", "users", n]:
            for field in ("login", "email"):
                if body.get(field) and taken(users, field, body[field], n):
                    return taken_answer(field)
            users[n] |= body
            return 200, users[n]
        case ["POST", "users", n, "deactivate" | "reactivate" as verb]:
            users[n]["state"] = "disabled" if verb == "deactivate" else "enabled"
            return 204, None
        case ["DELETE", "users", n]:
            del users[n]
            for record in teams.values():
                record["people"] = [p for p in record["people"] if p != n]
            return 204, None
        case ["GET", "teams"]:
            return 200, {"data": page([team(t) for t in teams.values()], query)}
        case ["POST", "teams"]:
            if taken(teams, "name", body["name"]):
                return taken_answer("name")
            n = next(numbers)
            teams[str(n)] = {"id": n, "name": body["name"], "people": []}
            return 201, team(teams[str(n)])
        case [_, "teams", n, *_] if n not in teams:
            return 404, {"errors": [{"code": "unknown", "message": "no such team"}]}
        case ["GET", "teams", n]:
            return 200, team(teams[n])
        case ["PATCH", "teams", n]:
            teams[n] |= body
            return 200, team(teams[n])
        case ["DELETE", "teams", n]:
            del teams[n]
            return 204, None
        case ["GET", "teams", n, "people"]:
            return 200, page([users[p] for p in teams[n]["people"]], query)
        case ["PUT", "teams", n, "people", p]:
            if p not in users:
                return 422, {"errors": [{"code": "unknown", "message": "no such person"}]}
            if p not in teams[n]["people"]:
                teams[n]["people"].append(p)
            return 204, None
        case ["DELETE", "teams", n, "people", p]:
            if p not in teams[n]["people"]:
                return 404, {"errors": [{"code": "unknown", "message": "not in this team"}]}
            teams[n]["people"].remove(p)
            return 204, None
    return 404, {"errors": [{"code": "unknown", "message": "no such endpoint"}]}


class Acme(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one packet for head and body

    def handle_request(self):
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or "{}")
        url = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(url.query).items()}
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            status, reply = 401, {"errors": [{"code": "token", "message": "wrong token"}]}
        else:
            status, reply = answer(self.command, url.path, query, body)
        data = b"" if reply is None else json.dumps(reply).encode()
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_request


if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 9000
    print(f"acme listens on http://127.0.0.1:{port}", flush=True)
    ThreadingHTTPServer(("127.0.0.1", port), Acme).serve_forever()
