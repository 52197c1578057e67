-- Gives whole tokens back to a bucket, not beyond full.
--
-- KEYS   1  the bucket
-- ARGV   1  the time in microseconds, '' for the server's own
--        2  tokens
--        3  '' to give back all of them; else the time in microseconds at which they were taken: then only as much as
--           has certainly not drained since, and only if the record is still of the scale n, P in ARGV 4 and 5
-- Reply  1 where there was something to give back, else 0

-- @include include/exact.lua
-- @include include/record.lua

local key, now = KEYS[1], clock(ARGV[1])
local record, moved = load(key, now)

local function ticksToGiveBack()
  if isDrained(record, now) then return 0 end
  -- What those who wait were promised does not move.
  if record.last and record.last > now then return 0 end
  if ARGV[3] == '' then return difference(tonumber(ARGV[2]), record.p, 0, 0) end
  if record.n ~= tonumber(ARGV[4]) or record.p ~= tonumber(ARGV[5]) then return 0 end
  return difference(tonumber(ARGV[2]), record.p, record.n, math.max(0, now - tonumber(ARGV[3])))
end

if not record then
  -- It may still be there, and would count again if the clock stepped back.
  redis.call('DEL', key)
  return 0
end
local back = ticksToGiveBack()
if back == -1 or back == 0 then
  if moved then save(key, record) end
  return 0
end

-- Lowering by a constant commutes with draining, so the time of the record stays.
local level = type(back) == 'string' and 0 or math.max(record.level - back, 0)
flowOut(record, 0, record.level - level)
record.level = level
keep(key, record, now)
return 1
