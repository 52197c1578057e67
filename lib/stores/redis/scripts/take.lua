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
-- The rules are those of lib/algorithms/kernel.ts. All takes that reach a bucket have the same scale. A plain record, one that is
-- no more than a level of that scale, is read by a quick match; all others by what include/ knows, which is made only where it is
-- needed, for making it costs as much as a take. Nor is the expiry of a plain record set where it stays: half of a write.

local match, byte, format, ceil, call, args = string.match, string.byte, string.format, math.ceil, redis.call, ARGV

-- @include include/time.lua
-- @include include/expiry.lua

-- How integers are printed in half the time; some builds have 32 bits only.
local form = struct.size('l') == 8 and '%d' or '%.0f'

-- From here on clients' parsers lose the last unit of an integer.
local LARGE = 4503599627370496

-- One take of one bucket, as on an idle line: the same without a table or a function more, for they take as long as all else.
if #args[3] == 5 and args[8] == '0' and not KEYS[2] then
  local key, scale, n = KEYS[1], args[4], args[5] + 0
  local record, level, expiry = call('GET', key), 0, nil
  if record then
    local ticks, at, writer = match(record, '^(%d+) (%d+) (.+)$')
    level = nil
    if writer == scale then
      ticks, at = ticks + 0, at + 0
      local full = at + ceil(ticks / n)
      expiry = full + -full % gridOf(full - at)
      if now >= full then level = 0 elseif now >= at then level = ticks - n * (now - at) end
    end
  end
  if level then
    local allowance, ticks, times = args[6] + 0, args[7] + 0, byte(args[3], 2)
    if times > 1 and ticks > 0 then times = math.min(times, math.floor((allowance - level) / ticks) + 1) end
    local after = level + times * ticks
    if after > level and level <= allowance then
      local text, time = format(form == '%d' and '%d %d' or '%.0f %.0f', after, now), ceil(after / n)
      local full = now + time
      local expiryNow = full + -full % gridOf(time)
      if expiryNow == expiry and #text + 1 + #scale == #record then
        call('SETRANGE', key, '0', text)
      else
        call('SET', key, text .. ' ' .. scale, 'PXAT', format(form, ceil(expiryNow / 1000) + 1))
      end
    end
    return { now, level < LARGE and level or format('%.0f', level) }
  end
end

local keys, kinds = KEYS, {}
for i = 4, #args, 5 do
  local scale = args[i]
  kinds[#kinds + 1] = {
    scale = scale, tail = ' ' .. scale, pattern = '^(%d+) (%d+) ' .. scale .. '$',
    n = args[i + 1] + 0, allowance = args[i + 2] + 0, ticks = args[i + 3] + 0, counted = args[i + 4] == '1',
  }
end

-- By place in KEYS: what is stored, the level that is found and the level now, when a plain record's key expires, the kind of the
-- first take, and, where the record says more or will, what that is. Then the places where nothing is stored.
local stored = call('MGET', unpack(keys))
local found, levels, expiries, kindOf, more, missing = {}, {}, {}, {}, {}, {}
local isPlain = true

-- The grid of the last bucket, which is that of many.
local grid, from, below = 0, 0, 0

-- Nothing of this is needed for a record that is a level of the reader's scale.
local function makeOthers()
-- @include include/exact.lua
-- @include include/record.lua
-- @include include/level.lua
  local others = {}

  -- Its P.
  local function scaleOf(kind)
    return tonumber(match(kind.scale, '%d+$'))
  end

  -- The level of a record that says more, as takes are compared with, and the record: none is admitted in a block, or past 2^53,
  -- and what is held is taken as well.
  function others.open(i, kind)
    local record, isMoved = revive(stored[i], keys[i], now)
    if not record then return 0 end
    local level, held = levelAt(record, kind.n, scaleOf(kind), now), heldIn(record) * scaleOf(kind)
    isPlain, more[i] = false, { record = record, isMoved = isMoved, text = format(record), held = held }
    if type(level) == 'string' or blockOf(record, now) > 0 or level + held > MAX then return math.huge end
    return level + held
  end

  -- What admitted takes of one kind do to a record besides raising its level.
  function others.charge(i, kind, times)
    if kind.ticks == 0 then return end
    if kind.counted and not more[i] then isPlain, more[i] = false, { held = 0 } end
    if not more[i] then return end
    local before, p = more[i].record, scaleOf(kind)
    for _ = 1, times do
      local after = { at = now, n = kind.n, p = p }
      if before then after.last, after.blocked, after.holds = before.last, before.blocked, before.holds end
      countOn(before, after, kind.ticks / p, kind.counted, now)
      keepOutflow(before, after)
      forget(after, now)
      before = after
    end
    more[i].record = before
  end

  -- What is stored of it, and when it expires.
  function others.written(i)
    local record = more[i].record
    if levels[i] ~= found[i] then record.level = levels[i] - more[i].held end
    return written(record)
  end

  return others
