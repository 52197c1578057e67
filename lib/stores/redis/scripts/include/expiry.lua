-- When a key expires is worked out from nothing but what its record says: the time at which it was written, and that from which on
-- it says no more than absence does. So whoever reads a record knows the expiry that its key has, and need not set it where it
-- stays. It is the first time on a grid that is not before that end: ends + -ends % grid. The grid is a power of two of
-- microseconds, on which remainders are exact: of the time between the two an eighth at most, or a second where that is more.

-- The grid for a time, and the times from which on and below which it is that.
local function gridOf(time)
  if time < 16777216 then return 1048576, 0, 16777216 end
  local _, exponent = math.frexp(time)
  local below = 2 ^ exponent
  return below / 16, below / 2, below
end
