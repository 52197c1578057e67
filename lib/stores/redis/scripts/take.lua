-- Decides takes that do not wait, each admitted or refused at once, in order: the lean way for what is asked most. The levels
-- found are all that is told, for whoever has asked knows the takes, and so what became of them.
--
-- KEYS   the buckets, each once; of several slots of a Cluster only the first
-- ARGV   1  the time in microseconds, '' for the server's own
--        2  the deadline on that clock, '' for none: later, nothing is done, and the reply is the error LATE with the time
--        3  the sort of the first bucket: "n P" (the reader's scale), n, room, total. `total` is what all of its takes come to, in
--           ticks, and up to the level `room` they are all admitted, in whatever order; below 0: they have to be decided one by one
--        then, unless it is one transaction with one take of each bucket, which are all of that sort and not counted
--        7  the steps. Each is a transaction, as characters below 128: how many takes it has (several are admitted all or
--           nothing), how often it is repeated, then for each take its kind, and its bucket's place in two characters, the
--           higher one first. '' for one transaction with one take of each bucket, which are not counted: kinds are not told then
--        8  of each bucket its sort, as a character; '' where all are of the first
--        9  how many other sorts there are, and how many buckets are named at the end; then these sorts, then for each kind of take
--           allowance, cost in ticks, counted (1: count what is taken)
--        then the names of the buckets that are in other slots than the first
-- Reply  the time, then the level that each bucket had, in ticks of the reader: an integer, but a text from 2^52 on; then for
--        each bucket whose record said more than a level of that scale: its place, and that record
--
-- Where every bucket has room for all of its takes there is nothing to decide, as nearly always. Else the steps are. The rules are
-- those of lib/algorithms/kernel.ts. All takes that reach a bucket have the same scale. A plain record, one that is
-- no more than a level of that scale, is read by a quick match; all others by what include/ knows, which is made only where it is
-- needed, for making it costs as much as a take. Nor is the expiry of a plain record set where it stays: half of a write.

local match, byte, format, ceil, call, args = string.match, string.byte, string.format, math.ceil, redis.call, ARGV

-- @include include/time.lua
-- @include include/expiry.lua

-- How integers are printed in half the time; some builds have 32 bits only.
local form = struct.size('l') == 8 and '%d' or '%.0f'

-- From here on clients' parsers lose the last unit of an integer.
local LARGE = 4503599627370496

-- One bucket, as on an idle line: the same without a table or a function more, for they take as long as all else.
local named = (args[10] or 0) + 0
if not KEYS[2] and named == 0 then
  local key, scale, n, room, total = KEYS[1], args[3], args[4] + 0, args[5] + 0, args[6] + 0
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
  if level and (level <= room or not args[7]) then
    if total > 0 and level <= room then
      local after = level + total
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

local keys, count = KEYS, (args[9] or 0) + 0
local function sortAt(i)
  local scale = args[i]
  return {
    scale = scale, tail = ' ' .. scale, pattern = '^(%d+) (%d+) ' .. scale .. '$',
    n = args[i + 1] + 0, room = args[i + 2] + 0, total = args[i + 3] + 0,
  }
end
local sort, sortOf, sorts = sortAt(3), args[8], nil
if count > 0 then
  sorts = { sort }
  for i = 1, count do sorts[i + 1] = sortAt(7 + 4 * i) end
end

-- A server of a Cluster lets a script have no key that it does not serve: then the call fails, for all is read before it writes.
local last = #args - named
if named > 0 then keys = { KEYS[1], unpack(args, last + 1) } end

-- By place: what is stored, when a plain record's key expires, and, where the record says more or will, what that is. Then
-- the places where nothing is stored. The reply is made of the levels that are found, with the time before them. Tables begin
-- as large as they will be: to grow takes long.
local stored, reply, expiries = nil, { now, unpack(keys) }, { unpack(keys) }
if named == 0 then
  stored = call('MGET', unpack(keys))
else
  stored = {}
  for i = 1, #keys do stored[i] = call('GET', keys[i]) end
end
local more, missing = {}, {}
local isPlain, isFitting = true, true
-- The levels now, unless each bucket is charged with all of its takes.
local levels

-- The grid of the last bucket, which is that of many.
local grid, from, below = 0, 0, 0

-- Nothing of this is needed for a record that is a level of the reader's scale.
local function makeOthers()
-- @include include/exact.lua
-- @include include/record.lua
-- @include include/level.lua
  local others = {}

  -- Its P.
  local function scaleOf(sort)
    return tonumber(match(sort.scale, '%d+$'))
  end

  -- The level of a record that says more, as takes are compared with, and the record: none is admitted in a block, or past 2^53,
  -- and what is held is taken as well.
  function others.open(i, sort)
    local record, isMoved = revive(stored[i], keys[i], now)
    if not record then return 0 end
    local level, held = levelAt(record, sort.n, scaleOf(sort), now), heldIn(record) * scaleOf(sort)
    isPlain, more[i] = false, { record = record, isMoved = isMoved, text = format(record), held = held }
    if type(level) == 'string' or blockOf(record, now) > 0 or level + held > MAX then return math.huge end
    return level + held
  end

  -- What admitted takes of one kind do to a record besides raising its level.
  function others.charge(i, kind, times)
    if kind.ticks == 0 then return end
    if kind.counted and not more[i] then isPlain, more[i] = false, { held = 0 } end
    if not more[i] then return end
    local sort = sorts and sorts[byte(sortOf, i)] or sort
    local before, n, p = more[i].record, sort.n, scaleOf(sort)
    for _ = 1, times do
      local after = { at = now, n = n, p = p }
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
    if levels[i] ~= reply[i + 1] then record.level = levels[i] - more[i].held end
    return written(record)
  end

  return others
end

-- Opens each bucket. Four words are all that the pattern lets through, so no record that says more.
local others
for i = 1, #keys do
  if sorts then sort = sorts[byte(sortOf, i)] end
  local record, level = stored[i], 0
  if record then
    local ticks, at = match(record, sort.pattern)
    if ticks then at = at + 0 end
    if ticks and now >= at then
      local n = sort.n
      ticks = ticks + 0
      local time = ceil(ticks / n)
      local full = at + time
      if now < full then level = ticks - n * (now - at) end
      if time >= below or time < from then grid, from, below = gridOf(time) end
      expiries[i] = full + -full % grid
    else
      others = others or makeOthers()
      level = others.open(i, sort)
    end
  else
    missing[#missing + 1] = i
  end
  reply[i + 1] = level
  if level > sort.room then isFitting = false end
end

-- One transaction after another.
local function decide(steps, kinds)
  local cursor, ends = 1, #steps
  while cursor < ends do
    local size, times = byte(steps, cursor, cursor + 1)
    local last = cursor + 3 * size
    for j = cursor + 2, last, 3 do
      local k, high, low = byte(steps, j, j + 2)
      local kind, level = kinds[k], levels[high * 128 + low]
      if level > kind.allowance then
        times = 0
      elseif times > 1 and kind.ticks > 0 then
        times = math.min(times, math.floor((kind.allowance - level) / kind.ticks) + 1)
      end
    end
    if times > 0 then
      for j = cursor + 2, last, 3 do
        local k, high, low = byte(steps, j, j + 2)
        local kind, i = kinds[k], high * 128 + low
        levels[i] = levels[i] + times * kind.ticks
        if kind.counted or not isPlain then
          others = others or makeOthers()
          others.charge(i, kind, times)
        end
      end
    end
    cursor = last + 2
  end
end

if not (isFitting and isPlain) then
  levels = { unpack(reply, 2) }
  if args[7] and args[7] ~= '' then
    local kinds = {}
    for i = 11 + 4 * count, last, 3 do
      kinds[#kinds + 1] = { allowance = args[i] + 0, ticks = args[i + 1] + 0, counted = args[i + 2] == '1' }
    end
    decide(args[7], kinds)
  elseif isFitting then
    for i = 1, #keys do
      if sorts then sort = sorts[byte(sortOf, i)] end
      levels[i] = levels[i] + sort.total
      others.charge(i, { ticks = sort.total }, 1)
    end
  end
end

-- What a plain record begins with.
local beginning = form .. ' ' .. format(form, now)

-- What MGET calls missing may be something else than a text. That is an error, and then nothing is written: what is new is written
-- first, and only if it is, and is taken back where one is not. Many have the same text.
local value, expiry, levelOfValue, sortOfValue
for j, i in ipairs(missing) do
  if sorts then sort = sorts[byte(sortOf, i)] end
  local level = levels and levels[i] or sort.total
  local isFree
  if level == 0 then
    isFree = type(redis.pcall('GET', keys[i])) ~= 'table'
  else
    if more[i] then
      value, expiry = others.written(i)
      levelOfValue = nil
    elseif level ~= levelOfValue or sort ~= sortOfValue then
      local time = ceil(level / sort.n)
      local full = now + time
      value, expiry = format(beginning, level) .. sort.tail, format(form, ceil((full + -full % gridOf(time)) / 1000) + 1)
      levelOfValue, sortOfValue = level, sort
    end
    isFree = call('SET', keys[i], value, 'PXAT', expiry, 'NX')
  end
  if not isFree then
    for l = 1, j - 1 do call('DEL', keys[missing[l]]) end
    return redis.error_reply('WRONGTYPE no bucket record at ' .. keys[i])
  end
end

for i = 1, #keys do
  if sorts then sort = sorts[byte(sortOf, i)] end
  local before, record = reply[i + 1], stored[i]
  local level = levels and levels[i] or before + sort.total
  if more[i] then
    if record and (level ~= before or more[i].isMoved) then
      value, expiry = others.written(i)
      call('SET', keys[i], value, 'PXAT', expiry)
    end
  elseif record and level ~= before then
    local text, time = format(beginning, level), ceil(level / sort.n)
    if time >= below or time < from then grid, from, below = gridOf(time) end
    local full = now + time
    full = full + -full % grid
    if full == expiries[i] and #text + #sort.tail == #record then
      call('SETRANGE', keys[i], '0', text)
    else
      call('SET', keys[i], text .. sort.tail, 'PXAT', format(form, ceil(full / 1000) + 1))
    end
  end
  if before >= LARGE then reply[i + 1] = format('%.0f', before) end
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
