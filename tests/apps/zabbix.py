"""The gateway in front of a real Zabbix, each effect looked up in Zabbix itself: zabbix.py URL TOKEN."""

import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))
from scim import GROUP, USER, Server, done, equal, scim  # noqa: E402

gateway = scim(*sys.argv[1:3])
zabbix = Server(os.environ["ZABBIX_URL"], "")
MAIL = os.environ["ZABBIX_MEDIA"]
FIRST, OFF = os.environ["ZABBIX_GROUP"], os.environ["ZABBIX_DISABLED"]


def rpc(method, params):
    auth = {} if method == "user.login" else {"auth": os.environ["ZABBIX_TOKEN"]}
    body = {"jsonrpc": "2.0", "method": method, "params": params, **auth, "id": 1}
    return zabbix.call("POST", "/api_jsonrpc.php", body)[1].get("result")


def signs_in(login, password):
    return isinstance(rpc("user.login", {"username": login, "password": password}), str)


def in_app(resource):
    found = rpc("user.get", {"userids": resource["id"], "selectUsrgrps": ["usrgrpid"], "getAccess": True})
    return found[0] if found else None


def media_of(resource):
    found = rpc("user.get", {"userids": resource["id"], "selectMedias": "extend"})[0]["medias"]
    return [{k: m[k] for k in ("mediatypeid", "sendto", "severity", "period", "active")} for m in found]


def groups_of(resource):
    return sorted(g["usrgrpid"] for g in in_app(resource)["usrgrps"])


def logins():
    return sorted(u["username"] for u in rpc("user.get", {"output": ["username"]}))


def user(login, **more):
    return gateway.call("POST", "/Users", {"schemas": [USER], "userName": login, **more})


def replaced(resource, path, value, kind="Users"):
    return gateway.patch(f"/{kind}/{resource['id']}", {"op": "replace", "path": path, "value": value})


def ids(scim_filter):
    return [u["userName"] for u in gateway.find("/Users", scim_filter)]


# made
status, ann = user("ann", name={"givenName": "Ann", "familyName": "O'Neil"}, profileUrl="https://example.com/ann", password="correct h0rse")
equal("somebody new", (status, ann["userName"], ann["active"], "password" in ann), (201, "ann", True, False))
kept = in_app(ann)
equal("is in the app", [kept[k] for k in ("username", "name", "surname", "url", "roleid", "users_status")],
      ["ann", "Ann", "O'Neil", "https://example.com/ann", os.environ["ZABBIX_ROLE"], "0"])
equal("in the group that people begin with", groups_of(ann), [FIRST])
equal("with the password that was sent", signs_in("ann", "correct h0rse"), True)
for name in ["ANN", "ben@work.example", "zoë", "a\"b\\c", "x{{id}}", "d e"]:
    status, made = user(name)
    equal(f"{name} is made", (status, made["userName"], in_app(made)["username"]), (201, name, name))
status, fay = user("fay", active=False)
equal("off from the start", (status, fay["active"], in_app(fay)["users_status"]), (201, False, "1"))
equal("taken", [user("ann")[0], user("ann")[1]["scimType"]], [409, "uniqueness"])
equal("too short a password", (user("gil", password="short")[0], "gil" in logins()), (400, False))
equal("too long a login", user("x" * 101)[0], 400)

# found
equal("by login, and letters are told apart", (ids('userName eq "ann"'), ids('userName eq "ANN"'), ids('userName eq "Ann"')), (["ann"], ["ANN"], []))
equal("not only ASCII", ids('userName eq "zoë"'), ["zoë"])
equal("quotes end nothing", (ids(r'userName eq "a\"b\\c"'), ids('userName eq "x{{id}}"')), (['a"b\\c'], ["x{{id}}"]))
equal("by something the app is not asked for", ids('name.familyName eq "o\'neil"'), ["ann"])
equal("who is off", ids("active eq false"), ["guest", "fay"])
equal("nobody", [gateway.get(f"/Users/{id}")[0] for id in ("999", "01", "abc", "1%20or%201")], [404, 404, 404, 404])
status, page = gateway.get("/Users?startIndex=3&count=2")
equal("a page", ([u["userName"] for u in page["Resources"]], page["totalResults"]), (["ann", "ANN"], 10))

