"""A small HTTP app with an API of its own kind: people, and crews of them, in memory. app.py PORT exact|wider|deaf|fluent|apart|thin

It answers what it is asked about (`exact`), everybody who is anything like it (`wider`), or does not know the parameters and
ignores them (`deaf`). One is `fluent`: its only parameter is `where`, a whole filter as a tree of JSON. One keeps what it is asked `apart`
from its lists: `GET /api/found/…` tells all whom it finds at once, or that there is nobody. One is `thin`: it lists people who are on and
those who are off apart (`only`), exactly, and says no more of them than number, login and ref. `GET /seen` tells the calls since the last
time it was asked: path, parameters, rows in all.
"""

import json
import re
import sys
import unicodedata
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from threading import Lock
from urllib.parse import parse_qsl, urlsplit

KEY = "app-key"
# parameters are `FIELD.OPERATOR`; a field may be several
FIELDS = {"login": ["login"], "ref": ["ref"], "full": ["full"], "job": ["job"], "first": ["name", "first"], "last": ["name", "last"],
          "unit": ["unit", "code"], "state": ["state"], "mail": ["mail"], "label": ["label"]}
EXACT_CASE = {"ref", "state"}


def small(text):
    """Lower case, letter by letter; one for one, and none outside ASCII becomes one of ASCII."""
    def one(letter):
        low = letter.lower()
        return low if len(low) == 1 and (letter.isascii() or not low.isascii()) else letter

    return "".join(map(one, text))


def rough(text):
    """Without accents and letter case, and with nothing else that people do not see."""
    plain = "".join(part for part in unicodedata.normalize("NFKD", text) if not unicodedata.combining(part))
    return plain.casefold()


def compared(op, value, asked):
    return {"eq": value == asked, "ne": value != asked, "co": asked in value, "sw": value.startswith(asked), "ew": value.endswith(asked),
            "gt": value > asked, "ge": value >= asked, "lt": value < asked, "le": value <= asked}[op]


