-- A bucket's record: "level at n P" in decimal, then, each only where there is one,
--   " l" and the latest start that was promised to somebody who waits, for tokens or in a line
--   " b" and the time before which nothing starts (MAX: until it is taken back)
--   " s" and the count of what was sent: since when, how many tokens, how many of them the newest report knew of
--   " r" and the count of ticks that have flowed out otherwise than by draining: the reservation that it begins with, those
--        that settlements have given back, those that are lost otherwise
--   " h" and the leases in the order in which they expire, with commas between them: id, tokens that are held, tokens that
--        were settled, the time from which on all that is held counts as spent
-- It drains n ticks per microsecond; one token is P ticks. Absence means full (level 0).

local function isDrained(record, now)
  return now - record.at >= math.ceil(record.level / record.n)
end

local function drain(level, n, elapsed)
  if elapsed >= math.ceil(level / n) then return 0 end
  return level - n * elapsed
end

-- Tokens that are held, by a lease or by all but one.
local function heldIn(record, but)
  local held = 0
  for _, hold in ipairs(record and record.holds or {}) do
    if hold ~= but then held = held + hold.held end
  end
  return held
end

-- Settles the leases that have expired, in order: it drains to that expiry, all that is held joins the level as spent, and it
-- drains on. Answers the record, and whether there were any.
local function settleExpired(record, now)
  local later
  if not record.holds or record.holds[1].expires > now then return record, false end
  for _, hold in ipairs(record.holds) do
    if hold.expires > now then
      later = later or {}
      later[#later + 1] = hold
    else
      record.level = drain(record.level, record.n, hold.expires - record.at) + hold.held * record.p
      record.at = hold.expires
    end
  end
  record.holds = later
  return record, true
end

-- With one more lease, in its place.
local function withHold(holds, hold)
  local place = 1
  while holds[place] and holds[place].expires <= hold.expires do place = place + 1 end
  table.insert(holds, place, hold)
  return holds
end

-- When the bucket is full where all that is held is spent at its expiry.
local function fullAt(record)
  local level, at = record.level, record.at
  for _, hold in ipairs(record.holds or {}) do
    level, at = drain(level, record.n, hold.expires - at) + hold.held * record.p, hold.expires
  end
  return at + math.ceil(level / record.n)
end

-- What it says when it is drained and not blocked, and nothing of it is held, is no more than absence does, so it is gone.
local function isAlive(record, now)
  return not isDrained(record, now) or record.holds ~= nil or record.blocked ~= nil and record.blocked > now
end

-- Takes an optional field off the front of a text; answers its value and the rest.
local function field(rest, pattern)
  local value, behind = string.match(rest, '^ ' .. pattern .. '(.*)$')
  if value then return value, behind end
  return nil, rest
end

local function parseHolds(stored)
  local holds = {}
  for id, held, settled, expires in string.gmatch(stored, '([%w_-]+) (%d+) (%d+) (%d+)') do
    holds[#holds + 1] = { id = id, held = tonumber(held), settled = tonumber(settled), expires = tonumber(expires) }
  end
  return holds
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
    local holds
    holds, rest = field(rest, 'h([%w_-]+ %d+ %d+ %d+[%w_, -]*)')
    if holds then record.holds = parseHolds(holds) end
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
  for i, hold in ipairs(record.holds or {}) do
    value = value .. (i == 1 and ' h' or ',') .. hold.id .. ' ' .. text(hold.held) .. ' ' .. text(hold.settled) .. ' ' .. text(hold.expires)
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

-- Once begun, a count of what is taken goes on whoever takes; from here, where it would pass 2^53.
local function countOn(before, after, cost, counted, now)
  if before and before.since and before.sent <= MAX - cost then
    after.since, after.sent, after.synced = before.since, before.sent + cost, before.synced
  elseif counted or before and before.since then
    after.since, after.sent, after.synced = now, cost, 0
  end
end

-- What is stored of a record, and its expiry, which is absolute and lies behind the time when the bucket is full and not
-- blocked: then absence says the same. Needs expiry.lua.
local function written(record)
  local ends = math.max(fullAt(record), record.blocked or 0)
  local expiry = ends + -ends % gridOf(ends - record.at)
  return format(record), text(math.ceil(expiry / 1000) + 1)
end

local function save(key, record)
  local value, expiry = written(record)
  redis.call('SET', key, value, 'PXAT', expiry)
end

-- The same, where it may say no more than absence does.
local function put(key, record)
  if record then
    save(key, record)
  else
    redis.call('DEL', key)
  end
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

-- What a stored record says, and whether that is not what is stored. A record ahead of the clock (the clock stepped back)
-- is moved back to it: it neither gains tokens nor freezes. Leases that have expired are settled. Nil where it says no more than absence does.
local function revive(stored, key, now)
  local record = parse(stored, key)
  local ahead = record.at - now
  if ahead > 0 then
    if record.last then record.last = record.last - ahead end
    if record.blocked and record.blocked ~= MAX then record.blocked = record.blocked - ahead end
    for _, hold in ipairs(record.holds or {}) do hold.expires = hold.expires - ahead end
    record.at = now
    flowOut(record, 0, record.n * ahead)
  end
  local settled
  record, settled = settleExpired(record, now)
  if isAlive(record, now) then return record, settled or ahead > 0 end
  return nil, false
end

-- The same of a bucket.
local function load(key, now)
  local stored = redis.call('GET', key)
  if not stored then return nil, false end
  return revive(stored, key, now)
end
