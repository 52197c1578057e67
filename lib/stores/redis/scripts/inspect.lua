-- Reads buckets, and writes nothing.
--
-- KEYS   the buckets
-- ARGV   1  the time in microseconds, '' for the server's own
--        2  '': it has no deadline, for it writes nothing
-- Reply  the time, then the record of each bucket, '' for none

-- @include include/time.lua

local reply = { now }
for i, key in ipairs(KEYS) do reply[i + 1] = redis.call('GET', key) or '' end
return reply
