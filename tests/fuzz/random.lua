-- Numbers that a seed decides, the same with every LuaJIT: math.random belongs to what is tested.

local random = {}
random.__index = random

local MODULUS, FACTOR = 2147483647, 16807 -- Park and Miller, CACM 31 (1988): every product is exact

-- A source for case number `case` of the run `seed`.
function random.new(seed, case)
  local state = (seed % 1000003 * 7919 + case * 104729 + 1) % (MODULUS - 1) + 1
  local self = setmetatable({ state = state }, random)
  for _ = 1, 4 do
    self:int(2) -- neighbouring states need a few steps to part
  end
  return self
end

-- A whole number from 1 to `most`.
function random:int(most)
  self.state = self.state * FACTOR % MODULUS
  return math.floor(self.state / MODULUS * most) + 1
end

-- Whether something that happens `percent` of 100 times does.
function random:chance(percent)
  return self:int(100) <= percent
end

-- One item of a list.
function random:pick(list)
  return list[self:int(#list)]
end

return random
