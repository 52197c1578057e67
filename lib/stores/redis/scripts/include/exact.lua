-- Exact integers. Redis scripts have doubles only: every integer below 2^53 is exact, a larger one is kept as text.

local MAX = 9007199254740991

-- Text of an integer. tostring() and .. keep 14 digits, and some servers render multiples of 1e8 in exponent form.
local function text(x)
  return string.format('%.0f', x)
end

-- The three limbs of a safe integer in base 10^6, lowest first.
local function limbs(x)
  local high = math.floor(x / 1e12)
  local rest = x - high * 1e12
  local middle = math.floor(rest / 1e6)
  return { rest - middle * 1e6, middle, high }
end

-- a × b - c × d for safe integers, of which d alone may be negative: a number where the result is below 2^53, its decimal text
-- where it is not, and -1 for any negative result.
local function difference(a, b, c, d)
  local ab, cd = a * b, c * d
  if ab <= MAX and cd <= MAX and ab - cd <= MAX then return math.max(ab - cd, -1) end
  local x, y, z, w = limbs(a), limbs(b), limbs(c), limbs(d)
  local sum = { 0, 0, 0, 0, 0, 0 }
  for i = 1, 3 do
    for j = 1, 3 do
      sum[i + j - 1] = sum[i + j - 1] + x[i] * y[j] - z[i] * w[j]
    end
  end
  local carry = 0
  for k = 1, 6 do
    local value = sum[k] + carry
    carry = math.floor(value / 1e6)
    sum[k] = value - carry * 1e6
  end
  if carry < 0 then return -1 end
  local low = sum[2] * 1e6 + sum[1]
  local fits = sum[3] < 9007 or sum[3] == 9007 and low <= 199254740991
  if fits and sum[4] == 0 and sum[5] == 0 and sum[6] == 0 then return sum[3] * 1e12 + low end
  return string.format('%d%06d%06d%06d%06d%06d', sum[6], sum[5], sum[4], sum[3], sum[2], sum[1])
end
