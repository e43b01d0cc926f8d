"""The gateway in front of a real Redmine, each effect looked up in Redmine itself: redmine.py URL TOKEN."""

import base64
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))
from scim import GROUP, USER, Server, done, equal, scim  # noqa: E402

gateway = scim(*sys.argv[1:3])
redmine = Server(os.environ["REDMINE_URL"], "")
redmine.headers["X-Redmine-API-Key"] = os.environ["REDMINE_TOKEN"]


def in_app(resource):
    status, body = redmine.get(f"/users/{resource['id']}.json?include=groups")
    return body["user"] if status == 200 else None


def in_group(group):
    return sorted(str(u["id"]) for u in redmine.get(f"/groups/{group['id']}.json?include=users")[1]["group"]["users"])


def signs_in(login, password):
    basic = base64.b64encode(f"{login}:{password}".encode()).decode()
    return Server(os.environ["REDMINE_URL"], f"Basic {basic}").get("/my/account.json")[0] == 200


def user(login, **more):
    name = {"givenName": "A", "familyName": "B"}
    mail = [{"type": "work", "value": f"{login}@x.example"}]
    return gateway.call("POST", "/Users", {"schemas": [USER], "userName": login, "name": name, "emails": mail, **more})


def patch(resource, op, path, *value, kind="Users"):
    return gateway.patch(f"/{kind}/{resource['id']}", {"op": op, "path": path, **({"value": value[0]} if value else {})})


def ids(scim_filter):
    return sorted(u["userName"] for u in gateway.find("/Users", scim_filter))


# made
status, ann = user("ann", name={"givenName": "Ann", "familyName": "O'Neil"}, password="correct h0rse")
equal("somebody new", (status, ann["userName"], ann["active"]), (201, "ann", True))
kept = in_app(ann)
equal("is in the app", [kept[k] for k in ("login", "firstname", "lastname", "mail", "status")], ["ann", "Ann", "O'Neil", "ann@x.example", 1])
equal("with the password that was sent", (signs_in("ann", "correct h0rse"), signs_in("ann", "other")), (True, False))
status, ben = user("ben", active=False)
equal("off from the start", (status, ben["active"], in_app(ben)["status"]), (201, False, 3))
status, cy = user("cy")
equal("a third", (status, in_app(cy)["login"]), (201, "cy"))
equal("taken, in any letters, by who is off too", (user("ANN")[0], user("Ben")[0]), (409, 409))
equal("an address that is taken", user("dan", emails=[{"type": "work", "value": "ann@x.example"}])[0], 409)
status, fault = user("eve", emails=[{"type": "work", "value": "none"}])
equal("no address", (status, fault["scimType"], fault["detail"]), (400, "invalidValue", "Email is invalid"))

# found
equal("by login in other letters", (ids('userName eq "ANN"'), ids('userName eq "an"')), (["ann"], []))
equal("who is off as well", (ids('userName eq "ben"'), ids("active eq false")), (["ben"], ["ben"]))
equal("by address", ids('emails.value eq "CY@x.example"'), ["cy"])
equal("by name", ids("name.familyName eq \"o'neil\""), ["ann"])
equal("nobody", [gateway.get(f"/Users/{id}")[0] for id in ("999", "abc", "05")], [404, 404, 404])
status, page = gateway.get("/Users?startIndex=2&count=2")
equal("a page", ([u["userName"] for u in page["Resources"]], page["totalResults"]), (["ann", "ben"], 4))
equal("with what the list does not tell", page["Resources"][1]["active"], False)

# changed
equal("a name", (patch(ann, "replace", "name.familyName", "Archer")[1]["name"]["familyName"], in_app(ann)["firstname"]), ("Archer", "Ann"))
equal("renamed", (patch(ann, "replace", "userName", "anna")[0], in_app(ann)["login"]), (200, "anna"))
equal("no name that is taken", (patch(ann, "replace", "userName", "ben")[0], in_app(ann)["login"]), (409, "anna"))
patch(ann, "replace", "active", False)
equal("off", (in_app(ann)["status"], signs_in("anna", "correct h0rse")), (3, False))
patch(ann, "replace", "active", True)
equal("on again", (in_app(ann)["status"], signs_in("anna", "correct h0rse")), (1, True))
patch(ann, "replace", "password", "battery st4ple")
equal("another password", signs_in("anna", "battery st4ple"), True)

# groups
status, lab = gateway.call("POST", "/Groups", {"schemas": [GROUP], "displayName": "lab", "members": [{"value": ann["id"]}]})
equal("a group with somebody in it", (status, in_group(lab)), (201, [ann["id"]]))
equal("the same again", gateway.call("POST", "/Groups", {"schemas": [GROUP], "displayName": "lab"})[0], 409)
equal("one more", (patch(lab, "add", "members", [{"value": ben["id"]}], kind="Groups")[0], in_group(lab)), (200, [ann["id"], ben["id"]]))
equal("again", (patch(lab, "add", "members", [{"value": ben["id"]}], kind="Groups")[0], in_group(lab)), (200, [ann["id"], ben["id"]]))
equal("seen from the person", [g["value"] for g in gateway.get(f"/Users/{ann['id']}")[1]["groups"]], [lab["id"]])
equal("who is in it", ids(f'groups.value eq "{lab["id"]}"'), ["anna", "ben"])
equal("one less", (patch(lab, "remove", f'members[value eq "{ann["id"]}"]', kind="Groups")[0], in_group(lab)), (200, [ben["id"]]))
equal("nobody of that number", (patch(lab, "add", "members", [{"value": "999"}], kind="Groups")[0], in_group(lab)), (400, [ben["id"]]))
patch(lab, "replace", "members", [{"value": cy["id"]}], kind="Groups")
equal("replaced", in_group(lab), [cy["id"]])
patch(lab, "replace", "displayName", "labs", kind="Groups")
equal("another name", ([g["id"] for g in gateway.find("/Groups", 'displayName eq "LABS"')], in_group(lab)), ([lab["id"]], [cy["id"]]))

# gone
equal("a group goes", (gateway.call("DELETE", f"/Groups/{lab['id']}")[0], redmine.get(f"/groups/{lab['id']}.json")[0]), (204, 404))
for one in (ann, ben, cy):
    equal("somebody leaves", (gateway.call("DELETE", f"/Users/{one['id']}")[0], in_app(one)), (204, None))
equal("left already", gateway.call("DELETE", f"/Users/{ann['id']}")[0], 404)
done()
