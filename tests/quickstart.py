"""What examples/quickstart/README.md shows, done and checked against a running demo: quickstart.py URL TOKEN."""

import sys

from scim import ENTERPRISE, USER, done, equal, scim

demo = scim(*sys.argv[1:3])


def names(scim_filter):
    return sorted(user["userName"] for user in demo.find("/Users", scim_filter))


status, page = demo.get("/Users?count=3")
equal("a page: status, rows, total", (status, len(page["Resources"]), page["totalResults"]), (200, 3, 7))
equal("logins do not tell letters apart", names('userName eq "Ann.Archer"'), ["ann.archer"])
equal("nor does the database's own spelling", names('userName eq "emil.probe"'), ["EMIL.PROBE"])
equal("one value of several", names('emails[type eq "home"] and active eq true'), ["ann.archer"])
equal("an apostrophe is a letter", names('emails.value eq "c.o\'example@example.com"'), ["c.oexample"])
equal("so is what is not ASCII", names('name.familyName sw "Testov"'), ["dora.testova"])
equal("a quote that ends early finds nobody", names("userName eq \"x' or 1=1 --\""), [])
equal("locked", names("active eq false"), ["EMIL.PROBE"])
equal("not", names(f'not ({ENTERPRISE}:department eq "OPS") and title pr'), ["c.oexample", "dora.testova", "fumi.mihon"])
equal("a leaver does not exist", (demo.get("/Users/1007")[0], names('userName eq "gus.nobody"')), (404, []))

status, team = demo.get("/Groups/10")
equal("nor in a team", (status, sorted(m["value"] for m in team["members"])), (200, ["1001", "1002", "1005"]))
equal("a person's teams", [g["value"] for g in demo.get("/Users/1003")[1]["groups"]], ["20"])

new = {"schemas": [USER], "userName": "ivy.invented", "displayName": "Ivy Invented", "active": True,
       "emails": [{"value": "ivy.invented@example.com", "type": "work", "primary": True}]}
status, ivy = demo.call("POST", "/Users", new)
equal("created", (status, ivy["userName"], ivy["emails"]), (201, new["userName"], new["emails"]))
status, fault = demo.call("POST", "/Users", {**new, "userName": "IVY.invented"})
equal("the same login again", (status, fault["scimType"]), (409, "uniqueness"))

demo.patch("/Users/1002", {"op": "replace", "path": "active", "value": False})
equal("locked out", demo.get("/Users/1002")[1]["active"], False)
demo.patch("/Users/1002", {"op": "replace", "path": "active", "value": True})
equal("and in again", demo.get("/Users/1002")[1]["active"], True)

demo.patch("/Groups/20", {"op": "add", "path": "members", "value": [{"value": ivy["id"]}]})
equal("joined", [u["id"] for u in demo.find("/Users", 'groups.value eq "20"')], ["1003", "1004", ivy["id"]])
status, fault = demo.patch("/Groups/20", {"op": "add", "path": "members", "value": [{"value": "1007"}]})
equal("a leaver does not join", (status, fault["scimType"]), (400, "invalidValue"))
demo.patch("/Groups/20", {"op": "remove", "path": f'members[value eq "{ivy["id"]}"]'})
equal("left the team", sorted(m["value"] for m in demo.get("/Groups/20")[1]["members"]), ["1003", "1004"])

equal("left", demo.call("DELETE", f"/Users/{ivy['id']}")[0], 204)
equal("gone", demo.get(f"/Users/{ivy['id']}")[0], 404)
equal("without a token", scim(demo.url, "wrong").get("/Users")[0], 401)
done()