end

-- The level of a bucket when its first take comes. Four words are all that the pattern lets through, so no record that says more.
local others
local function open(i, kind)
  local record, level = stored[i], 0
  if record then
    local ticks, at = match(record, kind.pattern)
    if ticks then at = at + 0 end
    if ticks and now >= at then
      local n = kind.n
      ticks = ticks + 0
      local time = ceil(ticks / n)
      local full = at + time
      if now < full then level = ticks - n * (now - at) end
      if time >= below or time < from then grid, from, below = gridOf(time) end
      expiries[i] = full + -full % grid
    else
      others = others or makeOthers()
      level = others.open(i, kind)
    end
  else
    missing[#missing + 1] = i
  end
  found[i], levels[i], kindOf[i] = level, level, kind
  return level
end

local function charge(i, kind, times)
  others = others or makeOthers()
  others.charge(i, kind, times)
end

-- How often takes of a kind are admitted, one after another.
local function timesAt(level, kind, times)
  local allowance, ticks = kind.allowance, kind.ticks
  if level > allowance then return 0 end
  if times <= 1 or ticks == 0 then return times end
  return math.min(times, math.floor((allowance - level) / ticks) + 1)
end

local steps, cursor = args[3], 1
local ends = #steps
while cursor < ends do
  local size, times, k, high, low = byte(steps, cursor, cursor + 4)
  local last = cursor + 3 * size
  if size == 1 then
    local kind, i = kinds[k], high * 128 + low
    local level = levels[i] or open(i, kind)
    if times > 1 then times = timesAt(level, kind, times) end
    if times > 0 and level <= kind.allowance then
      levels[i] = level + times * kind.ticks
      if kind.counted or not isPlain then charge(i, kind, times) end
    end
  else
    for j = cursor + 2, last, 3 do
      k, high, low = byte(steps, j, j + 2)
      local kind, i = kinds[k], high * 128 + low
      times = timesAt(levels[i] or open(i, kind), kind, times)
    end
    if times > 0 then
      for j = cursor + 2, last, 3 do
        k, high, low = byte(steps, j, j + 2)
        local kind, i = kinds[k], high * 128 + low
        levels[i] = levels[i] + times * kind.ticks
        if kind.counted or not isPlain then charge(i, kind, times) end
      end
    end
  end
  cursor = last + 2
end

-- What a plain record begins with.
local beginning = form .. ' ' .. format(form, now)

-- What MGET calls missing may be something else than a text. That is an error, and then nothing is written: what is new is written
-- first, and only if it is, and is taken back where one is not. Many have the same text.
local value, expiry, levelOfValue, kindOfValue
for j, i in ipairs(missing) do
  local level, kind = levels[i], kindOf[i]
  if level == 0 then
    call('GET', keys[i])
  else
    if more[i] then
      value, expiry = others.written(i)
      levelOfValue = nil
    elseif level ~= levelOfValue or kind ~= kindOfValue then
      local time = ceil(level / kind.n)
      local full = now + time
      value, expiry = format(beginning, level) .. kind.tail, format(form, ceil((full + -full % gridOf(time)) / 1000) + 1)
      levelOfValue, kindOfValue = level, kind
    end
    if not call('SET', keys[i], value, 'PXAT', expiry, 'NX') then
      for l = 1, j - 1 do
        if levels[missing[l]] > 0 then call('DEL', keys[missing[l]]) end
      end
      return redis.error_reply('WRONGTYPE no bucket record at ' .. keys[i])
    end
  end
end

local reply = { now }
for i = 1, #keys do
  local level, before, record = levels[i], found[i], stored[i]
  reply[i + 1] = before < LARGE and before or format('%.0f', before)
  if more[i] then
    if record and (level ~= before or more[i].isMoved) then
      value, expiry = others.written(i)
      call('SET', keys[i], value, 'PXAT', expiry)
    end
  elseif record and level ~= before then
    local kind = kindOf[i]
    local text, time = format(beginning, level), ceil(level / kind.n)
    if time >= below or time < from then grid, from, below = gridOf(time) end
    local full = now + time
    full = full + -full % grid
    if full == expiries[i] and #text + #kind.tail == #record then
      call('SETRANGE', keys[i], '0', text)
    else
      call('SET', keys[i], text .. kind.tail, 'PXAT', format(form, ceil(full / 1000) + 1))
    end
  end
end

if not isPlain then
  for i = 1, #keys do
    if more[i] and more[i].text then
      reply[i + 1] = 0
      reply[#reply + 1] = i
      reply[#reply + 1] = more[i].text
    end
  end
end
return reply
