-- Settles a take whose cost was an estimate, once.
--
-- KEYS   1  the bucket
--        2  the reservation
-- ARGV   1  the time in microseconds, '' for the server's own
--        2  '': it has no deadline, for a take is settled once, and that is as right later
--        3  the tokens that it has cost
--        4  how many tokens past the capacity a debt may bring the bucket, '' for as many as the capacity
--        5  1 where something may be given back
-- Reply  1 where it was settled, else 0; then the ticks by which the level has risen (negative: that were given back) as text,
--        and the ticks of a token
--
-- The rules are those of lib/algorithms/settlement.ts, line by line.

-- @include include/exact.lua
-- @include include/time.lua
-- @include include/expiry.lua
-- @include include/record.lua
-- @include include/level.lua

local key = KEYS[1]
local actual, maxDebt, lowers = tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5] == '1'
local record, moved = load(key, now)

-- What decide.lua has kept of the take, until its time is over.
local function takeReservation()
  local stored = redis.call('GET', KEYS[2])
  if not stored then return nil end
  local numbers, reserved, counts = string.match(stored, '^(%d[%d ]+) ([%w_-]+) (%d+ %d+)$')
  if not numbers then error('no reservation at ' .. KEYS[2]) end
  redis.call('DEL', KEYS[2])
  local values = {}
  for value in string.gmatch(numbers .. ' ' .. counts, '%d+') do values[#values + 1] = tonumber(value) end
  local cost, capacity, level, at, n, p, ends, returned, lost = unpack(values)
  if now >= ends then return nil end
  return {
    cost = cost, capacity = capacity, level = level, at = at, n = n, p = p,
    reserved = reserved, returned = returned, lost = lost,
  }
end

-- The difference of a take that has cost more, as far as the bound of the debt allows.
local function debtTicks(taken, level, p)
  local tokens = taken.capacity + (maxDebt or taken.capacity)
  -- What is held beside it joins the level one day.
  local most = MAX - heldIn(record) * p
  local bound = tokens > math.floor(most / p) and most or tokens * p
  local room = math.max(bound - level, 0)
  local more = actual - taken.cost
  -- Compared as tokens: the product may pass 2^53.
  if more >= math.ceil(room / p) then return room end
  return math.max(more, 0) * p
end

-- Ticks of the time of the take that no drain and nobody else can have taken away since.
local function ticksLeft(taken)
  local lost, returned = record.lost - taken.lost, record.returned - taken.returned
  local base = math.max(taken.cost * taken.p, taken.level - returned)
  local elapsed = now - taken.at
  -- Where the clock stands before the take, as much was counted as lost when it stepped back.
  if elapsed < 0 then return math.max(base - (lost + taken.n * elapsed), 0) end
  -- Compared as times: the product may pass 2^53.
  local left = base - lost
  if elapsed >= math.ceil(left / taken.n) then return 0 end
  return left - taken.n * elapsed
end

-- The difference of a take that has cost less, as far as it has certainly not drained since.
local function ticksToGiveBack(taken)
  local less = taken.cost - actual
  if less <= 0 or not lowers or not record or not record.reserved then return 0 end
  if record.reserved ~= taken.reserved or record.last and record.last > now then return 0 end
  return math.min(less * taken.p, ticksLeft(taken))
end

local function settle(taken)
  local scale = record or taken
  local level = record and levelAt(record, record.n, record.p, now) or 0
  local debt = debtTicks(taken, level, scale.p)
  local back = math.min(ticksToGiveBack(taken), level)
  local ticks = debt > 0 and debt or -back
  if ticks ~= 0 then
    record = record or { n = taken.n, p = taken.p }
    record.level, record.at = level + ticks, now
    flowOut(record, back, 0)
    keep(key, record, now)
  end
  -- Not a negative zero.
  return { 1, text(ticks + 0), text(scale.p) }
end

local taken = takeReservation()
if not record then
  -- It may still be there, and would count again if the clock stepped back.
  redis.call('DEL', key)
elseif moved then
  save(key, record)
end
return taken and settle(taken) or { 0, '0', '1' }
