"""The vendor example as its README shows it, on PostgreSQL: vendor.py URL."""

import sys

from scim import USER, done, equal, scim

url = sys.argv[1]
acme, globex = scim(url, "demo"), scim(url, "demo-globex")


def names(client, scim_filter="userName pr"):
    return sorted(user["userName"] for user in client.find("/Users", scim_filter))


equal("the people of one customer", names(acme), ["Ann.Archer", "bob.baker", "cleo.carter", "dora.dyer"])
equal("and of the other", names(globex), ["Ann.Archer", "finn.fisher"])
status, page = globex.get("/Users?count=0")
equal("nobody else is counted", (status, page["totalResults"]), (200, 2))
equal("one login, two people", [u["name"]["givenName"] for u in globex.find("/Users", 'userName eq "ANN.ARCHER"')], ["Anne"])
ann = acme.find("/Users", 'userName eq "ann.archer" and emails[type eq "home"]')[0]
equal("who is of another customer does not exist", globex.get(f"/Users/{ann['id']}")[0], 404)
equal("nor can be changed", globex.patch(f"/Users/{ann['id']}", {"op": "replace", "path": "title", "value": "x"})[0], 404)
equal("nor deleted", globex.call("DELETE", f"/Users/{ann['id']}")[0], 404)
equal("two ways to be locked out", names(acme, "active eq false"), ["cleo.carter", "dora.dyer"])
equal("not only ASCII", names(acme, 'name.givenName sw "dór"'), ["dora.dyer"])
equal("a quote that ends early finds nobody", names(acme, "userName eq \"x' or 1=1 --\""), [])

enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
bob = acme.find("/Users", f'{enterprise}:manager.value eq "{ann["id"]}"')
equal("a manager", [(u["userName"], u[enterprise]["manager"]["value"]) for u in bob], [("bob.baker", ann["id"])])
equal("who left manages nobody", names(acme, f"{enterprise}:manager pr"), ["bob.baker"])
anne = globex.find("/Users", 'userName eq "ann.archer"')[0]
equal("nor does who is of another customer", acme.patch(f"/Users/{bob[0]['id']}",
      {"op": "replace", "path": f"{enterprise}:manager", "value": anne["id"]})[1]["scimType"], "invalidValue")
cleo = acme.find("/Users", 'userName eq "cleo.carter"')[0]
equal("managed", acme.patch(f"/Users/{cleo['id']}",
      {"op": "add", "path": f"{enterprise}:manager", "value": bob[0]["id"]})[0], 200)
equal("and found", names(acme, f'{enterprise}:manager.value eq "{bob[0]["id"]}"'), ["cleo.carter"])
equal("and no longer", (acme.patch(f"/Users/{cleo['id']}", {"op": "remove", "path": f"{enterprise}:manager"})[0],
      enterprise in acme.get(f"/Users/{cleo['id']}")[1]), (200, False))

roles = {role["displayName"]: role for role in acme.find("/Groups", "displayName pr")}
equal("roles", sorted(roles), ["Editor", "Owner", "Reader"])
equal("a leaver has no role", [m["value"] for m in roles["Editor"]["members"]],
      [u["id"] for u in acme.find("/Users", 'userName eq "bob.baker"')])
finn = globex.find("/Users", 'userName eq "finn.fisher"')[0]
status, fault = acme.patch(f"/Groups/{roles['Editor']['id']}", {"op": "add", "path": "members", "value": [{"value": finn["id"]}]})
equal("who is of another customer joins nothing", (status, fault["scimType"]), (400, "invalidValue"))
status, _ = acme.patch(f"/Groups/{roles['Owner']['id']}", {"op": "add", "path": "members", "value": [{"value": ann["id"]}]})
equal("owners are for the app to say", status, 403)

new = {"schemas": [USER], "userName": "gil.gardener", "active": True, "password": "correct horse battery",
       "name": {"givenName": "Gil", "familyName": "Gardener"}, "emails": [{"value": "gil@example.com", "type": "work"}]}
status, gil = acme.call("POST", "/Users", new)
equal("created, and the password not told", (status, gil["userName"], gil["meta"]["version"], "password" in gil),
      (201, "gil.gardener", 'W/"1"', False))
equal("the same login again", acme.call("POST", "/Users", {**new, "userName": "GIL.gardener"})[1]["scimType"], "uniqueness")
equal("not for the other customer", globex.call("POST", "/Users", new)[0], 201)
at = f"/Users/{gil['id']}"
equal("the right version", acme.call("PATCH", at, {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
      "Operations": [{"op": "replace", "path": "title", "value": "Gardener"}]}, {"If-Match": gil["meta"]["version"]})[0], 200)
equal("the same once more", acme.call("PATCH", at, {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
      "Operations": [{"op": "replace", "path": "title", "value": "Baker"}]}, {"If-Match": gil["meta"]["version"]})[0], 412)
acme.patch(f"/Groups/{roles['Reader']['id']}", {"op": "add", "path": "members", "value": [{"value": gil["id"]}]})
equal("joined", [g["display"] for g in acme.get(at)[1]["groups"]], ["Reader"])
equal("left", acme.call("DELETE", at)[0], 204)
equal("gone, and out of the role", (acme.get(at)[0], names(acme, 'userName eq "gil.gardener"'),
      gil["id"] in [m["value"] for m in acme.get(f"/Groups/{roles['Reader']['id']}")[1]["members"]]), (404, [], False))
equal("the name is free again", acme.call("POST", "/Users", new)[0], 201)
done()
