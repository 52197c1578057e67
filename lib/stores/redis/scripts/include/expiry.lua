-- When a key expires, in microseconds, worked out from nothing but what its record says: the time at which it was written, and
-- that from which on it says no more than absence does. So whoever reads a record knows the expiry that its key has, and need not
-- set it where it stays. For that it lies on a grid, behind that end by up to an eighth of the time between the two, or by up to a
-- second. A grid is a power of two, and so remainders are exact.

local function expiryOf(at, ends)
  local grid, time = 1048576, ends - at
  if time >= 16777216 then
    local _, exponent = math.frexp(time)
    grid = 2 ^ (exponent - 4)
  end
  return ends + -ends % grid
end
