-- The time of a call in microseconds, the same for all that it does, and whether it came too late.
-- ARGV of every script begins with a time, '' for the server's own, and a deadline, '' for none.

local function clock()
  if ARGV[1] ~= '' then return tonumber(ARGV[1]) end
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000000 + tonumber(time[2])
end

local function isLate(now)
  return ARGV[2] ~= '' and now > tonumber(ARGV[2])
end

-- The answer to a call that came too late, and so has written nothing: it tells the time, so that the next one is not.
local function late(now)
  return redis.error_reply('LATE ' .. string.format('%.0f', now))
end
