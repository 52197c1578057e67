-- Keeps the buckets of a policy that are full latest, so that the fullest are found without a scan.
--
-- KEYS   1  the list: a sorted set of bucket names by the time in milliseconds at which they are full again
-- ARGV   1  the time in microseconds, '' for the server's own
--        2  '': it has no deadline, for nothing is decided by it
--        3  how many are kept
--        then for each bucket: in how many milliseconds it is full, its name
-- Reply  0

-- @include include/exact.lua
-- @include include/time.lua

local list, millis = KEYS[1], math.floor(now / 1000)

-- Thirty years: a time that a server takes, whatever the rate.
local LONGEST = 1e12

for i = 4, #ARGV, 2 do
  redis.call('ZADD', list, text(millis + math.min(tonumber(ARGV[i]), LONGEST)), ARGV[i + 1])
end
redis.call('ZREMRANGEBYSCORE', list, '-inf', text(millis))
redis.call('ZREMRANGEBYRANK', list, 0, -1 - tonumber(ARGV[3]))
local latest = redis.call('ZRANGE', list, -1, -1, 'WITHSCORES')
if latest[2] then redis.call('PEXPIREAT', list, text(tonumber(latest[2]))) end
return 0
