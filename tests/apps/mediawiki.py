"""The gateway in front of a real MediaWiki, each effect looked up in the wiki itself: mediawiki.py URL TOKEN."""

import http.cookiejar
import json
import os
import pathlib
import sys
import urllib.parse
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))
from scim import GROUP, USER, done, equal, scim  # noqa: E402

gateway = scim(*sys.argv[1:3])


class Wiki:
    """The wiki's API with a session of its own."""

    def __init__(self, user, password):
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
        token = self.call(action="query", meta="tokens", type="login")["query"]["tokens"]["logintoken"]
        self.result = self.call(action="login", lgname=user, lgpassword=password, lgtoken=token)["login"]["result"]

    def call(self, **form):
        form = {"format": "json", "formatversion": "2", "errorformat": "plaintext", **form}
        data = urllib.parse.urlencode(form).encode()
        with self.opener.open(os.environ["MEDIAWIKI_URL"] + "/api.php", data, timeout=30) as reply:
            return json.load(reply)

    def users(self, **form):
        return self.call(action="query", list="users", usprop="groups|blockinfo", **form)["query"]["users"]

    def write(self, kind, **form):
        token = self.call(action="query", meta="tokens", type=kind)["query"]["tokens"][f"{kind}token"]
        return self.call(token=token, **form)


wiki = Wiki(os.environ["MEDIAWIKI_USER"], os.environ["MEDIAWIKI_PASSWORD"])


def in_wiki(resource):
    return wiki.users(ususerids=resource["id"])[0]


def signs_in(name, password):
    return Wiki(name, password).result == "Success"


def names():
    return [u["name"] for u in wiki.call(action="query", list="allusers", aulimit="500")["query"]["allusers"]]


def user(name, **more):
    return gateway.call("POST", "/Users", {"schemas": [USER], "userName": name, **more})


def replaced(resource, path, value):
    return gateway.patch(f"/Users/{resource['id']}", {"op": "replace", "path": path, "value": value})


def ids(scim_filter):
    return [u["userName"] for u in gateway.find("/Users", scim_filter)]


# made
status, ann = user("ann", password="correct h0rse")
equal("somebody new, as wikis write names", (status, ann["userName"], ann["active"], "password" in ann), (201, "Ann", True, False))
equal("is in the wiki", (in_wiki(ann)["name"], "blockid" in in_wiki(ann)), ("Ann", False))
equal("with the password that was sent", signs_in("Ann", "correct h0rse"), True)
for name in ["ANN", "Ben Baker", "Zoë", "A & B = 100%", "O'Neil", "+x \"y\" ;z"]:
    status, made = user(name)
    equal(f"{name} is made", (status, made["userName"], in_wiki(made)["name"]), (201, name, name))
status, fay = user("Fay", active=False, password="correct h0rse")
equal("off from the start", (status, fay["active"], in_wiki(fay)["blockexpiry"]), (201, False, "infinite"))
equal("taken", [(s, f["scimType"]) for s, f in (user("Ann"), user("ann"))], [(409, "uniqueness")] * 2)
before = names()
equal("no names", [user(name)[0] for name in ("a@b", "a|b", "a#b", "ann/x", "127.0.0.1", "d_e", "x" * 300)], [400] * 7)
equal("none of them is there", names(), before)

# found
equal("by name, the first letter small or large", (ids('userName eq "ann"'), ids('userName eq "Ann"')), (["Ann"], ["Ann"]))
equal("other letters are told apart", (ids('userName eq "ANN"'), ids('userName eq "aNN"'), ids('userName eq "ANn"')), (["ANN"], ["ANN"], []))
equal("by a beginning", sorted(ids('userName sw "an"')), ["Ann"])
equal("what looks like two", (ids('userName eq "Ann|ANN"'), ids('userName eq "A & B = 100%"')), ([], ["A & B = 100%"]))
equal("who is off", ids("active eq false"), ["Fay"])
equal("by a group", ids('groups.value eq "sysop"'), ["Admin"])
equal("by a group that is not there", ids('groups.value eq "nosuch"'), [])
equal("nobody", [gateway.get(f"/Users/{id}")[0] for id in ("999", "01", "abc", "1%7C3", "2")], [404] * 5)
status, page = gateway.get("/Users?startIndex=3&count=2")
equal("a page", ([u["userName"] for u in page["Resources"]], page["totalResults"]), (["ANN", "Admin"], 9))

