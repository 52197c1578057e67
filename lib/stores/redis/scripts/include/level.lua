-- What a bucket's record says under the scale (n, p) of whoever reads it.

local function isFaster(n, p, record)
  if record.p == p then return n > record.n end
  return difference(n, record.p, record.n, p) ~= -1
end

-- The level under another scale than the writer's earns nothing beyond the faster of the two; while tokens are held it drains
-- by the writer's rate alone, and to the latest start that was promised by that one first. A text where it passes 2^53.
local function levelAt(record, n, p, now)
  if not record or isDrained(record, now) then return 0 end
  local earns = not record.holds and isFaster(n, p, record)
  local from = earns and math.max(record.at, record.last or 0) or now
  local left = drain(record.level, record.n, from - record.at)
  local amount, size = left, 1
  if record.p ~= p then amount, size = math.ceil(left / record.p), p end
  local level = difference(amount, size, n, now - from)
  return level == -1 and 0 or level
end

-- Where the level was written at a faster rate: 1 where it falls by whole tokens, for it was on ticks of another size, 2 where it
-- falls by that rate. 0 where it falls by the reader's own.
local function fallsAs(record, n, p, now)
  if not record or isDrained(record, now) then return 0 end
  if record.p == p then return record.n > n and not record.holds and 2 or 0 end
  return isFaster(n, p, record) and 0 or 1
end

-- Microseconds for which nothing starts; MAX where nobody knows when it ends.
local function blockOf(record, now)
  if not record or not record.blocked then return 0 end
  if record.blocked == MAX then return MAX end
  return math.max(record.blocked - now, 0)
end

-- The highest level at which something is admitted beside tokens that are held: negative where it is not.
local function besideHeld(allowance, p, record)
  local held = heldIn(record)
  if held > math.floor(math.max(allowance, 0) / p) then return -1 end
  return allowance - held * p
end

-- An integer as clients' parsers keep it: they lose the last unit from 2^52 on.
local function told(x)
  if type(x) == 'number' and x >= 4503599627370496 then return text(x) end
  return x
end

-- What is told of a bucket besides its level: the microseconds for which it is blocked, how it falls, and its record where tokens
-- of it are held.
local function tellMore(reply, record, n, p, now)
  reply[#reply + 1] = told(blockOf(record, now))
  reply[#reply + 1] = fallsAs(record, n, p, now)
  reply[#reply + 1] = record and record.holds and format(record) or ''
end
