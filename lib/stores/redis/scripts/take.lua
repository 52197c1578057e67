-- Decides takes that do not wait, each admitted or refused at once, in order: the lean way for what is asked most. The levels
-- found are all that is told, for whoever has asked knows the takes, and so what became of them.
--
-- KEYS   the buckets, each once
-- ARGV   1  the time in microseconds, '' for the server's own
--        2  the deadline on that clock, '' for none: later, nothing is done, and the reply is the error LATE with the time
--        3  the steps. Each is a transaction, as characters below 128: how many takes it has (several are admitted all or
--           nothing), how often it is repeated (0: evaluate only), then for each take its kind, and its bucket's place in KEYS
--           in two characters, the higher one first
--        then for each kind of take
--           "n P" (the reader's scale), n, allowance, cost in ticks, counted (1: count what is taken)
-- Reply  the time, then the level that each bucket had, in ticks of the reader: an integer, but a text from 2^52 on; then for
--        each bucket whose record said more than a level of that scale: its place in KEYS, and that record
--
-- The rules are those of lib/algorithms/kernel.ts. All takes that reach a bucket have the same scale. A bucket that nobody has
-- taken from is read by a quick match; all other records by what include/ knows, which is made only where it is needed, for
-- making it costs as much as a take.

local match, byte, format, ceil, floor, min, call =
  string.match, string.byte, string.format, math.ceil, math.floor, math.min, redis.call

-- @include include/time.lua

local now = clock()
if isLate(now) then return late(now) end

-- The level of a record that is no more than one of the reader's scale; nil where it says more.
local function plainLevel(record, scale, n)
  if not record then return 0 end
  local ticks, at, writer = match(record, '^(%d+) (%d+) (.+)$')
  local elapsed = writer == scale and now - tonumber(at) or -1
  if elapsed < 0 then return nil end
  ticks = tonumber(ticks)
  return elapsed < ceil(ticks / n) and ticks - n * elapsed or 0
end

-- How often takes of a kind are admitted, one after another.
local function timesAt(level, allowance, ticks, times)
  if level > allowance then return 0 end
  if times <= 1 or ticks == 0 then return times end
  return min(times, floor((allowance - level) / ticks) + 1)
end

-- An integer as clients' parsers keep it: they lose the last unit from 2^52 on.
local function told(level)
  return level >= 4503599627370496 and format('%.0f', level) or level
end

-- How integers are printed in half the time; some builds have 32 bits only.
local isWide = struct.size('l') == 8

-- One step of one bucket, as on an idle line and for a hot key: the same without any table, for they take as long as all else.
if #KEYS == 1 and #ARGV[3] == 5 and ARGV[8] == '0' then
  local scale, n, ticks = ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[7])
  local level = plainLevel(call('GET', KEYS[1]), scale, n)
  if level then
    local after = level + timesAt(level, tonumber(ARGV[6]), ticks, byte(ARGV[3], 2)) * ticks
    if after > level then
      local value = format(isWide and '%d %d %s' or '%.0f %.0f %s', after, now, scale)
      call('SET', KEYS[1], value, 'PXAT', format(isWide and '%d' or '%.0f', ceil((now + ceil(after / n)) / 1000) + 1))
    end
    return { now, told(level) }
  end
end

local kinds = {}
for i = 4, #ARGV, 5 do
  kinds[#kinds + 1] = {
    scale = ARGV[i], n = tonumber(ARGV[i + 1]), allowance = tonumber(ARGV[i + 2]), ticks = tonumber(ARGV[i + 3]),
    counted = ARGV[i + 4] == '1',
  }
end

-- By place in KEYS: what is stored, the level that is found and the level now, the kind of the first take, and, where the
-- record says more or will, what that is.
local stored = call('MGET', unpack(KEYS))
local found, levels, kindOf, more = {}, {}, {}, {}
local isPlain = true

