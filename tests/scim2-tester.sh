#!/usr/bin/env bash
# scim2-tester (python-scim's compliance checks) against a running server: tests/scim2-tester.sh URL TOKEN [KNOWN…]
# Its verdict is ours: anything it does not call SUCCESS fails, SKIPPED too, and so does a run that checked nothing.
# Each KNOWN is an extended regular expression for one finding that is a fact of the app behind the server, or a mistake of
# the tester; what they find is listed, and one that no longer finds anything fails as well.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
[ $# -ge 2 ] || die "usage: $0 URL TOKEN [KNOWN…]"
url=$1 token=$2; shift 2

venv "$CACHE/scim2" scim2-cli==0.6.0 scim2-tester==0.5.2 scim2-client==0.13.2 scim2-models==0.12.3

report=$(mktemp); trap 'rm -f "$report"' EXIT
# the token goes by environment: arguments can be read by everybody on the machine
code=0
SCIM_CLI_HEADERS="Authorization: Bearer $token" "$CACHE/scim2/bin/scim2" --url "$url" test >"$report" 2>&1 || code=$?

# one line for each check: its status, its name, and the reason, which may itself have several lines
lines=$(awk '/^(SUCCESS|COMPLIANT|ACCEPTABLE|DEVIATION|ERROR|CRITICAL|SKIPPED) / { if (line) print line; line = $0; next }
             line { sub(/^ */, ""); line = line "  " $0 } END { if (line) print line }' "$report")
total=$(grep -c . <<<"$lines" || true)
bad=$(grep -v '^SUCCESS ' <<<"$lines" || true)

[ "$total" -gt 0 ] || { cat "$report" >&2; die "scim2-tester checked nothing"; }
found=0
for known; do
  mine=$(grep -E -- "$known" <<<"$bad" || true)
  bad=$(grep -vE -- "$known" <<<"$bad" || true)
  [ -n "$mine" ] || { printf "%s\n" "$bad" >&2; die "nothing matches '$known' any more; take it out"; }
  sed 's/^/known: /' <<<"$mine"
  found=$((found + $(grep -c . <<<"$mine")))
done
[ -n "$bad" ] || [ $# = 0 ] || code=0
[ -z "$bad" ] || printf '%s\n' "$bad"
echo "$total checks: $(grep -c '^SUCCESS ' <<<"$lines") passed, $found known, $(grep -c . <<<"$bad") failed"
exit $code
