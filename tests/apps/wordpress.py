"""The gateway in front of a real WordPress, each effect looked up in WordPress itself: wordpress.py URL TOKEN."""

import base64
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))
from scim import GROUP, USER, Server, done, equal, scim  # noqa: E402

gateway = scim(*sys.argv[1:3])
key = base64.b64encode(f"{os.environ['WORDPRESS_USER']}:{os.environ['WORDPRESS_PASSWORD']}".encode()).decode()
app = Server(os.environ["WORDPRESS_URL"], f"Basic {key}")


def user(login, **more):
    body = {"schemas": [USER], "userName": login, "emails": [{"value": f"{login.split('@')[0].replace(' ', '')}@example.com", "type": "work"}]}
    return gateway.call("POST", "/Users", {**body, **more})


def in_app(resource):
    return app.get(f"/users/{resource['id']}?context=edit")[1]


def logins():
    return sorted(u["username"] for u in app.get("/users?context=edit&per_page=100")[1])


def replaced(resource, path, value):
    return gateway.patch(f"/Users/{resource['id']}", {"op": "replace", "path": path, "value": value})


def ids(scim_filter):
    return [u["userName"] for u in gateway.find("/Users", scim_filter)]


# made
status, ann = user("ann", name={"givenName": "Ann", "familyName": "O'Neil"}, displayName="Ann O'Neil", password="correct horse")
equal("somebody new", (status, ann["userName"], "password" in ann), (201, "ann", False))
kept = in_app(ann)
equal("is in the app", [kept[k] for k in ("username", "email", "first_name", "last_name", "name")],
      ["ann", "ann@example.com", "Ann", "O'Neil", "Ann O'Neil"])
for name in ["ben@work.example", "Carol.C", "dora d", "eve_e", "12345"]:
    equal(f"{name} is made", user(name)[0], 201)
equal("in the app's list", logins(), ["12345", "Carol.C", "admin", "ann", "ben@work.example", "dora d", "eve_e"])
equal("taken", [(s, f["scimType"]) for s, f in (user("ann"), user("ANN"))], [(409, "uniqueness")] * 2)
status, fault = user("anna", emails=[{"value": "ANN@example.com", "type": "work"}])
equal("an address that is taken", (status, fault["scimType"]), (409, "uniqueness"))
equal("no login of any kind", [user(name)[0] for name in ("a#b", "zoë", "x" * 61)], [400, 400, 400])
equal("none of them is there", len(logins()), 7)

# found
equal("by login, in other letters", ids('userName eq "CAROL.c"'), ["Carol.C"])
equal("a login with an @ that is nobody's address", ids('userName eq "ben@work.example"'), ["ben@work.example"])
equal("a login of digits", ids('userName eq "12345"'), ["12345"])
equal("by address", ids('emails.value eq "Ann@Example.com"'), ["ann"])
equal("a part of a login is not the login", ids('userName eq "an"'), [])
equal("by something the app cannot search", ids('name.familyName co "\'neil"'), ["ann"])
status, page = gateway.get("/Users?startIndex=3&count=2")
equal("a page", ([u["userName"] for u in page["Resources"]], page["totalResults"]), (["ben@work.example", "Carol.C"], 7))
equal("nobody has such an id", [gateway.get(f"/Users/{id}")[0] for id in ("me", "999", "01", "..%2F1")], [404, 404, 404, 404])

# changed
equal("renamed", replaced(ann, "name.familyName", "Archer")[1]["name"]["familyName"], "Archer")
equal("in the app, and nothing else", [in_app(ann)[k] for k in ("first_name", "last_name", "name")], ["Ann", "Archer", "Ann O'Neil"])
replaced(ann, 'emails[type eq "work"].value', "archer@example.com")
equal("another address", in_app(ann)["email"], "archer@example.com")
replaced(ann, "displayName", "A. \"Quote\" & Co")
equal("quotes are kept as the app keeps them", in_app(ann)["name"], gateway.get(f"/Users/{ann['id']}")[1]["displayName"])
gateway.patch(f"/Users/{ann['id']}", {"op": "remove", "path": "name.givenName"})
equal("a name less", (in_app(ann)["first_name"], "givenName" in gateway.get(f"/Users/{ann['id']}")[1]["name"]), ("", False))
whole = {"schemas": [USER], "userName": "ann", "emails": [{"value": "ann@example.com", "type": "work"}], "displayName": "Ann",
         "name": {"familyName": None}}
