-- Sets or forgets the limits of a policy.
--
-- KEYS   1  the hash of all that were set
-- ARGV   1  the time in microseconds, '' for the server's own
--        2  the deadline on that clock, '' for none: later, nothing is done, and the reply is the error LATE with the time
--        3  the policy
--        4  what is set, '' to forget it
-- Reply  1 where there were none and now are, or were some and now are none, else 0

-- @include include/time.lua

if ARGV[4] == '' then return redis.call('HDEL', KEYS[1], ARGV[3]) end
return redis.call('HSET', KEYS[1], ARGV[3], ARGV[4])
