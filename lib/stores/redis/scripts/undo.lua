-- Undoes takes from a bucket while nobody has come after them.
--
-- KEYS   1  the bucket
-- ARGV   1, 2  not used: it has no deadline, for it changes only what nobody has changed since
--        then for each take, the latest first: the record that it has left, then the record that it had found ('' for none)
-- Reply  how many were undone
--
-- A take is undone only if the record still is what it has left. So a take that is undone twice changes nothing, and one
-- with others behind it stays.

-- @include include/exact.lua
-- @include include/expiry.lua
-- @include include/record.lua

local key = KEYS[1]
local current, undone = redis.call('GET', key) or '', 0
for i = 3, #ARGV, 2 do
  if ARGV[i] == current then
    current, undone = ARGV[i + 1], undone + 1
  end
end

if undone > 0 then
  if current == '' then
    redis.call('DEL', key)
  else
    save(key, parse(current, key))
  end
end
return undone
