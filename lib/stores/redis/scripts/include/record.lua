-- A bucket's record: "level at n P" in decimal, then " l" and the last promised start where somebody waits for tokens.
-- It drains n ticks per microsecond; one token is P ticks. Absence means full (level 0).

local function clock(explicit)
  if explicit ~= '' then return tonumber(explicit) end
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000000 + tonumber(time[2])
end

local function fullAt(record)
  return record.at + math.ceil(record.level / record.n)
end

local function parse(stored, key)
  local level, at, n, p, rest = string.match(stored, '^(%d+) (%d+) (%d+) (%d+)(.*)$')
  local last = rest and string.match(rest, '^ l(%d+)$')
  if not level or rest ~= '' and not last then error('no bucket record at ' .. key) end
  return { level = tonumber(level), at = tonumber(at), n = tonumber(n), p = tonumber(p), last = tonumber(last or '') }
end

local function load(key)
  local stored = redis.call('GET', key)
  return stored and parse(stored, key) or nil
end

local function format(record)
  local value = text(record.level) .. ' ' .. text(record.at) .. ' ' .. text(record.n) .. ' ' .. text(record.p)
  return record.last and value .. ' l' .. text(record.last) or value
end

-- The expiry is absolute and lies just behind the time when the bucket is full: then absence says the same.
local function save(key, record)
  redis.call('SET', key, format(record), 'PXAT', text(math.ceil(fullAt(record) / 1000) + 1))
end

-- A record ahead of the clock (the clock stepped back) is moved back to it: it neither gains tokens nor freezes.
-- Answers whether it moved.
local function rebase(record, now)
  if record.at <= now then return false end
  if record.last then record.last = record.last - (record.at - now) end
  record.at = now
  return true
end
