-- Takes all charges of one request, or none of them.
-- KEYS   a counter for each charge, each once
-- ARGV   hold, lease in ms, and for each charge: kind, hard (1 or 0), most, expiry in ms, a, b, amount
--          kind r  a rate:    most = burst, a = what comes back in a ms
--          kind p  places
--          kind b  a budget:  a, b = spent and its version as the asking worker last saw them
-- Answer which charge was the first that was too much, so that nothing was taken (from 1; 0: taken), and for each charge three whole numbers:
--          rate    its level in thousandths, 0, 0
--          places  taken, 0, 0
--          budget  spent, reserved, version
-- A rate is a level that sinks by a each ms, kept with the time at which it was that high (GCRA, as a leaky bucket). A clock
-- that was set back lets it stand still; it never rises by itself.
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local hold, lease = ARGV[1], tonumber(ARGV[2])
local refused, found, at = 0, {}, 3

for i, key in ipairs(KEYS) do
  local kind, hard, most = ARGV[at], ARGV[at + 1] == '1', tonumber(ARGV[at + 2])
  local amount, fits = tonumber(ARGV[at + 6]), true
  if kind == 'r' then
    local level, kept = 0, redis.call('GET', key)
    if kept then
      local was, since = struct.unpack('<dd', kept)
      level = math.max(0, was - math.max(0, now - since) * tonumber(ARGV[at + 4]))
    end
    found[i] = level
    fits = level + amount <= most + 0.000001
  elseif kind == 'p' then
    redis.call('ZREMRANGEBYSCORE', key, '-inf', now)
    found[i] = redis.call('ZCARD', key)
    fits = found[i] + amount <= most
  else
    local kept = redis.call('HMGET', key, 's', 'r', 'v')
    local reserved = tonumber(kept[2] or 0)
    if reserved > 0 then
      for _, gone in ipairs(redis.call('ZRANGEBYSCORE', key .. ':l', '-inf', now, 'LIMIT', 0, 1000)) do
        local held = tonumber(redis.call('HGET', key, 'h' .. gone) or 0)
        reserved = reserved - held
        redis.call('HINCRBY', key, 'r', -held)
        redis.call('HDEL', key, 'h' .. gone)
        redis.call('ZREM', key .. ':l', gone)
      end
    end
    if not kept[1] then -- new, or lost: what a worker saw of it is better than nothing, and many saying so add nothing
      redis.call('HSET', key, 's', ARGV[at + 4], 'v', ARGV[at + 5])
      redis.call('PEXPIRE', key, ARGV[at + 3])
      kept = { ARGV[at + 4], 0, ARGV[at + 5] }
    end
    found[i] = { tonumber(kept[1]), reserved, tonumber(kept[3] or 0) }
    local used = found[i][1] + reserved
    fits = used < most and used + amount <= most
  end
  if hard and not fits and refused == 0 then
    refused = i
  end
  at = at + 7
end

local answer = { refused }
at = 3
for i, key in ipairs(KEYS) do
  local kind, amount, was = ARGV[at], tonumber(ARGV[at + 6]), found[i]
  local expiry = ARGV[at + 3]
  if refused > 0 then
    amount = 0
  end
  local a, b, c = 0, 0, 0
  if kind == 'r' then
    local level = was + amount
    if amount > 0 then
      local ms = math.ceil(level / tonumber(ARGV[at + 4])) + 1000
      redis.call('SET', key, struct.pack('<dd', level, now), 'PX', string.format('%.0f', ms))
    end
    a = math.ceil(level * 1000 - 0.001)
  elseif kind == 'p' then
    local left, number = amount, 0
    while left > 0 do
      left = left - redis.call('ZADD', key, 'NX', now + lease, number == 0 and hold or hold .. '#' .. number)
      number = number + 1
    end
    if amount > 0 then
      redis.call('PEXPIRE', key, expiry)
    end
    a = was + amount
  else
    if amount > 0 then
      redis.call('HINCRBY', key, 'h' .. hold, ARGV[at + 6])
      redis.call('HINCRBY', key, 'r', ARGV[at + 6])
      redis.call('ZADD', key .. ':l', now + lease, hold)
      redis.call('PEXPIRE', key, expiry)
      redis.call('PEXPIRE', key .. ':l', expiry)
    end
    a, b, c = was[1], was[2] + amount, was[3]
  end
  local n = #answer
  answer[n + 1], answer[n + 2], answer[n + 3] = a, b, c
  at = at + 7
end
return answer