# changed
equal("a name", replaced(ann, "name.familyName", "Archer")[1]["name"]["familyName"], "Archer")
equal("in the app, and nothing else", [in_app(ann)[k] for k in ("username", "name", "surname")], ["ann", "Ann", "Archer"])
equal("renamed", (replaced(ann, "userName", "anna")[0], in_app(ann)["username"]), (200, "anna"))
equal("no name that is taken", (replaced(ann, "userName", "fay")[0], in_app(ann)["username"]), (409, "anna"))
gateway.patch(f"/Users/{ann['id']}", {"op": "remove", "path": "name.givenName"})
equal("a name less", (in_app(ann)["name"], "givenName" in gateway.get(f"/Users/{ann['id']}")[1]["name"]), ("", False))
rpc("user.update", {"userid": ann["id"], "usrgrps": [{"usrgrpid": FIRST}, {"usrgrpid": "11"}]})
replaced(ann, "active", False)
equal("off, and still in the other groups", (in_app(ann)["users_status"], groups_of(ann)), ("1", sorted([FIRST, "11", OFF])))
equal("cannot sign in", signs_in("anna", "correct h0rse"), False)
replaced(ann, "active", True)
equal("on again", (in_app(ann)["users_status"], groups_of(ann)), ("0", sorted([FIRST, "11"])))
replaced(ann, "password", "battery st4ple")
equal("another password", signs_in("anna", "battery st4ple"), True)
whole = {"schemas": [USER], "userName": "ann", "name": {"givenName": "A", "familyName": "B"}, "active": False}
equal("replaced", gateway.call("PUT", f"/Users/{ann['id']}", whole)[0], 200)
equal("as was sent", [in_app(ann)[k] for k in ("username", "name", "surname", "users_status")], ["ann", "A", "B", "1"])

# e-mail addresses, and what the app keeps with them
def mail(address, **more):
    return {"mediatypeid": MAIL, "sendto": [address], "severity": "63", "period": "1-7,00:00-24:00", "active": "0", **more}


status, eve = user("eve", emails=[{"value": "eve@work.example", "type": "work"}, {"value": "eve@home.example"}])
equal("somebody with addresses", (status, [e["value"] for e in eve["emails"]]), (201, ["eve@work.example", "eve@home.example"]))
equal("as the app has them", media_of(eve), [mail("eve@work.example"), mail("eve@home.example")])
night = mail("eve@night.example", severity="48", period="1-5,20:00-24:00", active="1")
both = mail("eve@work.example", sendto=["a@x.example", "b@x.example"])
sms = {"mediatypeid": "3", "sendto": "+1 555", "severity": "1", "period": "1-7,00:00-24:00", "active": "0"}
rpc("user.update", {"userid": eve["id"], "medias": [night, both, sms]})
equal("what others keep there is none of ours", [e["value"] for e in gateway.get(f"/Users/{eve['id']}")[1]["emails"]], ["eve@night.example"])
gateway.patch(f"/Users/{eve['id']}", {"op": "add", "path": "emails", "value": [{"value": "eve@day.example"}]})
equal("one more, and the others as they were", media_of(eve), [night, both, sms, mail("eve@day.example")])
gateway.patch(f"/Users/{eve['id']}", {"op": "remove", "path": 'emails[value eq "eve@day.example"]'})
equal("one less", media_of(eve), [night, both, sms])
equal("found by it", ids('emails.value eq "EVE@night.example"'), ["eve"])
gateway.patch(f"/Users/{eve['id']}", {"op": "replace", "path": "emails", "value": [{"value": "eve@new.example"}]})
equal("another one", media_of(eve), [both, sms, mail("eve@new.example")])
status, fault = replaced(eve, "emails", [{"value": "no address"}])
equal("what is none", (status, fault["scimType"], media_of(eve)[-1]), (400, "invalidValue", mail("eve@new.example")))
gateway.patch(f"/Users/{eve['id']}", {"op": "remove", "path": "emails"})
equal("none of them", (media_of(eve), "emails" in gateway.get(f"/Users/{eve['id']}")[1]), ([both, sms], False))

