-- Decides transactions in order. Each is a list of takes from buckets, admitted all or nothing; or one of them is picked.
--
-- KEYS   the buckets, each once; then a key for each reservation
-- ARGV   1  the time in microseconds, '' for the server's own
--        2  the deadline on that clock, '' for none: later, nothing is done, and the reply is the error LATE with the time
--        3  the number of reservations, then for each, in the order of their keys
--             the transaction and the take in it whose cost is to be settled later, for how many microseconds that can be done, id
--        then the number of leases that end, then for each
--             the transaction and the take in it with whose bucket it ends, id, tokens spent of it
--        then the number of transactions, then for each
--             peek (1: evaluate only), revocable (1: tell the records before it), counted (1: count what is taken),
--             pick ('': all or nothing, 0: pick one, else the preferred one of the takes), the number of takes, then for each take
--               index in KEYS, n, P (the reader's scale), capacity and cost in tokens, allowance, start level (-1: it never
--               waits), promises (1: its start is noted in the record)
-- Reply  the time, then for each transaction
--          1 (admitted) or 0 (refused), and 2 more where more is to be told of each take
--          the level that each take found, in ticks of its scale: an integer, but a text from 2^52 on
--          where more is told, of each take: the microseconds for which it is blocked (as the level), 1 where its level falls by
--          whole tokens and 2 where it falls faster than n, and its record where tokens of it are held, else ''
--          where one is to be picked, which one: 0 for none
--          where it is counted and was admitted, for each take that was charged "since sent", its place in the count: '' for none
--          where it is revocable and was admitted, the record that each take found, '' for none
--
-- The rules are those of lib/algorithms/kernel.ts, line by line.

-- @include include/exact.lua
-- @include include/time.lua
-- @include include/expiry.lua
-- @include include/record.lua
-- @include include/level.lua
-- @include include/lease.lua

local buckets, changed = {}, {}

local cursor = 2
local function argument()
  cursor = cursor + 1
  return tonumber(ARGV[cursor])
end

local reservations, kept = {}, {}
local bucketCount = #KEYS - argument()
for i = bucketCount + 1, #KEYS do
  local transaction, take = argument(), argument()
  local reservation = { key = KEYS[i], take = take, ttl = argument(), id = ARGV[cursor + 1] }
  cursor = cursor + 1
  reservations[transaction] = reservations[transaction] or {}
  table.insert(reservations[transaction], reservation)
end

local returns = {}
for _ = 1, argument() do
  local transaction, take, id = argument(), argument(), ARGV[cursor + 1]
  cursor = cursor + 1
  returns[transaction] = returns[transaction] or {}
  returns[transaction][take] = { id = id, total = argument() }
end

-- Everything is read before anything is written, so that a key that holds something else fails the call as a whole.
for i = 1, bucketCount do
  buckets[i], changed[i] = load(KEYS[i], now)
end

-- The level as a block leaves it: at its end the bucket is full at most. Only where the take would wait behind the block: then
-- the product is an integer below 2^53.
local function blockedLevel(take)
  if take.block == 0 or type(take.level) == 'string' then return take.level end
  return math.max(take.level, take.n * take.block)
end

-- Microseconds until a take could start, were it alone.
local function ownWait(take)
  if not take.waits then return 0 end
  return math.max(math.ceil((take.raised - take.start) / take.n), take.block, 0)
end

-- Also where the take is refused, or only evaluated: what was held and not spent is free again.
local function endLease(bucket, spent)
  local ended
  buckets[bucket], ended = returnLease(buckets[bucket], spent.id, spent.total, now)
  if ended then changed[bucket] = true end
end

local function readTake(spent)
  local take = {
    bucket = argument(), n = argument(), p = argument(), capacity = argument(), cost = argument(),
    allowance = argument(), start = argument(), promises = argument() == 1,
  }
  if spent then endLease(take.bucket, spent) end
  local record = buckets[take.bucket]
  take.waits = take.start >= 0
  take.level = levelAt(record, take.n, take.p, now)
  take.block = blockOf(record, now)
  take.falls = fallsAs(record, take.n, take.p, now)
  local longest = take.waits and math.min(math.floor((take.allowance - take.start) / take.n), MAX - 1) or 0
  -- Beside tokens that are held nobody is made to wait: nobody knows when they are spent, so a start could not be kept.
  take.leased = record and record.holds and record
  local allowance = take.leased and (take.waits and -1 or besideHeld(take.allowance, take.p, record)) or take.allowance
  take.possible = type(take.level) == 'number' and take.level <= allowance and take.block <= longest
  if take.possible then
    take.raised = blockedLevel(take)
    take.possible = take.raised <= take.allowance
  end
  return take
end

local function readTakes(ended)
  local takes = {}
  for i = 1, argument() do takes[i] = readTake(ended and ended[i]) end
  return takes
end

-- Microseconds until the latest slot of the buckets that wait: all of them share it as their start.
local function waitOf(takes)
  local wait = 0
  for _, take in ipairs(takes) do wait = math.max(wait, ownWait(take)) end
  return wait
