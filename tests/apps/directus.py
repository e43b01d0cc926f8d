"""The gateway in front of a real Directus, each effect looked up in Directus itself: directus.py URL TOKEN."""

import json
import os
import pathlib
import sys
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))
from scim import GROUP, USER, Server, done, equal, scim  # noqa: E402

gateway = scim(*sys.argv[1:3])
directus = Server(os.environ["DIRECTUS_URL"], f"Bearer {os.environ['DIRECTUS_TOKEN']}")
ADMIN = os.environ["DIRECTUS_USER"]
NOBODY = "11111111-1111-1111-1111-111111111111"


def in_app(resource, kind="users"):
    asked = urllib.parse.quote(json.dumps({"id": {"_eq": resource["id"]}}))
    found = directus.get(f"/{kind}?filter={asked}")[1]["data"]
    return found[0] if found else None


def signs_in(email, password):
    return Server(os.environ["DIRECTUS_URL"], "").call("POST", "/auth/login", {"email": email, "password": password})[0] == 200


def user(login, **more):
    return gateway.call("POST", "/Users", {"schemas": [USER], "userName": login, **more})


def group(name, **more):
    return gateway.call("POST", "/Groups", {"schemas": [GROUP], "displayName": name, **more})


def replaced(resource, path, value, kind="Users"):
    return gateway.patch(f"/{kind}/{resource['id']}", {"op": "replace", "path": path, "value": value})


def ids(scim_filter):
    return sorted(u["userName"] for u in gateway.find("/Users", scim_filter))


# made
status, ann = user("Ann@Example.com", name={"givenName": "Ann", "familyName": "O'Neil"}, title="50%_a\\b", externalId="X-1", password="correct h0rse")
equal("somebody new", (status, ann["userName"], ann["active"], "password" in ann), (201, "ann@example.com", True, False))
kept = in_app(ann)
equal("is in the app", [kept[k] for k in ("email", "first_name", "last_name", "title", "external_identifier", "status", "role")],
      ["ann@example.com", "Ann", "O'Neil", "50%_a\\b", "X-1", "active", None])
equal("with the password that was sent", (signs_in("ann@example.com", "correct h0rse"), signs_in("ann@example.com", "other")), (True, False))
status, ben = user("ben@example.com", active=False, name={"familyName": "ÉMILE"})
equal("off from the start", (status, ben["active"], in_app(ben)["status"]), (201, False, "suspended"))
status, cy = user("cy@example.com", name={"familyName": "oneil"}, locale="de-DE")
equal("a third", (status, in_app(cy)["language"]), (201, "de-DE"))
equal("taken", (user("ANN@example.com")[0], user("dan@example.com", externalId="X-1")[0]), (409, 409))
status, fault = user("notmail")
equal("no address", (status, fault["scimType"]), (400, "invalidValue"))

# found
equal("by login in other letters", ids('userName eq "ANN@EXAMPLE.COM"'), ["ann@example.com"])
equal("by the company's id, letter by letter", (ids('externalId eq "X-1"'), ids('externalId eq "x-1"')), (["ann@example.com"], []))
equal("quotes end nothing", ids("name.familyName eq \"o'neil\""), ["ann@example.com"])
equal("signs of LIKE are none", (ids('title co "%_"'), ids('title co "50__"')), (["ann@example.com"], []))
equal("a backslash", ids(r'title ew "A\\B"'), ["ann@example.com"])
equal("not only ASCII, in other letters", ids('name.familyName eq "émile"'), ["ben@example.com"])
equal("an or", ids('name.givenName sw "AN" or name.familyName sw "ONE"'), ["ann@example.com", "cy@example.com"])
equal("who is off", ids("active eq false"), ["ben@example.com"])
equal("with an and", ids('active eq true and userName ew "example.com" and not (title pr)'), sorted(["cy@example.com"] + ([ADMIN] if ADMIN.endswith("example.com") else [])))
equal("who has no company's id", "ann@example.com" in ids("not (externalId pr)"), False)
equal("nobody", [gateway.get(f"/Users/{id}")[0] for id in (NOBODY, "abc", "1%27%20or%201")], [404, 404, 404])
status, page = gateway.get("/Users?startIndex=2&count=2")
equal("a page", (len(page["Resources"]), page["totalResults"]), (2, 4))

