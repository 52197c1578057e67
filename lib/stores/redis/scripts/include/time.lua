-- The time of a call in microseconds, the same for all that it does. ARGV of every script begins with a time, '' for the
-- server's own, and a deadline, '' for none. A call that came too late writes nothing and tells the time, so that the next one
-- is not.

local now
if ARGV[1] == '' then
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
else
  now = ARGV[1] + 0
end
if ARGV[2] ~= '' and now > ARGV[2] + 0 then return redis.error_reply('LATE ' .. string.format('%.0f', now)) end