-- Nothing of this is needed for a record that is a level of the reader's scale.
local others
local function makeOthers()
-- @include include/exact.lua
-- @include include/record.lua
-- @include include/level.lua
  others = { written = written }

  -- Its P.
  local function scaleOf(kind)
    return tonumber(match(kind.scale, '%d+$'))
  end

  -- The level of a record that says more, as takes are compared with, and the record: none is admitted in a block, or past 2^53,
  -- and what is held is taken as well.
  function others.open(i, kind)
    local record, isMoved = revive(stored[i], KEYS[i], now)
    if not record then return 0 end
    local level, held = levelAt(record, kind.n, scaleOf(kind), now), heldIn(record) * scaleOf(kind)
    isPlain, more[i] = false, { record = record, isMoved = isMoved, text = format(record), held = held }
    if type(level) == 'string' or blockOf(record, now) > 0 or level + held > MAX then return math.huge end
    return level + held
  end

  -- What admitted takes of one kind do to a record besides raising its level.
  function others.charge(before, kind, times)
    local p = scaleOf(kind)
    for _ = 1, times do
      local after = { at = now, n = kind.n, p = p }
      if before then after.last, after.blocked, after.holds = before.last, before.blocked, before.holds end
      countOn(before, after, kind.ticks / p, kind.counted, now)
      keepOutflow(before, after)
      forget(after, now)
      before = after
    end
    return before
  end
end

-- The level of a bucket when its first take comes.
local function open(i, kind)
  local level = plainLevel(stored[i], kind.scale, kind.n)
  if not level then
    if not others then makeOthers() end
    level = others.open(i, kind)
  end
  found[i], levels[i], kindOf[i] = level, level, kind
  return level
end

local function charge(i, kind, times)
  levels[i] = levels[i] + times * kind.ticks
  if isPlain and not kind.counted or kind.ticks == 0 then return end
  if kind.counted and not more[i] then
    if not others then makeOthers() end
    isPlain, more[i] = false, { held = 0 }
  end
  local other = more[i]
  if other then other.record = others.charge(other.record, kind, times) end
end

-- The takes of a transaction, three numbers each.
local function decideAll(times, ...)
  local takes = { ... }
  for j = 1, #takes, 3 do
    local kind, i = kinds[takes[j]], takes[j + 1] * 128 + takes[j + 2]
    times = timesAt(levels[i] or open(i, kind), kind.allowance, kind.ticks, times)
  end
  if times == 0 then return end
  for j = 1, #takes, 3 do charge(takes[j + 1] * 128 + takes[j + 2], kinds[takes[j]], times) end
end

local steps, cursor = ARGV[3], 1
while cursor < #steps do
  local size, times, k, high, low = byte(steps, cursor, cursor + 4)
  if size == 1 then
    local kind, i = kinds[k], high * 128 + low
    times = timesAt(levels[i] or open(i, kind), kind.allowance, kind.ticks, times)
    if times > 0 then charge(i, kind, times) end
  else
    decideAll(times, byte(steps, cursor + 2, cursor + 1 + 3 * size))
  end
  cursor = cursor + 2 + 3 * size
end

local form, written = isWide and '%d' or '%.0f', {}

-- What is stored of a level, and when it expires. Many buckets have the same.
local function record(level, kind)
  if level ~= written.level or kind ~= written.kind then
    kind.form = kind.form or form .. format(' %.0f ', now) .. kind.scale
    written.level, written.kind = level, kind
    written.value = format(kind.form, level)
    written.expiry = format(form, ceil((now + ceil(level / kind.n)) / 1000) + 1)
  end
  return written.value, written.expiry
end

local function textOf(i)
  local other = more[i]
  if not other then return record(levels[i], kindOf[i]) end
  if levels[i] ~= found[i] then other.record.level = levels[i] - other.held end
  return others.written(other.record)
end

-- What MGET calls missing may be something else than a text. That is an error, and then nothing is written: what is new is written
-- first, and only if it is, and is taken back where one is not.
local fresh, changed = {}, {}
for i = 1, #KEYS do
  local isChanged = levels[i] ~= found[i]
  if not stored[i] then
    if isChanged then fresh[#fresh + 1] = i else call('GET', KEYS[i]) end
  elseif isChanged or more[i] and more[i].isMoved then
    changed[#changed + 1] = i
  end
end
for j, i in ipairs(fresh) do
  local value, expiry = textOf(i)
  if not call('SET', KEYS[i], value, 'PXAT', expiry, 'NX') then
    for k = 1, j - 1 do call('DEL', KEYS[fresh[k]]) end
    return redis.error_reply('WRONGTYPE no bucket record at ' .. KEYS[i])
  end
end
for _, i in ipairs(changed) do
  local value, expiry = textOf(i)
  call('SET', KEYS[i], value, 'PXAT', expiry)
end

local reply = { now }
for i = 1, #KEYS do reply[i + 1] = more[i] and more[i].text and 0 or told(found[i]) end
if not isPlain then
  for i = 1, #KEYS do
    if more[i] and more[i].text then
      reply[#reply + 1] = i
      reply[#reply + 1] = more[i].text
    end
  end
end
return reply
