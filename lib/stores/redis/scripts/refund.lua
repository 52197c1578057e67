-- Gives whole tokens back to a bucket, not beyond full.
--
-- KEYS   1  the bucket
--        2  where there is a deadline: a key that says until then that something was given back, for clients send a call
--           again whose reply was lost
-- ARGV   1  the time in microseconds, '' for the server's own
--        2  the deadline on that clock, '' for none: later, nothing is done, and the reply is the error LATE with the time
--        3  tokens
--        4  '' to give back all of them; else the time in microseconds at which they were taken: then only as much as
--           has certainly not drained since, and only if the record is still of the scale n, P in ARGV 5 and 6
-- Reply  1 where there was something to give back, else 0

-- @include include/exact.lua
-- @include include/time.lua
-- @include include/expiry.lua
-- @include include/record.lua

local key = KEYS[1]
if KEYS[2] and redis.call('GET', KEYS[2]) then return 1 end
local record, moved = load(key, now)

local function ticksToGiveBack()
  if isDrained(record, now) then return 0 end
  -- What those who wait were promised does not move.
  if record.last and record.last > now then return 0 end
  if ARGV[4] == '' then return difference(tonumber(ARGV[3]), record.p, 0, 0) end
  if record.n ~= tonumber(ARGV[5]) or record.p ~= tonumber(ARGV[6]) then return 0 end
  return difference(tonumber(ARGV[3]), record.p, record.n, math.max(0, now - tonumber(ARGV[4])))
end

local function giveBack()
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
end

local given = giveBack()
if KEYS[2] and given == 1 then redis.call('SET', KEYS[2], '', 'PXAT', text(math.ceil(tonumber(ARGV[2]) / 1000) + 1)) end
return given
