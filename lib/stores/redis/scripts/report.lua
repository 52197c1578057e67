-- Notes what the other side says of a bucket that both keep.
--
-- KEYS   1  the bucket
-- ARGV   1  the time in microseconds, '' for the server's own
--        2  the deadline on that clock, '' for none: later, nothing is done, and the reply is the error LATE with the time
--        3  n, 4 P (the reader's scale)
--        5  the tokens that are missing there, '' where that is not said
--        6  since, 7 sent: the place in the count of the take that the report answers, '' for none
--        8  1 where the level may be lowered
--        9  microseconds for which nothing is to start
--        10 level, 11 at: how that take has left the bucket, where nothing was counted; '' where that is not known
-- Reply  the time; then how the bucket is found afterwards: the level in ticks of that scale (a text from 2^52 on), the
--        microseconds for which it is blocked (likewise), 1 where the level falls by whole tokens and 2 where it falls faster
--        than n, and its record where tokens of it are held, else ''
--
-- The rules are those of lib/algorithms/report.ts, line by line.

-- @include include/exact.lua
-- @include include/time.lua
-- @include include/expiry.lua
-- @include include/record.lua
-- @include include/level.lua

local key = KEYS[1]
local n, p, missing, since, sent = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local lowers, block, leftLevel, leftAt = ARGV[8] == '1', tonumber(ARGV[9]), tonumber(ARGV[10]), tonumber(ARGV[11])
local record, moved = load(key, now)

-- The tokens that were sent after the take that the report answers, and whether that is newer than all reported before.
local function answered(level)
  if since then
    if not record or not record.since then return 0, false end
    if record.since ~= since then return record.sent, false end
    -- A take that is ahead of the count was undone.
    return math.max(record.sent - sent, 0), sent > record.synced and sent <= record.sent
  end
  if not leftAt or not record then return 0, false end
  if record.since then return leftAt <= record.since and record.sent or 0, false end
  local alone = drain(leftLevel, n, math.max(now - leftAt, 0))
  if alone == 0 or type(level) == 'string' then return 0, false end
  return math.max(math.ceil((level - alone) / p), 0), true
end

-- With the first report that is believed a count begins.
local function believe()
  if since then
    record.synced = sent
  else
    record.since, record.sent, record.synced = now, 0, 0
  end
  -- The other side knows what its requests have cost: what was estimated before gives nothing back on top of that.
  record.reserved = nil
  moved = true
end

local function setLevel()
  local level = levelAt(record, n, p, now)
  -- With what is held it has to stay below 2^53 too. Where that alone does not, under another scale, nothing can be noted.
  local most = math.floor(MAX / p) - heldIn(record)
  if most < 0 then return end
  local later, isNewest = answered(level)
  local wanted = math.min(math.max(missing + later, 0), most) * p
  if isNewest then believe() end
  local isPromised = record and record.last and record.last > now
  local mayLower = isNewest and lowers and not isPromised
  if wanted == level or not mayLower and (type(level) == 'string' or wanted < level) then return end
  record = record or {}
  record.level, record.at, record.n, record.p, record.reserved = wanted, now, n, p, nil
  moved = true
end

if missing then setLevel() end
if block > 0 then
  record = record or { level = 0, at = now, n = n, p = p }
  record.blocked = math.max(record.blocked or 0, block > MAX - now and MAX or now + block)
  moved = true
end
if not record then
  -- It may still be there, and would count again if the clock stepped back.
  redis.call('DEL', key)
elseif moved then
  record = keep(key, record, now)
end
local reply = { now, told(levelAt(record, n, p, now)) }
tellMore(reply, record, n, p, now)
return reply