end

-- A bucket whose own slot is earlier than the shared start is raised to it, to start + n × wait. Compared as times first: that
-- product may pass 2^53.
local function all(takes)
  for _, take in ipairs(takes) do
    if not take.possible then return nil end
  end
  local wait = waitOf(takes)
  for _, take in ipairs(takes) do
    if take.waits and ownWait(take) < wait then
      if wait > math.floor((take.allowance - take.start) / take.n) then return nil end
      take.raised = take.start + take.n * wait
    end
  end
  return takes
end

-- Whole tokens that are left now.
local function tokensLeft(take)
  if take.block > 0 then return 0 end
  return math.max(math.floor((take.capacity * take.p - take.level) / take.p) - heldIn(take.leased), 0)
end

-- Of the takes that fit, each as if alone: the earliest start, then the preferred one, then the most tokens left.
local function choose(takes, preferred)
  local best, bestWait, bestLeft
  for i, take in ipairs(takes) do
    if take.possible then
      local wait, left = ownWait(take), i == preferred and math.huge or tokensLeft(take)
      if not best or wait < bestWait or wait == bestWait and left > bestLeft then
        best, bestWait, bestLeft = i, wait, left
      end
    end
  end
  return best
end

-- Once begun, a count of what flows out goes on too, as long as the scale stays.
local function outflow(before, after, take)
  keepOutflow(before, after)
  if not after.reserved and take.reservation then
    after.reserved, after.returned, after.lost = take.reservation.id, 0, 0
  end
end

local function charge(takes, counted)
  local wait = waitOf(takes)
  for _, take in ipairs(takes) do
    if take.cost > 0 then
      local before = buckets[take.bucket]
      local after = {
        level = take.raised + take.cost * take.p, at = now, n = take.n, p = take.p,
        last = math.max(before and before.last or 0, take.promises and math.min(now + wait, MAX) or 0),
        blocked = before and before.blocked, holds = before and before.holds,
      }
      countOn(before, after, take.cost, counted, now)
      outflow(before, after, take)
      forget(after, now)
      buckets[take.bucket], changed[take.bucket] = after, true
    end
  end
end

-- What is kept of a take until it is settled; '-' where its bucket counts nothing.
local function reserve(takes)
  for _, take in ipairs(takes) do
    local reservation, record = take.reservation, buckets[take.bucket] or {}
    if reservation then
      local numbers = {
        text(take.cost), text(take.capacity), text(record.level or 0), text(now), text(take.n), text(take.p), text(now + reservation.ttl),
        record.reserved or '-', text(record.reserved and record.returned or 0), text(record.reserved and record.lost or 0),
      }
      reservation.text, reservation.expiry = table.concat(numbers, ' '), text(math.ceil((now + reservation.ttl) / 1000))
      table.insert(kept, reservation)
    end
  end
end

local function tellLevels(takes, admitted, reply)
  local more = false
  for _, take in ipairs(takes) do more = more or take.block > 0 or take.falls > 0 or take.leased end
  reply[#reply + 1] = (admitted and 1 or 0) + (more and 2 or 0)
  for _, take in ipairs(takes) do reply[#reply + 1] = told(take.level) end
  if not more then return end
  for _, take in ipairs(takes) do tellMore(reply, buckets[take.bucket], take.n, take.p, now) end
end

local function tellRecords(takes, reply)
  for _, take in ipairs(takes) do
    local record = buckets[take.bucket]
    reply[#reply + 1] = record and format(record) or ''
  end
end

local function tellMarks(takes, reply)
  for _, take in ipairs(takes) do
    local record = buckets[take.bucket]
    reply[#reply + 1] = record and record.since and text(record.since) .. ' ' .. text(record.sent) or ''
  end
end

local reply = { now }
for t = 1, argument() do
  local peek, revocable, counted, preferred = argument() == 1, argument() == 1, argument() == 1, argument()
  local takes = readTakes(returns[t])
  for _, reservation in ipairs(reservations[t] or {}) do takes[reservation.take].reservation = reservation end
  local charged
  if preferred then
    local chosen = choose(takes, preferred)
    charged = chosen and { takes[chosen] }
    tellLevels(takes, charged, reply)
    reply[#reply + 1] = chosen or 0
  else
    charged = all(takes)
    tellLevels(takes, charged, reply)
  end
  if charged and not peek then
    local records = {}
    if revocable then tellRecords(takes, records) end
    charge(charged, counted)
    if reservations[t] then reserve(charged) end
    if counted then tellMarks(charged, reply) end
    for _, record in ipairs(records) do reply[#reply + 1] = record end
  end
end

for i = 1, bucketCount do
  if changed[i] then put(KEYS[i], buckets[i]) end
end
for _, reservation in ipairs(kept) do redis.call('SET', reservation.key, reservation.text, 'PXAT', reservation.expiry) end
return reply
