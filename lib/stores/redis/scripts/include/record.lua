-- A bucket's record: "level at n P" in decimal, then, each only where there is one,
--   " l" and the latest start that was promised to somebody who waits for tokens
--   " b" and the time before which nothing starts (MAX: until it is taken back)
--   " s" and the count of what was sent: since when, how many tokens, how many of them the newest report knew of
--   " r" and the count of ticks that have flowed out otherwise than by draining: the reservation that it begins with, those
--        that settlements have given back, those that are lost otherwise
-- It drains n ticks per microsecond; one token is P ticks. Absence means full (level 0).

local function isDrained(record, now)
  return now - record.at >= math.ceil(record.level / record.n)
end

-- What it says when it is drained and not blocked is no more than absence does, so it is gone.
local function isAlive(record, now)
  return not isDrained(record, now) or record.blocked ~= nil and record.blocked > now
end

-- Takes an optional field off the front of a text; answers its value and the rest.
local function field(rest, pattern)
  local value, behind = string.match(rest, '^ ' .. pattern .. '(.*)$')
  if value then return value, behind end
  return nil, rest
end

local function parse(stored, key)
  local level, at, n, p, rest = string.match(stored, '^(%d+) (%d+) (%d+) (%d+)(.*)$')
  if not level then error('no bucket record at ' .. key) end
  local record = { level = tonumber(level), at = tonumber(at), n = tonumber(n), p = tonumber(p) }
  if rest ~= '' then
    local count
    record.last, rest = field(rest, 'l(%d+)')
    record.blocked, rest = field(rest, 'b(%d+)')
    count, rest = field(rest, 's(%d+ %d+ %d+)')
    record.last, record.blocked = tonumber(record.last or ''), tonumber(record.blocked or '')
    if count then
      local since, sent, synced = string.match(count, '(%d+) (%d+) (%d+)')
      record.since, record.sent, record.synced = tonumber(since), tonumber(sent), tonumber(synced)
    end
    local outflow
    outflow, rest = field(rest, 'r([%w_-]+ %d+ %d+)')
    if outflow then
      local reserved, returned, lost = string.match(outflow, '(%S+) (%d+) (%d+)')
      record.reserved, record.returned, record.lost = reserved, tonumber(returned), tonumber(lost)
    end
  end
  if rest ~= '' then error('no bucket record at ' .. key) end
  return record
end

local function format(record)
  local value = text(record.level) .. ' ' .. text(record.at) .. ' ' .. text(record.n) .. ' ' .. text(record.p)
  if record.last then value = value .. ' l' .. text(record.last) end
  if record.blocked then value = value .. ' b' .. text(record.blocked) end
  if record.since then
    value = value .. ' s' .. text(record.since) .. ' ' .. text(record.sent) .. ' ' .. text(record.synced)
  end
  if record.reserved then
    value = value .. ' r' .. record.reserved .. ' ' .. text(record.returned) .. ' ' .. text(record.lost)
  end
  return value
end

-- Counts what has flowed out otherwise than by draining. What would pass 2^53 ends the count.
local function flowOut(record, returned, lost)
  if not record.reserved then return end
  record.returned, record.lost = record.returned + returned, record.lost + lost
  if record.returned > MAX or record.lost > MAX then record.reserved = nil end
end

-- Takes the count over from another record: ticks of two sizes, and of two rates, do not add up.
local function keepOutflow(before, after)
  if before and before.reserved and before.n == after.n and before.p == after.p then
    after.reserved, after.returned, after.lost = before.reserved, before.returned, before.lost
  else
    after.reserved = nil
  end
end

-- Times that have passed say nothing any more.
local function forget(record, now)
  if record.last and record.last <= now then record.last = nil end
  if record.blocked and record.blocked <= now then record.blocked = nil end
end

-- The expiry is absolute and lies just behind the time when the bucket is full and not blocked: then absence says the same.
local function save(key, record)
  local full = math.max(record.at + math.ceil(record.level / record.n), record.blocked or 0)
  redis.call('SET', key, format(record), 'PXAT', text(math.ceil(full / 1000) + 1))
end

-- Writes what a record still says; answers it, nil where that is no more than absence does.
local function keep(key, record, now)
  forget(record, now)
  if isAlive(record, now) then
    save(key, record)
    return record
  end
  redis.call('DEL', key)
  return nil
end

-- What a bucket's record says, and whether that is not what is stored. A record ahead of the clock (the clock stepped back)
-- is moved back to it: it neither gains tokens nor freezes. Nil where it says no more than absence does.
local function load(key, now)
  local stored = redis.call('GET', key)
  if not stored then return nil, false end
  local record = parse(stored, key)
  local ahead = record.at - now
  if ahead > 0 then
    if record.last then record.last = record.last - ahead end
    if record.blocked and record.blocked ~= MAX then record.blocked = record.blocked - ahead end
    record.at = now
    flowOut(record, 0, record.n * ahead)
  end
  if isAlive(record, now) then return record, ahead > 0 end
  return nil, false
end
