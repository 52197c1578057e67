-- Ends the block of a bucket.
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
local record, moved = load(key, now)
if not record then return 0 end

if record.blocked and record.blocked > now then
  record.blocked = nil
  keep(key, record, now)
  return 1
end
if moved then save(key, record) end
return 0
