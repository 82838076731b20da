-- What a counter counts: S.t.perf_event_attr "page_faults", { "cpu_cycles", exclude_kernel = true },
-- { type = "hw_cache", config = "l1d, read, miss" }, { type = "raw", config = 0x1c2, read_format = "id" }. The
-- bit-fields disabled, inherit, exclude_user... take true and false.

local ffi = require "ffi"
local whole = require "callgate.whole"

local flags -- loaded when a name is first used

local GROUPS = {
  type = "PERF_TYPE", sample_type = "PERF_SAMPLE", read_format = "PERF_FORMAT",
  branch_sample_type = "PERF_SAMPLE_BRANCH",
}

-- "l1d, read, miss": of which cache, what is done to it, and how that ends; "read" and "access" by default.
local function cache(text)
  local c, words = flags.c, {}
  for word in text:gmatch "[^,|%s]+" do
    words[#words + 1] = word
  end
  return c.PERF_COUNT_HW_CACHE(words[1] or "") + c.PERF_COUNT_HW_CACHE_OP(words[2] or "read") * 2 ^ 8
    + c.PERF_COUNT_HW_CACHE_RESULT(words[3] or "access") * 2 ^ 16
end

local function config_of(kind, value)
  local c = flags.c
  if type(value) ~= "string" then
    return whole(value, 64, false, "config")
  elseif kind == c.PERF_TYPE.SOFTWARE then
    return c.PERF_COUNT_SW(value)
  elseif kind == c.PERF_TYPE.HARDWARE then
    return c.PERF_COUNT_HW(value)
  elseif kind == c.PERF_TYPE.HW_CACHE then
    return cache(value)
  end
  error(('config: expected a number for events of type %s, got "%s"'):format(tostring(kind), value), 0)
end

-- The type and the configuration of an event by its name alone.
local function event(name)
  local c = flags.c
  if type(name) ~= "string" then
    error("expected an event's name, got " .. require("callgate.errors").got(name), 0)
  elseif name:find "," then
    return c.PERF_TYPE.HW_CACHE, cache(name)
  elseif c.PERF_COUNT_HW[name] then
    return c.PERF_TYPE.HARDWARE, c.PERF_COUNT_HW[name]
  end
  return c.PERF_TYPE.SOFTWARE, c.PERF_COUNT_SW(name)
end

return {
  new = function(ctype, row)
    if type(row) == "string" then
      row = { row }
    elseif type(row) ~= "table" then
      return nil
    end
    flags = require "callgate.flags"
    local self = ffi.new(ctype)
    self.size = row.size and whole(row.size, 32, false, "size") or ffi.sizeof(ctype)
    if row[1] ~= nil then
      self.type, self.config = event(row[1])
    end
    for name, group in pairs(GROUPS) do
      if row[name] ~= nil then
        self[name] = flags.c[group](row[name])
      end
    end
    if row.config ~= nil then
      self.config = config_of(self.type, row.config)
    end
    if row.clockid ~= nil then
      self.clockid = flags.c.CLOCK(row.clockid)
    end
    return self
  end,
  takes = {
    size = true, type = true, config = true, sample_type = true, read_format = true, branch_sample_type = true,
    clockid = true,
  },
}