class Directory:
    """The data, and one method for each thing it can do."""

    def __init__(self, behaviour):
        self.behaviour, self.people, self.crews = behaviour, {}, {}
        self.numbers, self.codes, self.seen, self.lock = count(17), count(1), [], Lock()

    def answer(self, method, path, query, body):
        if self.behaviour == "apart" and (apart := re.fullmatch(r"/api/found/(people|crews)", path)):
            return self.found(apart[1], path, query)
        found = re.fullmatch(r"/api/(people|crews)(?:/([^/]+))?(?:/([^/]+))?(?:/([^/]+))?", path)
        if not found:
            return 404, problem("path", "there is nothing here")
        what, key, part, item = found.groups()
        held = self.people if what == "people" else self.crews
        if key is None:
            return self.listed(what, path, query) if method == "GET" else self.make(what, held, body) if method == "POST" else (405, None)
        if key not in held:
            return 404, problem("gone", "there is no such record")
        record = held[key]
        match method, what, part, item:
            case "GET", _, None, None:
                return 200, {what: shown(record)}
            case "PATCH", _, None, None:
                return self.change(what, held, record, body)
            case "DELETE", _, None, None:
                del held[key]
                for crew in self.crews.values():
                    crew["people"] = [no for no in crew["people"] if str(no) != key or what == "crews"]
                return 204, None
            case "POST", "people", "lock" | "unlock", None:
                record["state"] = {"lock": "off", "unlock": "on"}[part]
                return 204, None
            case "GET", "crews", "people", None:
                begin, size = int(query["from"]), min(int(query["limit"]), 3)
                self.seen.append({"path": path, "asked": {}, "rows": len(record["people"])})
                return 200, {"items": [{"person": {"no": no}} for no in record["people"][begin:begin + size]], "of": len(record["people"])}
            case "POST", "crews", "people", None:
                missing = [no for no in body["add"] if str(no) not in self.people]
                if missing:
                    return 422, problem("nobody", f"there is no person {missing[0]}")
                record["people"] += [int(no) for no in body["add"] if int(no) not in record["people"]]
                return 200, None
            case "DELETE", "crews", "people", str(no):
                before = len(record["people"])
                record["people"] = [other for other in record["people"] if str(other) != no]
                return (204, None) if len(record["people"]) < before else (404, problem("gone", "is not in that crew"))
        return 405, problem("method", "not here")

    def listed(self, what, path, query):
        asked = {name: value for name, value in query.items() if "." in name or name == "where"}
        rows = [shown(r) for r in (self.people if what == "people" else self.crews).values() if self.fits(r, asked)]
        if what == "people" and self.behaviour == "thin":
            rows = [{name: r[name] for name in ("no", "login", "ref") if name in r} for r in rows if (r["state"] == "on") == (query["only"] == "on")]
            path += f"?only={query['only']}"
        self.seen.append({"path": path, "asked": asked, "rows": len(rows)})
        if what == "people":
            begin, size = int(query["from"]), min(int(query["limit"]), 10)
            # the total is a text here
            return 200, {"result": {"items": rows[begin:begin + size], "of": str(len(rows))}}
        page, size = int(query["page"]), min(int(query["limit"]), 4)
        return 200, rows[page * size:page * size + size]

    def found(self, what, path, query):
        rows = [shown(r) for r in (self.people if what == "people" else self.crews).values() if self.fits(r, query)]
        self.seen.append({"path": path, "asked": query, "rows": len(rows)})
        return (200, {"found": rows}) if rows else (404, problem("nobody", "there is nobody like that"))

    def fits(self, record, asked):
        if self.behaviour == "fluent":
            return "where" not in asked or self.means(record, json.loads(asked["where"]))
        return self.behaviour == "deaf" or all(self.holds(record, *name.split("."), value) for name, value in asked.items())

    def means(self, record, tree):
        """`{"and": [...]}`, `{"or": [...]}`, `{"not": {...}}`, `{"name.first": {"co": "x"}}`; what is not there is equal to nothing."""
        (key, inside), = tree.items()
        if key in ("and", "or"):
            return (all if key == "and" else any)(self.means(record, part) for part in inside)
        if key == "not":
            return not self.means(record, inside)
        value = record
        for step in key.split("."):
            value = value.get(step) if isinstance(value, dict) else None
        (op, asked), = inside.items()
        if op == "there":
            return value is not None
        if value in (None, ""):
            return op == "ne"
        fold = (lambda text: text) if key in EXACT_CASE else small
        return compared(op, fold(value), fold(asked))

    def holds(self, record, field, op, asked):
        values = record
        for step in FIELDS[field]:
            values = values.get(step) if isinstance(values, dict) else None
        values = [v for v in (values.values() if isinstance(values, dict) else [values]) if v not in (None, "")]
        if self.behaviour == "wider":
            return op in ("gt", "ge", "lt", "le") or any(rough(asked) in rough(value) for value in values)
        fold = (lambda text: text) if field in EXACT_CASE else small
        if op == "ne" and not values:
            return True
        return any(compared(op, fold(value), fold(asked)) for value in values)

    def make(self, what, held, body):
        key, code = ("login", "no") if what == "people" else ("label", "code")
        if not body.get(key):
            return 422, problem("empty", f"{key} must be given")
        if self.taken(held, key, body[key], None):
            return 422, problem("taken", f"{key} is taken")
        number = next(self.numbers) if what == "people" else f"c-{next(self.codes)}"
        record = merged({code: number, "state": "on"} if what == "people" else {code: number, "people": []}, body)
        held[str(number)] = record
        return 201, {"made": shown(record)}

    def change(self, what, held, record, body):
        key = "login" if what == "people" else "label"
        if key in body and not body[key]:
            return 422, problem("empty", f"{key} must be given")
        if key in body and self.taken(held, key, body[key], record):
            return 422, problem("taken", f"{key} is taken")
        merged(record, body)
        return 200, {what: shown(record)}

    def taken(self, held, key, value, but):
        return any(small(other[key]) == small(value) for other in held.values() if other is not but)


def shown(record):
    return {name: value for name, value in record.items() if name != "people"}


def merged(record, changes):
    """JSON merge patch (RFC 7396): null takes a field away, objects are changed from within."""
    for name, value in changes.items():
        if value is None:
            record.pop(name, None)
        elif isinstance(value, dict):
            record[name] = merged(record[name] if isinstance(record.get(name), dict) else {}, value)
        else:
            record[name] = value
    return record


def problem(kind, text):
    return {"problem": {"kind": kind, "text": text}}


class Door(BaseHTTPRequestHandler):
    """One connection, kept alive."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    directory = None

    def serve(self):
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or "null")
        url = urlsplit(self.path)
        with self.directory.lock:
            if url.path == "/seen":
                status, answer, self.directory.seen = 200, self.directory.seen, []
            elif self.headers.get("X-Api-Key") != KEY:
                status, answer = 401, problem("key", "who are you?")
            else:
                status, answer = self.directory.answer(self.command, url.path, dict(parse_qsl(url.query, keep_blank_values=True)), body)
            data = b"" if answer is None else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
        self.wfile.flush()

    do_GET = do_POST = do_PATCH = do_DELETE = serve

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    Door.directory = Directory(sys.argv[2])
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Door).serve_forever()
