"""The gateway in front of a real JupyterHub, each effect looked up in the hub itself: jupyterhub.py URL TOKEN."""

import os
import pathlib
import sys
import time
from urllib.parse import quote

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))
from scim import GROUP, USER, Server, done, equal, scim  # noqa: E402

gateway = scim(*sys.argv[1:3])
hub = Server(os.environ["JUPYTERHUB_URL"], f"token {os.environ['JUPYTERHUB_TOKEN']}")
admin = Server(os.environ["JUPYTERHUB_URL"], f"token {os.environ.get('JUPYTERHUB_ADMIN_TOKEN', 'portolan-admin-token')}")
HUB = "urn:jupyterhub:params:scim:schemas:extension:2.0:User"


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

equal("the end of a name", len(gateway.find("/Users", 'userName ew "49"')), 3)

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

status, lib = gateway.call("POST", "/Groups", {"schemas": [GROUP], "displayName": "lib", "externalId": "X-1", "members": members("ann")})
equal("a group with an id of the company's", (status, lib["externalId"], hub.get("/groups/lib")[1]["properties"]), (201, "X-1", {"externalId": "X-1"}))
hub.call("PUT", "/groups/lib/properties", {"cost": "42", "externalId": "X-1"})
gateway.patch("/Groups/lib", {"op": "replace", "path": "externalId", "value": "X-2"})
equal("another one, and what others keep there stays", hub.get("/groups/lib")[1]["properties"], {"cost": "42", "externalId": "X-2"})
equal("found by it", [g["id"] for g in gateway.find("/Groups", 'externalId eq "X-2"')], ["lib"])
equal("and letters are told apart", gateway.find("/Groups", 'externalId eq "x-2"'), [])
status, _ = gateway.call("PUT", "/Groups/lib", {"schemas": [GROUP], "displayName": "lib", "externalId": None, "members": members("ben")})
kept = hub.get("/groups/lib")[1]
equal("replaced", (status, kept["users"], kept["properties"]), (200, ["ben"], {"cost": "42", "externalId": None}))
equal("it goes", (gateway.call("DELETE", "/Groups/lib")[0], hub.get("/groups/lib")[0]), (204, 404))

admin.call("PATCH", "/users/ben", {"admin": True})
equal("roles are shown", [r["value"] for r in gateway.get("/Users/ben")[1]["roles"]], ["user", "admin"])
equal("who is an admin", [u["id"] for u in gateway.find("/Users", 'roles.value eq "admin"')], ["ben"])
status, fault = gateway.patch("/Users/ann", {"op": "add", "path": "roles", "value": [{"value": "admin"}]})
equal("and not given", (status, fault["scimType"], hub.get("/users/ann")[1]["admin"]), (400, "mutability", False))
status, _ = gateway.patch("/Users/ann", {"op": "replace", "path": "active", "value": False})
equal("nobody is turned off in silence", status, 400)

before = gateway.get("/Users/ben")[1]
equal("who has not been there", HUB in before, False)
equal("her server starts", admin.call("POST", "/users/ben/server")[0] in (201, 202), True)
until = time.monotonic() + 30
while not hub.get("/users/ben")[1]["server"] and time.monotonic() < until:
    time.sleep(0.1)
after = gateway.get("/Users/ben")[1]
equal("when she was there last, as the hub has it", after[HUB]["lastActivity"], hub.get("/users/ben")[1]["last_activity"])
equal("which makes no other version", after["meta"]["version"], before["meta"]["version"])
equal("the hub deletes nobody while her server stops", hub.call("DELETE", "/users/ben")[0], 400)
equal("the gateway waits for that", (gateway.call("DELETE", "/Users/ben")[0], hub.get("/users/ben")[0]), (204, 404))

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
