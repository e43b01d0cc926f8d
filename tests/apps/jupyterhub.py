"""The gateway in front of a real JupyterHub, each effect looked up in the hub itself: jupyterhub.py URL TOKEN."""

import os
import pathlib
import sys
from urllib.parse import quote

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))
from scim import GROUP, USER, Server, done, equal, scim  # noqa: E402

gateway = scim(*sys.argv[1:3])
hub = Server(os.environ["JUPYTERHUB_URL"], f"token {os.environ['JUPYTERHUB_TOKEN']}")


def user(name):
    return gateway.call("POST", "/Users", {"schemas": [USER], "userName": name})


def members(*names):
    return [{"value": name} for name in names]


def in_hub(group):
    return sorted(hub.get(f"/groups/{group}")[1]["users"])


for name in ["ann", "ben", "carol", "o'neil", "zoë", "a b"]:
    status, made = user(name)
    equal(f"{name} is made", (status, made["id"], made["userName"]), (201, name, name))
equal("in the hub's list", [u["name"] for u in hub.get("/users")[1]], ["ann", "ben", "carol", "o'neil", "zoë", "a b"])
equal("lower case, as the hub has it when somebody signs in", user("Dora")[1]["userName"], "dora")
equal("taken", (user("ann")[0], user("ANN")[0]), (409, 409))
equal("no user of any kind", (user(" ")[0], user("a/b")[0], user("..")[0]), (400, 400, 400))

equal("found", [u["id"] for u in gateway.find("/Users", 'userName eq "zoë"')], ["zoë"])
equal("found in other letters", [u["id"] for u in gateway.find("/Users", 'userName eq "Ann"')], ["ann"])
equal("not found", gateway.find("/Users", 'userName eq "nobody"'), [])
equal("by something the hub cannot search", [u["id"] for u in gateway.find("/Users", 'userName ew "ol"')], ["carol"])
status, page = gateway.get("/Users?startIndex=3&count=2")
equal("a page", ([u["id"] for u in page["Resources"]], page["totalResults"]), (["carol", "o'neil"], 7))

hub.call("POST", "/users", {"usernames": [f"many{i:03}" for i in range(250)]})
equal("more than a page of the hub's", len(gateway.find("/Users", 'userName sw "many"')), 250)
equal("counted", gateway.get("/Users?count=0")[1]["totalResults"], 257)

status, fault = gateway.patch("/Users/ann", {"op": "replace", "path": "userName", "value": "anna"})
equal("no rename", (status, fault["scimType"], hub.get("/users/ann")[0]), (400, "mutability", 200))

status, lab = gateway.call("POST", "/Groups", {"schemas": [GROUP], "displayName": "lab", "members": members("ann")})
equal("a group", (status, lab["id"], in_hub("lab")), (201, "lab", ["ann"]))
equal("the same again", gateway.call("POST", "/Groups", {"schemas": [GROUP], "displayName": "lab"})[0], 409)
gateway.patch("/Groups/lab", {"op": "add", "path": "members", "value": members("ben", "carol")})
equal("two join", in_hub("lab"), ["ann", "ben", "carol"])
gateway.patch("/Groups/lab", {"op": "add", "path": "members", "value": members("ben", "ben")})
equal("again, and twice", in_hub("lab"), ["ann", "ben", "carol"])
gateway.patch("/Groups/lab", {"op": "remove", "path": 'members[value eq "ann"]'})
equal("one goes", in_hub("lab"), ["ben", "carol"])
gateway.patch("/Groups/lab", {"op": "replace", "path": "members", "value": members("carol", "zoë")})
equal("replaced", in_hub("lab"), ["carol", "zoë"])
status, _ = gateway.patch("/Groups/lab", {"op": "add", "path": "members", "value": members("ann", "nobody")})
equal("an unknown one is an error", status, 400)
equal("seen from the person", [g["value"] for g in gateway.get("/Users/carol")[1]["groups"]], ["lab"])

many = [f"many{i:03}" for i in range(250)]
status, _ = gateway.patch("/Groups/lab", {"op": "add", "path": "members", "value": members(*many)})
equal("many join", (status < 300, [n for n in in_hub("lab") if n.startswith("many")]), (True, many))

equal("a member is deleted", gateway.call("DELETE", "/Users/carol")[0], 204)
equal("and is in no group", "carol" in in_hub("lab"), False)
equal("taking the deleted one out is done already", gateway.patch("/Groups/lab", {"op": "remove", "path": 'members[value eq "carol"]'})[0] < 300, True)
equal("deleted twice", gateway.call("DELETE", "/Users/carol")[0], 404)
equal("the group goes", (gateway.call("DELETE", "/Groups/lab")[0], hub.get("/groups/lab")[0]), (204, 404))
for name in [u["name"] for u in hub.get("/users?limit=200")[1] + hub.get("/users?offset=200&limit=200")[1]]:
    hub.call("DELETE", "/users/" + quote(name))
done()