# changed
equal("a name", replaced(ann, "name.familyName", "Archer")[1]["name"]["familyName"], "Archer")
equal("in the app, and nothing else", [in_app(ann)[k] for k in ("first_name", "last_name", "title")], ["Ann", "Archer", "50%_a\\b"])
equal("renamed", (replaced(ann, "userName", "Anna@example.com")[0], in_app(ann)["email"]), (200, "anna@example.com"))
equal("no name that is taken", (replaced(ann, "userName", "ben@example.com")[0], in_app(ann)["email"]), (409, "anna@example.com"))
gateway.patch(f"/Users/{ann['id']}", {"op": "remove", "path": "title"})
equal("a title less", (in_app(ann)["title"], "title" in gateway.get(f"/Users/{ann['id']}")[1]), (None, False))
replaced(ann, "active", False)
equal("off", (in_app(ann)["status"], signs_in("anna@example.com", "correct h0rse")), ("suspended", False))
replaced(ann, "active", True)
equal("on again", (in_app(ann)["status"], signs_in("anna@example.com", "correct h0rse")), ("active", True))
replaced(ann, "password", "battery st4ple")
equal("another password", signs_in("anna@example.com", "battery st4ple"), True)
whole = {"schemas": [USER], "userName": "ann@example.com", "name": {"givenName": "A"}, "active": False}
equal("replaced", gateway.call("PUT", f"/Users/{ann['id']}", whole)[0], 200)
equal("as was sent", [in_app(ann)[k] for k in ("email", "first_name", "status")], ["ann@example.com", "A", "suspended"])

# groups
status, lab = group("lab")
equal("a group", (status, in_app(lab, "roles")["name"], in_app(lab, "roles")["admin_access"]), (201, "lab", False))
status, lib = group("lib", members=[{"value": ann["id"]}])
equal("one with a member", (status, in_app(lib, "roles")["users"]), (201, [ann["id"]]))


def joins(one, *people):
    return gateway.patch(f"/Groups/{one['id']}", {"op": "add", "path": "members", "value": [{"value": p["id"]} for p in people]})[0]


def in_group(one):
    return sorted(in_app(one, "roles")["users"])


equal("who joins one leaves the other", (joins(lab, ann, ben), in_group(lab), in_group(lib)), (204, sorted([ann["id"], ben["id"]]), []))
equal("who is in it", sorted(m["value"] for m in gateway.get(f"/Groups/{lab['id']}")[1]["members"]), sorted([ann["id"], ben["id"]]))
equal("seen from the person", [g["value"] for g in gateway.get(f"/Users/{ann['id']}")[1]["groups"]], [lab["id"]])
status, _ = gateway.patch(f"/Groups/{lab['id']}", {"op": "remove", "path": f"members[value eq \"{ann['id']}\"]"})
equal("one leaves", (status, in_group(lab), in_app(ann)["role"]), (204, [ben["id"]], None))
status, _ = gateway.patch(f"/Groups/{lab['id']}", {"op": "replace", "path": "members", "value": [{"value": cy["id"]}]})
equal("replaced members", (status, in_group(lab)), (204, [cy["id"]]))
equal("nobody of that id", (joins(lab, {"id": NOBODY}), in_group(lab)), (400, [cy["id"]]))
replaced(lab, "displayName", "labs", "Groups")
equal("another name", (in_app(lab, "roles")["name"], [g["id"] for g in gateway.find("/Groups", 'displayName eq "LABS"')]), ("labs", [lab["id"]]))

# what is protected
admins = next(g for g in gateway.find("/Groups", "displayName pr") if in_app(g, "roles")["admin_access"])
boss = gateway.find("/Users", f'userName eq "{ADMIN}"')[0]
equal("nobody becomes an admin from here", (joins(admins, ben), in_app(ben)["role"]), (403, None))
equal("nor stops being one", (joins(lab, boss), in_app(boss)["role"]), (403, admins["id"]))
second = directus.call("POST", "/users", {"email": "second@example.com", "role": admins["id"]})[1]["data"]
equal("not even one whom the gateway knows nothing of", (joins(lab, second), in_app(second)["role"]), (403, admins["id"]))
directus.call("DELETE", f"/users/{second['id']}")
equal("who the gateway is stays", [gateway.call("DELETE", f"/Users/{boss['id']}")[0], replaced(boss, "active", False)[0]], [403, 403])
equal("so does their group", gateway.call("DELETE", f"/Groups/{admins['id']}")[0], 403)

# gone
equal("a group goes, and who was in it stays", (gateway.call("DELETE", f"/Groups/{lab['id']}")[0], in_app(lab, "roles"), in_app(cy)["role"]), (204, None, None))
equal("gone already", (gateway.call("DELETE", f"/Groups/{lab['id']}")[0], gateway.call("DELETE", f"/Users/{NOBODY}")[0]), (404, 404))
for one in (ann, ben, cy):
    equal("somebody leaves", (gateway.call("DELETE", f"/Users/{one['id']}")[0], in_app(one)), (204, None))
equal("the other group", gateway.call("DELETE", f"/Groups/{lib['id']}")[0], 204)
done()
