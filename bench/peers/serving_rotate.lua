-- Rotates the bodies of a file; at the end prints one line of JSON.
local bodies, at = {}, 0
function init(args)
  for line in io.lines(args[1]) do
    bodies[#bodies + 1] = wrk.format("POST", nil, { ["Content-Type"] = "application/json" }, line)
  end
end
function request()
  at = at % #bodies + 1
  return bodies[at]
end
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    '{"requests":%d,"us":%d,"p50_us":%d,"p99_us":%d,"status":%d,"timeout":%d,"broken":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), e.status, e.timeout,
    e.connect + e.read + e.write))
end