# changed
equal("off", (replaced(ann, "active", False)[1]["active"], in_wiki(ann)["blockexpiry"]), (False, "infinite"))
equal("again", replaced(ann, "active", False)[0], 200)
equal("on again", (replaced(ann, "active", True)[1]["active"], "blockid" in in_wiki(ann)), (True, False))
equal("on already", replaced(ann, "active", True)[0], 200)
wiki.write("csrf", action="block", user="Ann", expiry="infinite", partial="1", pagerestrictions="Main Page")
equal("kept from one page is not off", gateway.get(f"/Users/{ann['id']}")[1]["active"], True)
equal("is turned off", (replaced(ann, "active", False)[0], in_wiki(ann)["blockpartial"]), (200, False))
whole = {"schemas": [USER], "userName": "ann", "active": True}
equal("replaced", (gateway.call("PUT", f"/Users/{ann['id']}", whole)[0], "blockid" in in_wiki(ann)), (200, False))
status, fault = replaced(ann, "userName", "Anna")
equal("a name is for ever", (status, fault["scimType"], in_wiki(ann)["name"]), (400, "mutability", "Ann"))
equal("there is no other password from here", replaced(ann, "password", "battery st4ple")[0], 400)

# groups
def joins(group, *people):
    return gateway.patch(f"/Groups/{group}", {"op": "add", "path": "members", "value": [{"value": p["id"]} for p in people]})[0]


def explicit(person):
    return [g for g in in_wiki(person)["groups"] if g not in ("*", "user", "autoconfirmed")]


equal("two join", (joins("bot", ann, fay), explicit(ann), explicit(fay)), (204, ["bot"], ["bot"]))
equal("again, and another", (joins("bot", ann), joins("sysop", ann), explicit(ann)), (204, 204, ["bot", "sysop"]))
equal("who is in it", sorted(m["display"] for m in gateway.get("/Groups/bot")[1]["members"]), ["Ann", "Fay"])
equal("seen from the person", [g["value"] for g in gateway.get(f"/Users/{ann['id']}")[1]["groups"]], ["bot", "sysop"])
leave = {"op": "remove", "path": f"members[value eq \"{fay['id']}\"]"}
equal("one leaves", (gateway.patch("/Groups/bot", leave)[0], explicit(fay)), (204, []))
equal("replaced", (gateway.patch("/Groups/bot", {"op": "replace", "path": "members", "value": [{"value": fay["id"]}]})[0],
      explicit(ann), explicit(fay)), (204, ["sysop"], ["bot"]))
equal("nobody of that number", joins("bot", {"id": "999"}), 400)
equal("the gateway's own account keeps its groups", (joins("bot", {"id": "1"}), "bot" in wiki.users(ususers="Admin")[0]["groups"]), (403, False))
equal("groups are not made, renamed or deleted", [gateway.call("POST", "/Groups", {"schemas": [GROUP], "displayName": "x"})[0],
      gateway.patch("/Groups/bot", {"op": "replace", "path": "displayName", "value": "x"})[0], gateway.call("DELETE", "/Groups/bot")[0]], [501, 400, 501])

# gone
equal("nobody leaves", (gateway.call("DELETE", f"/Users/{ann['id']}")[0], in_wiki(ann)["name"]), (501, "Ann"))
equal("the gateway's own account is left alone", (replaced({"id": "1"}, "active", False)[0], "blockid" in wiki.users(ususers="Admin")[0]), (403, False))
done()
