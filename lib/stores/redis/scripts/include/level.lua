-- What a bucket's record says under the scale (n, p) of whoever reads it.

local function isFaster(n, p, record)
  return difference(n, record.p, record.n, p) ~= -1
end

-- The level under another scale than the writer's earns nothing beyond the faster of the two; while tokens are held it drains
-- by the writer's rate alone. A text where it passes 2^53.
local function levelAt(record, n, p, now)
  if not record or isDrained(record, now) then return 0 end
  local elapsed = now - record.at
  if record.p == p then return drain(record.level, record.holds and record.n or math.max(record.n, n), elapsed) end
  if not record.holds and isFaster(n, p, record) then
    local level = difference(math.ceil(record.level / record.p), p, n, elapsed)
    if level == -1 then return 0 end
    return level
  end
  return difference(math.ceil(drain(record.level, record.n, elapsed) / record.p), p, 0, 0)
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
