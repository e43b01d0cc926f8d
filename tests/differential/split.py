"""The mapping of app.py for its thin mood: two lists, whose rows hold next to nothing. split.py < rest.yaml"""

import sys

text = sys.stdin.read()
begin = text.index("    list:\n") + len("    list:\n")
end = text.index("    create:", begin)
block = text[begin:end].splitlines()
out = []
for only, active in (("on", "true"), ("off", "false")):
    lines = ["  " + line for line in block]
    lines[0] = lines[0].replace("        call: GET /people?", f"      - call: GET /people?only={only}&")
    lines[1:1] = [f"        holds: active eq {active}", "        gives: [userName, externalId]"]
    out += lines
sys.stdout.write(text[:begin] + "\n".join(out) + "\n" + text[end:])
