-- Forgets a bucket. What is held of it is still out there, and goes on to be.
--
-- KEYS   1  the bucket
-- ARGV   1  the time in microseconds, '' for the server's own
--        2  the deadline on that clock, '' for none: later, nothing is done, and the reply is the error LATE with the time
-- Reply  1 where there was one, else 0

-- @include include/exact.lua
-- @include include/time.lua
-- @include include/expiry.lua
-- @include include/record.lua

local key = KEYS[1]

-- Whatever else lies there is forgotten as well.
local stored = redis.pcall('GET', key)
if type(stored) == 'string' and string.find(stored, ' h', 1, true) then
  local record = load(key, now)
  if record and record.holds then
    save(key, { level = 0, at = now, n = record.n, p = record.p, holds = record.holds })
    return 1
  end
end
return redis.call('DEL', key)
