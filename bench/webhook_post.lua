-- wrk script: every POST is another update of another chat, shaped as the Bot API sends it.
-- Started with: wrk … -s webhook_post.lua URL -- SECRET FIRST_UPDATE_ID
local template = '{"update_id":%d,"message":{"message_id":%d,"from":{"id":%d,"is_bot":false,'
  .. '"first_name":"User %d","username":"user_%d","language_code":"en","is_premium":true},'
  .. '"chat":{"id":%d,"first_name":"User %d","username":"user_%d","type":"private"},"date":1760000000,'
  .. '"text":"' .. string.rep("look at this one, it is worth a minute of your time ", 10) .. '",'
  .. '"entities":[{"offset":0,"length":4,"type":"bold"}]}}'
local secret, update_id, chat

local threads = 0
function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
end

function init(args)
  secret = args[1]
  update_id = tonumber(args[2]) + number * 100000000
  chat = 0
end

function request()
  update_id = update_id + 1
  chat = (chat + 7919) % 200000
  local id = 1000000000 + chat + number * 1000000
  local body = string.format(template, update_id, update_id % 1000000, id, chat, chat, id, chat, chat)
  return wrk.format("POST", nil, {["Content-Type"] = "application/json",
    ["X-Telegram-Bot-Api-Secret-Token"] = secret}, body)
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format("RESULT %d %d %d %d %d\n", summary.requests, summary.duration, latency:percentile(50),
    latency:percentile(99), errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
