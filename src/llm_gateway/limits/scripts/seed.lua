-- What is spent of a budget, as the ledger knows it: the highest version counts, however many say it and in whatever order.
-- KEYS   the budget's counter    ARGV   spent, version, expiry in ms    Answer 1: it counts, 0: a newer one was there
if tonumber(redis.call('HGET', KEYS[1], 'v') or -1) >= tonumber(ARGV[2]) then
  return 0
end
redis.call('HSET', KEYS[1], 's', ARGV[1], 'v', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
