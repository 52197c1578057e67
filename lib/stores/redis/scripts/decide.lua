-- Decides transactions in order. Each is a list of takes from buckets and is admitted all or nothing.
--
-- KEYS   the buckets, each once
-- ARGV   1  the time in microseconds, '' for the server's own
--        2  the number of transactions, then for each
--             peek (1: evaluate only), revocable (1: tell the records before it), the number of takes, then for each take
--               index in KEYS, n, P (the reader's scale), ticks to add, allowance, start level (-1: it never waits),
--               promises (1: its start is noted in the record)
-- Reply  the time, then for each transaction
--          1 (admitted), 0 (refused) or 2 (refused, and the level of a take that waits falls by whole tokens)
--          the level that each take found, in ticks of its scale: an integer, but a text from 2^52 on, for clients'
--          parsers lose the last unit of larger integers
--          where it is revocable and was admitted, the record that each take found, '' for none
--
-- The rules are those of lib/algorithms/kernel.ts, line by line.

-- @include include/exact.lua
-- @include include/record.lua

local now = clock(ARGV[1])
local buckets, changed = {}, {}

-- Everything is read before anything is written, so that a key that holds something else fails the call as a whole.
for i = 1, #KEYS do
  buckets[i] = load(KEYS[i])
  if buckets[i] then changed[i] = rebase(buckets[i], now) end
end

local function drain(level, n, elapsed)
  if elapsed >= math.ceil(level / n) then return 0 end
  return level - n * elapsed
end

local function isFaster(n, p, record)
  return difference(n, record.p, record.n, p) ~= -1
end

-- The level under another scale (n, p) than the writer's earns nothing beyond the faster of the two.
local function levelAt(record, n, p)
  if not record then return 0 end
  local elapsed = now - record.at
  if elapsed >= math.ceil(record.level / record.n) then return 0 end
  if record.p == p then return drain(record.level, math.max(record.n, n), elapsed) end
  if isFaster(n, p, record) then
    local level = difference(math.ceil(record.level / record.p), p, n, elapsed)
    if level == -1 then return 0 end
    return level
  end
  return difference(math.ceil(drain(record.level, record.n, elapsed) / record.p), p, 0, 0)
end

-- Whether the level falls by whole tokens: it was written at a faster rate on another scale.
local function fallsInSteps(record, n, p)
  return record and record.p ~= p and fullAt(record) > now and not isFaster(n, p, record)
end

local cursor = 2
local function argument()
  cursor = cursor + 1
  return tonumber(ARGV[cursor])
end

local function readTakes()
  local takes = {}
  for i = 1, argument() do
    local take = {
      bucket = argument(), n = argument(), p = argument(),
      add = argument(), allowance = argument(), start = argument(), promises = argument() == 1,
    }
    take.waits = take.start >= 0
    take.level = levelAt(buckets[take.bucket], take.n, take.p)
    takes[i] = take
  end
  return takes
end

-- Microseconds until the latest slot of the buckets that wait: all of them share it as their start.
local function waitOf(takes)
  local wait = 0
  for _, take in ipairs(takes) do
    if take.waits then wait = math.max(wait, math.ceil((take.level - take.start) / take.n)) end
  end
  return wait
end

-- A bucket whose own slot is earlier than the shared start is raised to it, to start + n × wait. Compared as times first: that
-- product may pass 2^53.
local function admits(takes)
  for _, take in ipairs(takes) do
    if type(take.level) == 'string' or take.level > take.allowance then return false end
  end
  local wait = waitOf(takes)
  for _, take in ipairs(takes) do
    take.raised = take.level
    if take.waits and math.max(math.ceil((take.level - take.start) / take.n), 0) < wait then
      if wait > math.floor((take.allowance - take.start) / take.n) then return false end
      take.raised = take.start + take.n * wait
    end
  end
  return true
end

local function charge(takes)
  local wait = waitOf(takes)
  for _, take in ipairs(takes) do
    if take.add > 0 then
      local before = buckets[take.bucket]
      local last = math.max(before and before.last or 0, take.promises and now + wait or 0)
      buckets[take.bucket] = {
        level = take.raised + take.add, at = now, n = take.n, p = take.p, last = last > now and last or nil,
      }
      changed[take.bucket] = true
    end
  end
end

local function tellRecords(takes, reply)
  for _, take in ipairs(takes) do
    local record = buckets[take.bucket]
    reply[#reply + 1] = record and format(record) or ''
  end
end

local function refusal(takes)
  for _, take in ipairs(takes) do
    if take.waits and fallsInSteps(buckets[take.bucket], take.n, take.p) then return 2 end
  end
  return 0
end

local reply = { now }
for _ = 1, tonumber(ARGV[2]) do
  local peek, revocable = argument() == 1, argument() == 1
  local takes = readTakes()
  local admitted = admits(takes)
  reply[#reply + 1] = admitted and 1 or refusal(takes)
  for _, take in ipairs(takes) do
    local wide = type(take.level) == 'number' and take.level >= 4503599627370496
    reply[#reply + 1] = wide and text(take.level) or take.level
  end
  if admitted and not peek then
    if revocable then tellRecords(takes, reply) end
    charge(takes)
  end
end

for i = 1, #KEYS do
  if changed[i] then save(KEYS[i], buckets[i]) end
end
return reply
