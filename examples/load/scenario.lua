-- The three calls of the system under load, for wrk:
--
--     troupe up -d examples/research.yaml         # or any fleet with an assistant, a knowledge base and a gateway
--     wrk -t2 -c64 -d30s --latency -s examples/load/scenario.lua http://127.0.0.1:8080 -- TOKEN [INPUT QUERY UPDATE]
--
-- INPUT, QUERY and UPDATE are how many of ten requests are process_input, a search in the knowledge base, and update_knowledge: 2 7 1.
-- `--rate 0` of the gateway, or it says 429 to a token that asks so often. What was not 2xx is told at the end.

local wrong = {}

function init(args)
    local weights = {tonumber(args[2] or 2), tonumber(args[3] or 7), tonumber(args[4] or 1)}
    local headers = {["Authorization"] = "Bearer " .. (args[1] or ""), ["Content-Type"] = "application/json"}
    local made = {
        function(n)
            return "/api/v1/process_input", string.format('{"text": "hello, what is the status of the tasks?", "user": "load-%d"}', n % 50)
        end,
        function(n)
            return "/api/v1/knowledge/load/search", string.format('{"query": "the tide of harbour %d", "k": 5}', n % 100)
        end,
        function(n)
            return "/api/v1/knowledge/load/documents",
                string.format('{"documents": [{"id": "note-%d", "text": "Note %d: the tide of harbour %d is high at %d."}]}', n % 500, n, n % 100, n % 24)
        end,
    }
    plan = {}
    for kind, weight in ipairs(weights) do
        for _ = 1, weight do
            plan[#plan + 1] = made[kind]
        end
    end
    count = math.random(0, 1000000)
    request = function()
        count = count + 1
        local path, body = plan[count % #plan + 1](count)
        return wrk.format("POST", path, headers, body)
    end
end

function response(status, _, body)
    if status >= 300 then
        wrong[status] = (wrong[status] or 0) + 1
        sample = sample or body
    end
end

local threads = {}

function setup(thread)
    threads[#threads + 1] = thread
end

function done(summary, latency)
    io.write(string.format("load: %.0f requests/s, p50 %.1f ms, p99 %.1f ms, %d of %d not 2xx\n", summary.requests / summary.duration * 1e6,
        latency:percentile(50) / 1000, latency:percentile(99) / 1000, summary.errors.status, summary.requests))
    for _, thread in ipairs(threads) do
        local text = thread:get("sample")
        if text then
            io.write("load: one of them: " .. text:sub(1, 300) .. "\n")
            return
        end
    end
end