# roles
equal("the role that people begin with", eve["roles"], [{"value": os.environ["ZABBIX_ROLE"], "primary": True}])
rpc("user.update", {"userid": eve["id"], "roleid": "2"})
equal("who has another", ids('roles.value eq "2"'), ["eve"])
status, fault = replaced(eve, "roles", [{"value": "3"}])
equal("which is not given from here", (status, fault["scimType"], in_app(eve)["roleid"]), (400, "mutability", "2"))

# groups
status, lab = gateway.call("POST", "/Groups", {"schemas": [GROUP], "displayName": "lab"})
equal("a group", (status, rpc("usergroup.get", {"usrgrpids": lab["id"]})[0]["name"]), (201, "lab"))
equal("the same again", gateway.call("POST", "/Groups", {"schemas": [GROUP], "displayName": "lab"})[0], 409)
replaced(lab, "displayName", "labs", "Groups")
equal("another name", rpc("usergroup.get", {"usrgrpids": lab["id"]})[0]["name"], "labs")
equal("found by it", [g["id"] for g in gateway.find("/Groups", 'displayName eq "labs"')], [lab["id"]])
def in_group(group):
    return sorted(u["userid"] for u in rpc("usergroup.get", {"usrgrpids": group["id"], "selectUsers": ["userid"]})[0]["users"])


def joins(group, *people):
    return gateway.patch(f"/Groups/{group['id']}", {"op": "add", "path": "members", "value": [{"value": p["id"]} for p in people]})[0]


def leaves(group, person):
    return gateway.patch(f"/Groups/{group['id']}", {"op": "remove", "path": f"members[value eq \"{person['id']}\"]"})


begin = {"id": FIRST}
equal("two join", (joins(lab, ann, fay), in_group(lab)), (204, sorted([ann["id"], fay["id"]])))
equal("and stay where they were", (groups_of(fay), fay["id"] in in_group(begin)), (sorted([FIRST, OFF, lab["id"]]), True))
equal("who is in it", sorted(m["value"] for m in gateway.get(f"/Groups/{lab['id']}")[1]["members"]), sorted([ann["id"], fay["id"]]))
equal("seen from the person", lab["id"] in [g["value"] for g in gateway.get(f"/Users/{ann['id']}")[1]["groups"]], True)
equal("one leaves", (leaves(lab, fay)[0], in_group(lab)), (204, [ann["id"]]))
change = {"op": "replace", "path": "members", "value": [{"value": fay["id"]}]}
equal("replaced", (gateway.patch(f"/Groups/{lab['id']}", change)[0], in_group(lab)), (204, [fay["id"]]))
zoe = gateway.find("/Users", 'userName eq "zoë"')[0]
status, fault = leaves(begin, zoe)
equal("nobody leaves the last one", (status, fault["scimType"], groups_of(zoe)), (400, "invalidValue", [FIRST]))
equal("nobody of that number", (joins(lab, {"id": "999"}), in_group(lab)), (400, [fay["id"]]))
equal("the app's own accounts are left alone", (joins(lab, {"id": "2"}), in_group(lab)), (403, [fay["id"]]))
equal("a group goes", (gateway.call("DELETE", f"/Groups/{lab['id']}")[0], rpc("usergroup.get", {"usrgrpids": lab["id"]})), (204, []))

# gone
equal("somebody leaves", (gateway.call("DELETE", f"/Users/{ann['id']}")[0], in_app(ann)), (204, None))
equal("left already", gateway.call("DELETE", f"/Users/{ann['id']}")[0], 404)
equal("the app's own accounts stay", [gateway.call("DELETE", f"/Users/{id}")[0] for id in ("1", "2", "01")], [403, 403, 404])
for one in gateway.find("/Users", 'userName ne "Admin" and userName ne "guest"'):
    equal("and all the others", gateway.call("DELETE", f"/Users/{one['id']}")[0], 204)
equal("nobody else is left", logins(), ["Admin", "guest"])
done()
