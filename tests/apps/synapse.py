"""The gateway in front of a real Matrix Synapse, each effect looked up in Synapse itself: synapse.py URL TOKEN."""

import os
import pathlib
import sys
from urllib.parse import quote

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))
from scim import GROUP, USER, Server, done, equal, scim  # noqa: E402

gateway = scim(*sys.argv[1:3])
synapse = Server(os.environ["SYNAPSE_URL"], f"Bearer {os.environ['SYNAPSE_TOKEN']}")
NAME, OWN = os.environ["SYNAPSE_SERVER"], os.environ["SYNAPSE_USER"]


def in_app(resource):
    return synapse.get(f"/_synapse/admin/v2/users/{quote(resource['id'])}")[1]


def addresses(resource):
    return sorted(t["address"] for t in in_app(resource)["threepids"])


def signs_in(login, password):
    body = {"type": "m.login.password", "identifier": {"type": "m.id.user", "user": login}, "password": password}
    return Server(os.environ["SYNAPSE_URL"], "").call("POST", "/_matrix/client/v3/login", body)[0] == 200


def user(login, **more):
    return gateway.call("POST", "/Users", {"schemas": [USER], "userName": login, **more})


def at(resource, kind="Users"):
    return f"/{kind}/{quote(resource['id'])}"


def patch(resource, op, path, *value, kind="Users"):
    return gateway.patch(at(resource, kind), {"op": op, "path": path, **({"value": value[0]} if value else {})})


def ids(scim_filter):
    return sorted(u["userName"] for u in gateway.find("/Users", scim_filter))


# made
status, ann = user("Ann", displayName="Ann A", password="correct h0rse", emails=[{"value": "Ann@x.example"}])
equal("somebody new", (status, ann["id"], ann["userName"], ann["active"]), (201, f"@ann:{NAME}", "ann", True))
equal("is in the app", (in_app(ann)["displayname"], addresses(ann), in_app(ann)["locked"]), ("Ann A", ["ann@x.example"], False))
equal("with the password that was sent", (signs_in("ann", "correct h0rse"), signs_in("ann", "other")), (True, False))
status, ben = user("ben", displayName="Ben", active=False)
equal("off from the start", (status, ben["active"], in_app(ben)["locked"]), (201, False, True))
status, cy = user("cy", displayName="Ann Other")
equal("a third", (status, in_app(cy)["name"]), (201, f"@cy:{NAME}"))
status, fault = user("ann", displayName="somebody else")
equal("taken, and not overwritten", (status, fault["scimType"], in_app(ann)["displayname"]), (409, "uniqueness", "Ann A"))
status, fault = user("dan", emails=[{"value": "ANN@x.example"}])
equal("nor is an address taken from who has it", (status, fault["scimType"], addresses(ann)), (409, "uniqueness", ["ann@x.example"]))
equal("no login", (user("b en")[0], user("a/b")[0]), (400, 400))

# found
equal("by login in other letters", (ids('userName eq "ANN"'), ids('userName eq "nobody"')), (["ann"], []))
equal("by address, which no row of the list tells", (ids('emails.value eq "ANN@x.example"'), ids('emails.value eq "no@x.example"')), (["ann"], []))
equal("by name", ids('displayName sw "ann"'), ["ann", "cy"])
equal("who is off", ids("active eq false"), ["ben"])
equal("with what the list does not tell", ids('displayName sw "ann" and not (emails pr)'), ["cy"])
equal("nobody", [gateway.get(f"/Users/{id}")[0] for id in (f"@no:{NAME}", "no", "@x:other.example")], [404, 404, 404])
status, page = gateway.get("/Users?startIndex=2&count=2")
equal("a page", (len(page["Resources"]), page["totalResults"]), (2, 3))
made = gateway.get("/Users?filter=" + quote('userName eq "ann"'))[1]["Resources"][0]["meta"]["created"]
equal("when she was made, in lists too", made, gateway.get(at(ann))[1]["meta"]["created"])

# changed
equal("a name", (patch(ann, "replace", "displayName", "Ann B")[0], in_app(ann)["displayname"], addresses(ann)), (200, "Ann B", ["ann@x.example"]))
patch(ann, "add", "emails", [{"value": "a@home.example"}])
equal("one more address", addresses(ann), ["a@home.example", "ann@x.example"])
equal("not one that another has", (patch(cy, "add", "emails", [{"value": "a@home.example"}])[0], addresses(cy), len(addresses(ann))), (409, [], 2))
patch(ann, "remove", 'emails[value eq "ann@x.example"]')
equal("one less", addresses(ann), ["a@home.example"])
equal("no rename", (patch(ann, "replace", "userName", "anna")[0], in_app(ann)["name"]), (400, ann["id"]))
patch(ann, "replace", "active", False)
equal("off, and nothing is lost by it", (in_app(ann)["locked"], addresses(ann)), (True, ["a@home.example"]))
patch(ann, "replace", "active", True)
equal("on again", (in_app(ann)["locked"], signs_in("ann", "correct h0rse")), (False, True))
patch(ann, "replace", "password", "battery st4ple")
equal("another password", signs_in("ann", "battery st4ple"), True)

# rooms
status, lab = gateway.call("POST", "/Groups", {"schemas": [GROUP], "displayName": "lab", "members": [{"value": ann["id"]}]})


def in_room(room):
    return sorted(m for m in synapse.get(f"/_synapse/admin/v1/rooms/{quote(room['id'])}/members")[1]["members"] if m != OWN)


equal("a room with somebody in it", (status, in_room(lab), [m["value"] for m in lab["members"]]), (201, [ann["id"]], [ann["id"]]))
equal("one more", (patch(lab, "add", "members", [{"value": cy["id"]}], kind="Groups")[0], in_room(lab)), (204, [ann["id"], cy["id"]]))
equal("one less", (patch(lab, "remove", f'members[value eq "{ann["id"]}"]', kind="Groups")[0], in_room(lab)), (204, [cy["id"]]))
equal("seen from the person", [g["value"] for g in gateway.get(at(cy))[1]["groups"]], [lab["id"]])
equal("found by who is in it", [g["id"] for g in gateway.find("/Groups", f'members.value eq "{cy["id"]}"')], [lab["id"]])
equal("nobody of that name", (patch(lab, "add", "members", [{"value": f"@no:{NAME}"}], kind="Groups")[0], in_room(lab)), (400, [cy["id"]]))
patch(lab, "replace", "displayName", "Labs", kind="Groups")
equal("another name", synapse.get(f"/_synapse/admin/v1/rooms/{quote(lab['id'])}")[1]["name"], "Labs")
equal("found by it", [g["id"] for g in gateway.find("/Groups", 'displayName eq "LABS"')], [lab["id"]])
status, _ = gateway.call("DELETE", at(lab, "Groups"))
equal("a room goes", (status, synapse.get(f"/_synapse/admin/v1/rooms/{quote(lab['id'])}")[0], gateway.get(at(lab, "Groups"))[0]), (204, 404, 404))

# gone
equal("somebody leaves", (gateway.call("DELETE", at(ann))[0], in_app(ann)["deactivated"], gateway.get(at(ann))[0]), (204, True, 404))
equal("left already", gateway.call("DELETE", at(ann))[0], 404)
equal("nobody gets that login again", user("ann")[0], 409)
equal("the account of the gateway stays", (gateway.call("DELETE", f"/Users/{quote(OWN)}")[0], in_app({"id": OWN})["deactivated"]), (404, False))
for one in (ben, cy):
    equal("and the others", (gateway.call("DELETE", at(one))[0], in_app(one)["deactivated"]), (204, True))
done()
