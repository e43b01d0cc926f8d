-- One request again and again; what it is comes by environment, and @N@ in the body is NEXT, then one more each time. Prints one line: requests, seconds, p50 and p99 in µs, failures.
wrk.method = os.getenv("METHOD")
wrk.path = os.getenv("TARGET")
wrk.headers["Authorization"] = os.getenv("AUTHORIZATION")
local body = os.getenv("BODY")
if body and body ~= "" then
  wrk.body = body
  wrk.headers["Content-Type"] = os.getenv("MEDIA_TYPE")
end

local next = tonumber(os.getenv("NEXT") or "")
if next then
  request = function()
    next = next + 1
    return wrk.format(nil, nil, nil, (body:gsub("@N@", next - 1)))
  end
end

function done(summary, latency)
  local e = summary.errors
  io.write(string.format("RESULT %d %.6f %.0f %.0f %d\n", summary.requests, summary.duration / 1e6,
    latency:percentile(50), latency:percentile(99), e.connect + e.read + e.write + e.timeout + e.status))
end
