-- Settles: gives back what was held and keeps what was used. Batches of a worker are numbered; each counts exactly once.
-- KEYS   the worker's own counter, and one for each entry
-- ARGV   this batch's number, the number of the oldest batch that was not answered yet, the own counter's expiry in ms,
--        and for each entry: kind, expiry in ms, a, b, hold, amount
--          kind r  add the amount (below 0: give back) to a rate; a = what comes back in a ms
--          kind p  give the hold's places back
--          kind P  the hold has so many places now, whether there are so many or not; a = lease in ms
--          kind b  give back what the hold reserved of a budget, and add the amount to what is spent; a, b = spent and its
--                  version as the worker last saw them, for a counter that was lost
--          kind B  the hold has reserved so much of a budget now, whether there is so much or not; a = lease in ms. 0: as much as
--                  it has, for longer
-- Answer 1: done, 0: it was done before, -1: an earlier batch is missing, nothing was done; behind a 1, what is spent now of each
--        budget of kind b
local number = tonumber(ARGV[1])
local last = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), ARGV[2] - 1)
if number <= last then
  return { 0 }
end
if number > last + 1 then
  return { -1 }
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[3])

local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local answer, at = { 1 }, 4
for i = 2, #KEYS do
  local key, kind, expiry, a, hold = KEYS[i], ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2]), ARGV[at + 4]
  local amount = ARGV[at + 5]
  if kind == 'r' then
    local level, kept = 0, redis.call('GET', key)
    if kept then
      local was, since = struct.unpack('<dd', kept)
      level = math.max(0, was - math.max(0, now - since) * a)
    end
    level = level + tonumber(amount)
    if level > 0 then
      redis.call('SET', key, struct.pack('<dd', level, now), 'PX', string.format('%.0f', math.ceil(level / a) + 1000))
    elseif kept then
      redis.call('DEL', key)
    end
  elseif kind == 'p' then
    local n = 1
    if redis.call('ZREM', key, hold) == 1 then
      while redis.call('ZREM', key, hold .. '#' .. n) == 1 do
        n = n + 1
      end
    end
  elseif kind == 'P' then
    for n = 0, amount - 1 do
      redis.call('ZADD', key, now + a, n == 0 and hold or hold .. '#' .. n)
    end
    redis.call('PEXPIRE', key, expiry)
  else
    local held = tonumber(redis.call('HGET', key, 'h' .. hold) or 0)
    if kind == 'b' then
      if held > 0 then
        redis.call('HDEL', key, 'h' .. hold)
        redis.call('ZREM', key .. ':l', hold)
        redis.call('HINCRBY', key, 'r', -held)
      end
      if redis.call('HSETNX', key, 's', ARGV[at + 2]) == 1 then
        redis.call('HSET', key, 'v', ARGV[at + 3])
      end
      answer[#answer + 1] = redis.call('HINCRBY', key, 's', amount)
    elseif amount == '0' then
      redis.call('ZADD', key .. ':l', 'XX', now + a, hold)
    else
      redis.call('HSET', key, 'h' .. hold, amount)
      redis.call('HINCRBY', key, 'r', amount - held)
      redis.call('ZADD', key .. ':l', now + a, hold)
      redis.call('PEXPIRE', key .. ':l', expiry)
    end
    redis.call('PEXPIRE', key, expiry)
  end
  at = at + 6
end
return answer