equal("replaced", gateway.call("PUT", f"/Users/{ann['id']}", whole)[0], 200)
equal("as was sent", [in_app(ann)[k] for k in ("email", "first_name", "last_name", "name")], ["ann@example.com", "", "", "Ann"])
status, fault = replaced(ann, "userName", "anna")
equal("a login is for ever", (status, fault["scimType"], in_app(ann)["username"]), (400, "mutability", "ann"))
status, fault = replaced(ann, 'emails[type eq "work"].value', "nowhere")
equal("no address", (status, fault["detail"], in_app(ann)["email"]), (400, "Invalid email address.", "ann@example.com"))
equal("nothing turns people off", replaced(ann, "active", False)[0], 400)

# roles are groups
def members(role):
    return sorted(m["display"] for m in gateway.get(f"/Groups/{role}")[1].get("members", []))


def joins(role, *people):
    return gateway.patch(f"/Groups/{role}", {"op": "add", "path": "members", "value": [{"value": p["id"]} for p in people]})[0]


def leaves(role, person):
    return gateway.patch(f"/Groups/{role}", {"op": "remove", "path": f"members[value eq \"{person['id']}\"]"})[0]


ben = gateway.find("/Users", 'userName eq "ben@work.example"')[0]
equal("everybody begins as a subscriber", in_app(ann)["roles"], ["subscriber"])
equal("two join", (joins("editor", ann, ben), in_app(ann)["roles"], in_app(ben)["roles"]), (204, *[["subscriber", "editor"]] * 2))
equal("who is in it", members("editor"), ["Ann", "ben@work.example"])
equal("seen from the person", [g["value"] for g in gateway.get(f"/Users/{ann['id']}")[1]["groups"]], ["subscriber", "editor"])
equal("one leaves", (leaves("editor", ann), in_app(ann)["roles"], in_app(ben)["roles"]), (204, ["subscriber"], ["subscriber", "editor"]))
equal("left already", (leaves("editor", ann), in_app(ann)["roles"]), (204, ["subscriber"]))
change = {"op": "replace", "path": "members", "value": [{"value": ann["id"]}]}
equal("replaced", (gateway.patch("/Groups/editor", change)[0], in_app(ann)["roles"], in_app(ben)["roles"]), (204, ["subscriber", "editor"], ["subscriber"]))
equal("nobody of that number", (joins("author", {"id": "999"}), members("author")), (400, []))
equal("the gateway's own account keeps its role", (joins("author", {"id": "1"}), members("administrator")), (403, ["admin"]))
equal("by role", ids('groups.value eq "editor"'), ["ann"])
equal("roles are not made, renamed or deleted", [gateway.call("POST", "/Groups", {"schemas": [GROUP], "displayName": "x"})[0],
      gateway.patch("/Groups/editor", {"op": "replace", "path": "displayName", "value": "Chief"})[0], gateway.call("DELETE", "/Groups/editor")[0]], [501, 400, 501])

# gone
equal("somebody leaves", gateway.call("DELETE", f"/Users/{ann['id']}")[0], 204)
equal("and is gone", (app.get(f"/users/{ann['id']}?context=edit")[0], gateway.get(f"/Users/{ann['id']}")[0]), (404, 404))
equal("left already", gateway.call("DELETE", f"/Users/{ann['id']}")[0], 404)
equal("the gateway's own account stays", (gateway.call("DELETE", "/Users/1")[0], gateway.call("DELETE", "/Users/me")[0]), (403, 404))
equal("as it was", app.get("/users/me?context=edit")[1]["username"], "admin")
for one in gateway.find("/Users", 'userName ne "admin"'):
    equal("and all the others", gateway.call("DELETE", f"/Users/{one['id']}")[0], 204)
equal("nobody else is left", logins(), ["admin"])
done()
