-- Grants, renews, settles or ends a lease: what was spent moves from what is held to the level, then as much is held as is free.
--
-- KEYS   1  the bucket
-- ARGV   1  the time in microseconds, '' for the server's own
--        2  the deadline on that clock, '' for none: later, nothing is done, and the reply is the error LATE with the time
--        3  the id of the lease
--        4  the tokens that were spent of it since it began
--        5  the tokens that are wanted, 0 only settles
--        6  after how many microseconds all that is held counts as spent
--        7  n, 8 P (the reader's scale), 9 the capacity in tokens
--        10  1 where the lease ends: what is held and was not spent is free again
-- Reply  the time; the tokens that may be spent of it in all (settled and held), so that a call that is repeated, or whose
--        reply is lost, does no harm; then how the bucket is found afterwards, as in report.lua
--
-- The rules are those of lib/algorithms/lease.ts, line by line.

-- @include include/exact.lua
-- @include include/time.lua
-- @include include/expiry.lua
-- @include include/record.lua
-- @include include/level.lua
-- @include include/lease.lua

local key = KEYS[1]
local id, total, wanted, ttl = ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local n, p, capacity = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])
local record, moved = load(key, now)

local function answer(spendable)
  local reply = { now, told(spendable), told(levelAt(record, n, p, now)) }
  tellMore(reply, record, n, p, now)
  return reply
end

if ARGV[10] == '1' then
  local ended
  record, ended = returnLease(record, id, total, now)
  if ended or moved then put(key, record) end
  return answer(total)
end

local hold = holdOf(record, id)
local others = othersThan(record, hold)
local delta, held, settled = afterSpending(hold, total)
local claims = heldIn(record, hold) + held
local level, ownN, ownP = chargedLevel(record, n, p, delta, claims, now)

-- What is free, while nothing is blocked and nobody waits for a start that was promised.
local function grantable()
  if ownN ~= n or ownP ~= p or #others >= MOST_HOLDS or blockOf(record, now) > 0 then return 0 end
  if record and record.last and record.last > now then return 0 end
  return math.max(math.min(wanted, math.floor((capacity * p - level) / p) - claims), 0)
end

local granted = grantable()
if hold or granted > 0 then
  held = held + granted
  -- Never sooner than was told before: that answer may be all that its owner has.
  local expires = math.max(hold and hold.expires or 0, now + ttl)
  if held > 0 then others = withHold(others, { id = id, held = held, settled = settled, expires = expires }) end
  record = withHolds(record, level, ownN, ownP, others, delta, now)
  put(key, record)
elseif moved then
  save(key, record)
end
return answer(settled + held)
