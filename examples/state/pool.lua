-- A pool of workers: Lua states in threads of their own, which get tables and give tables back.
--
--   luajit examples/state/pool.lua [WORKERS [TASKS]]     by default 4 workers and 40 tasks
--
-- As a module: `local pool = require "pool"`, then
--
--   local p = assert(pool.new(4, source))   source: a chunk that returns a function of one table
--   local results = assert(p:map(tasks))    in the order of the tasks; or nil, message
--   p:close()
--
-- The example's workers count primes.

local S = require "callgate"
local state = require "callgate.state"

local pool = {}
pool.__index = pool

-- What a worker does: a task comes in by each resume, its result goes out by the next yield.
local LOOP = [[
local source = ...
local work = assert(loadstring(source, "=work"))()
return function(task)
  while true do
    task = coroutine.yield(work(task))
  end
end
]]

function pool.new(count, source)
  if type(count) ~= "number" or count < 1 or count % 1 ~= 0 then -- map would wait for ever for one that is free
    error("pool.new: expected a whole number of workers from 1 on, got " .. tostring(count), 2)
  end
  local self = setmetatable({ workers = {} }, pool)
  for i = 1, count do
    local st, message = state.create(nil, { desc = "worker " .. i })
    local ok = st
    if ok then
      ok, message = st:script(LOOP, "=worker", source)
    end
    if not ok then
      return nil, message
    end
    self.workers[i] = { st = st, done = 0 }
  end
  return self
end

-- Every task done by whichever worker is free. When one fails the rest is not begun.
function pool:map(tasks)
  local results, given, running = {}, 0, 0
  local failure
  repeat
    for _, worker in ipairs(self.workers) do
      if not worker.job and given < #tasks and not failure then
        local job, message = worker.st:thread(tasks[given + 1])
        if job then
          given, running = given + 1, running + 1
          worker.job, worker.task = job, given
        else
          failure = message
        end
      elseif worker.job then
        local result, message, errno = worker.job:join(0.001)
        if result ~= nil or errno ~= S.ETIMEDOUT then
          results[worker.task], worker.job, running = result, nil, running - 1
          worker.done = worker.done + 1
          failure = failure or result == nil and message or nil
        end
      end
    end
  until running == 0 and (given == #tasks or failure)
  if failure then
    return nil, failure
  end
  return results
end

function pool:close()
  for _, worker in ipairs(self.workers) do
    worker.st:close()
  end
end

if ... == "pool" then
  return pool
end

local PRIMES = [[
return function(task)
  local count, largest = 0, nil
  for n = task.first, task.last do
    local prime = n > 1
    for d = 2, math.sqrt(n) do
      if n % d == 0 then
        prime = false
        break
      end
    end
    if prime then
      count, largest = count + 1, n
    end
  end
  return { first = task.first, count = count, largest = largest }
end
]]

local USAGE = "usage: pool.lua [WORKERS [TASKS]]"

local function whole(position, label, default, most)
  local number = arg[position] == nil and default or tonumber(arg[position])
  if not number or number < 1 or number > most or number % 1 ~= 0 then
    local message = "%s: expected a whole number from 1 to %d, got %q\n%s\n"
    io.stderr:write(message:format(label, most, arg[position], USAGE))
    os.exit(2)
  end
  return number
end

local WORKERS, TASKS, SIZE = whole(1, "WORKERS", 4, 256), whole(2, "TASKS", 40, 10000), 25000
local tasks = {}
for i = 1, TASKS do
  tasks[i] = { first = (i - 1) * SIZE, last = i * SIZE - 1 }
end

local p = assert(pool.new(WORKERS, PRIMES))
local results = assert(p:map(tasks))
local count, largest = 0, 0
for i, result in ipairs(results) do
  assert(result.first == tasks[i].first)
  count, largest = count + result.count, math.max(largest, result.largest or 0)
end
print(("%d primes below %d, the largest %d"):format(count, TASKS * SIZE, largest))
local done = {}
for i, worker in ipairs(p.workers) do
  done[i] = worker.done
end
print(("%d workers, %d tasks: %s"):format(WORKERS, TASKS, table.concat(done, " + ")))
print("a task that fails: " .. select(2, p:map { { first = "a" } }))
p:close()
