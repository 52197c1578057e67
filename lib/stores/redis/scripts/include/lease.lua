-- Leases: tokens of a bucket that an instance has taken ahead. Needs level.lua.
--
-- The rules are those of lib/algorithms/lease.ts, line by line.

-- More are not granted for a bucket at a time.
local MOST_HOLDS = 64

local function holdOf(record, id)
  for _, hold in ipairs(record and record.holds or {}) do
    if hold.id == id then return hold end
  end
  return nil
end

-- Who is not known has nothing to settle: what an earlier lease of that name has held was spent when it expired.
local function afterSpending(hold, total)
  if not hold then return 0, 0, total end
  local delta = math.max(total - hold.settled, 0)
  return delta, math.max(hold.held - delta, 0), hold.settled + delta
end

-- How many tokens can join a level before it cannot be counted any more with what is held.
local function roomFor(level, p, claims)
  return math.floor((MAX - level) / p) - claims
end

-- The level with so many tokens more, and its scale: the reader's, as after a take, or, where that cannot be counted beside
-- what is held, the writer's.
local function chargedLevel(record, n, p, tokens, claims, now)
  if not record then return tokens * p, n, p end
  local level = levelAt(record, n, p, now)
  if type(level) == 'number' and tokens <= roomFor(level, p, claims) then return level + tokens * p, n, p end
  local own = levelAt(record, record.n, record.p, now)
  -- More than was ever held, which nobody has spent, would not be counted.
  return own + math.min(tokens, roomFor(own, record.p, claims)) * record.p, record.n, record.p
end

-- The leases of a record but one.
local function othersThan(record, hold)
  local others = {}
  for _, other in ipairs(record and record.holds or {}) do
    if other ~= hold then others[#others + 1] = other end
  end
  return others
end

-- The record with these leases and so many tokens more; nil where that says no more than absence does.
local function withHolds(record, level, n, p, holds, tokens, now)
  local before = record or {}
  local after = { level = level, at = now, n = n, p = p, last = before.last, blocked = before.blocked }
  if before.since and before.sent <= MAX - tokens then
    after.since, after.sent, after.synced = before.since, before.sent + tokens, before.synced
  elseif before.since then
    after.since, after.sent, after.synced = now, tokens, 0
  end
  keepOutflow(record, after)
  if #holds > 0 then after.holds = holds end
  forget(after, now)
  return isAlive(after, now) and after or nil
end

-- Ends a lease: what is held of it and was not spent is free again. Answers the record, and whether there was one to end.
local function returnLease(record, id, total, now)
  local hold = holdOf(record, id)
  if not hold then return record, false end
  local delta = afterSpending(hold, total)
  local level, n, p = chargedLevel(record, record.n, record.p, delta, heldIn(record, hold), now)
  return withHolds(record, level, n, p, othersThan(record, hold), delta, now), true
end
