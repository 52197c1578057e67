-- Forgets a bucket.
--
-- KEYS   1  the bucket
-- ARGV   1  the time in microseconds, '' for the server's own
--        2  the deadline on that clock, '' for none: later, nothing is done, and the reply is the error LATE with the time
-- Reply  1 where there was one, else 0

-- @include include/time.lua

local now = clock()
if isLate(now) then return late(now) end
return redis.call('DEL', KEYS[1])
