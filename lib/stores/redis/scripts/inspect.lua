-- Reads buckets, and writes nothing.
--
-- KEYS   the buckets
-- ARGV   1  the time in microseconds, '' for the server's own
-- Reply  the time, then the record of each bucket, '' for none

-- @include include/exact.lua
-- @include include/record.lua

local reply = { clock(ARGV[1]) }
for i, key in ipairs(KEYS) do reply[i + 1] = redis.call('GET', key) or '' end
return reply
