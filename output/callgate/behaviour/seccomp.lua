-- seccomp, and filters of system calls made from a table.

local ffi = require "ffi"
local action_number = require "callgate.kinds.seccomp_action"
local args = require "callgate.args"
local constants = require "callgate.constants"
local descriptors = require "callgate.fd"
local errors = require "callgate.errors"
local flags = require "callgate.flags"
local sys = require "callgate.sys"
local target = require "callgate.target"
local types = require "callgate.types"

local seccomp = {}

-- LuaJIT's names of machines -> linux/audit.h, AUDIT_ARCH_*: what seccomp_data calls them.
local AUDIT = {
  x64 = "X86_64", x86 = "I386", arm = "ARM", arm64 = "AARCH64", ppc = "PPC", ppc64 = "PPC64", ppc64le = "PPC64LE",
  mips = "MIPS", mipsel = "MIPSEL", mips64 = "MIPS64", mips64el = "MIPSEL64", riscv64 = "RISCV64",
  loongarch64 = "LOONGARCH64", s390x = "S390X",
}
local DATA = 0x10000 -- linux/seccomp.h: what is below, SECCOMP_RET_DATA, belongs to the action
local X32 = 0x40000000 -- asm/unistd.h of x86: __X32_SYSCALL_BIT
local NUMBER, ARCH, ARGUMENTS = 0, 4, 16 -- offsets in struct seccomp_data

-- --- what rules are made of ------------------------------------------------------------------------------

local function misuse(label, what)
  return args.misuse("seccomp_filter", 1, label, what)
end

local function expected(what, value, label)
  return args.expected(what, value, "seccomp_filter", 1, label)
end

local function action_of(value, label)
  local number, wrong = action_number(value)
  return number or misuse(label, wrong)
end

-- How many items `row`, which is `what`, has: nothing else but fields of these `names`, and no holes. What is
-- overlooked here is let through.
local function count_of(row, label, what, item, names)
  for key in pairs(row) do
    local is_item = type(key) == "number" and key % 1 == 0 and key >= 1
    if not is_item and not (names and names[key]) then
      local hint = names and require("callgate.suggest").hint(key, names) or ""
      misuse(label, ('unknown field "%s"%s'):format(tostring(key), hint ~= "" and hint or "; expected " .. what))
    end
  end
  return args.count(row, "seccomp_filter", 1, label, item)
end

-- --- instructions ------------------------------------------------------------------------------------------

local wide = ffi.new "int64_t[1]"
local words = ffi.cast("uint32_t *", wide)
local LOW, HIGH = target.big_endian and 1 or 0, target.big_endian and 0 or 1 -- of a 64-bit word, in memory

-- The two words that a register is compared by: a filter's own registers have 32 bits.
local function halves(value, label)
  wide[0] = args.long(value, "seccomp_filter", 1, label)
  return words[LOW], words[HIGH]
end

local function load_at(offset)
  return { "ld, w, abs", offset }
end

-- A jump: `yes` and `no` are "ok" (this condition holds), "next" (the rule does not apply) or nil for the
-- instruction that follows.
local function jump(code, value, yes, no)
  return { ("jmp, %s, k"):format(code), value, yes, no }
end

-- Each operator: given where the halves lie and what they are compared with, the instructions.
local compare = {}

compare["=="] = function(low, high, k_low, k_high)
  return { load_at(high), jump("jeq", k_high, nil, "next"), load_at(low), jump("jeq", k_low, "ok", "next") }
end

compare["~="] = function(low, high, k_low, k_high)
  return { load_at(high), jump("jeq", k_high, nil, "ok"), load_at(low), jump("jeq", k_low, "next", "ok") }
end

local function ordered(last, yes, no)
  return function(low, high, k_low, k_high)
    return {
      load_at(high), jump("jgt", k_high, yes, nil), jump("jeq", k_high, nil, no),
      load_at(low), jump(last, k_low, yes, no),
    }
  end
end

compare[">"] = ordered("jgt", "ok", "next")
compare[">="] = ordered("jge", "ok", "next")
compare["<="] = ordered("jgt", "next", "ok")
compare["<"] = ordered("jge", "next", "ok")

-- { argument, "&", mask, value }: the bits of mask are those of value, by default all set.
compare["&"] = function(low, high, k_low, k_high, v_low, v_high)
  return {
    load_at(high), { "alu, and, k", k_high }, jump("jeq", v_high, nil, "next"),
    load_at(low), { "alu, and, k", k_low }, jump("jeq", v_low, "ok", "next"),
  }
end

local CONDITION = 'a condition { argument, "==", value }'

local function condition(row, label)
  if type(row) ~= "table" then
    return expected(CONDITION, row, label)
  end
  local count = count_of(row, label, CONDITION, "an item of " .. CONDITION)
  local position, operator, value, other = row[1], row[2], row[3], row[4]
  local make = compare[operator]
  if type(position) ~= "number" or position < 1 or position > 6 or position % 1 ~= 0 then
    return expected("an argument's number from 1 to 6", position, label .. "[1]")
  elseif not make then
    return expected('"==", "~=", ">", ">=", "<", "<=" or "&"', operator, label .. "[2]")
  elseif count > (operator == "&" and 4 or 3) then
    return misuse(label, ("%d items; %q takes an argument, itself and %s"):format(count, operator,
      operator == "&" and "one or two values" or "one value"))
  end
  local at = ARGUMENTS + 8 * (position - 1)
  local k_low, k_high = halves(value, label .. "[3]")
  local v_low, v_high = k_low, k_high
  if other ~= nil then
    v_low, v_high = halves(other, label .. "[4]")
  end
  return make(at + 4 * LOW, at + 4 * HIGH, k_low, k_high, v_low, v_high)
end

local FARTHEST = 255 -- linux/filter.h: a jump on a condition has 8 bits, jmp ja 32

-- Appends `rows` to `code`, whose "ok" is the end of them and whose "next" lies `after` instructions further: with
-- `far`, by way of a jump behind them.
local function append(code, rows, after, far)
  local count = #rows
  for i, row in ipairs(rows) do
    local function distance(to)
      return to == "ok" and count - i + (far and 1 or 0) or to == "next" and count - i + (far and 0 or after) or to
    end
    code[#code + 1] = { row[1], row[2], distance(row[3]), distance(row[4]) }
  end
  if far then
    code[#code + 1] = { "jmp, ja", after }
  end
end

-- --- the filter --------------------------------------------------------------------------------------------

local function number_of(name, label)
  local number = target.numbers[name]
  if number == nil and not require("callgate.signatures").known(name) then
    return misuse(label, ("no system call %q%s"):format(name, require("callgate.suggest").hint(name, target.numbers)))
  end
  return number -- nil where this machine lacks it: nothing can call it
end

-- The action of a rule, to which one gets by its conditions.
local function body_of(parts, action)
  local left = 1
  for _, part in ipairs(parts) do
    left = left + #part
  end
  local far = left > FARTHEST
  left = far and left + #parts or left
  local body = {}
  for _, part in ipairs(parts) do
    left = left - #part - (far and 1 or 0)
    append(body, part, left, far)
  end
  body[#body + 1] = action
  return body
end

local RULE = 'a rule { "call, call", action, { argument, "==", value }... }'

-- { "mkdir, mkdirat", "EPERM", { 1, "==", 5 }... }: the conditions must all hold.
local function add_rule(code, rule, label)
  if type(rule) ~= "table" or type(rule[1]) ~= "string" then
    return expected(RULE, rule, label)
  elseif not rule[1]:find "[^,|%s]" then
    return expected("names of system calls", rule[1], label .. "[1]")
  end
  local action, parts = { "ret, k", action_of(rule[2], label .. "[2]") }, {}
  for i = 3, count_of(rule, label, RULE, CONDITION) do
    parts[#parts + 1] = condition(rule[i], ("%s[%d]"):format(label, i))
  end
  local body = body_of(parts, action)
  for name in rule[1]:gmatch "[^,|%s]+" do
    local number = number_of(name, label .. "[1]")
    if number then
      code[#code + 1] = load_at(NUMBER)
      append(code, { jump("jeq", number, "ok", "next") }, #body, #body > FARTHEST)
      for _, row in ipairs(body) do
        code[#code + 1] = row
      end
    end
  end
end

local MOST = constants.get "BPF_MAXINSNS"
local FIELDS = { default = true } -- of the table of rules, beside them

-- The rules as a program. Calls of another machine's table (i386 on x86-64, x32) end the process: their
-- numbers mean something else.
local function program(rules)
  local kill = { "ret, k", flags.group("SECCOMP_RET").kill_process }
  local code = {
    load_at(ARCH), { "jmp, jeq, k", constants.get("AUDIT_ARCH_" .. AUDIT[target.name]), 1, 0 }, kill,
  }
  if target.name == "x64" then
    append(code, { load_at(NUMBER), { "jmp, jge, k", X32, 0, 1 }, kill }, 0)
  end
  for i = 1, count_of(rules, "rules", "default and rules", RULE, FIELDS) do
    add_rule(code, rules[i], ("rules[%d]"):format(i))
  end
  code[#code + 1] = { "ret, k", action_of(rules.default == nil and "allow" or rules.default, "default") }
  if #code > MOST then
    return misuse("rules", ("they make %d instructions; the kernel takes %d"):format(#code, MOST))
  end
  return types.t.sock_fprog(code)
end

-- S.seccomp_filter { default = "allow", { "mkdir, mkdirat", "EPERM" } } -> a sock_fprog
function seccomp.seccomp_filter()
  return function(rules)
    if type(rules) ~= "table" then
      return expected("a table of rules", rules, "rules")
    end
    return program(rules)
  end
end

-- --- the call ----------------------------------------------------------------------------------------------

-- Whether a table is rules, and no instructions: it has a default, or begins with something else than the code of an
-- instruction.
local function is_rules(filter)
  if type(filter) ~= "table" or filter.filter ~= nil or filter.len ~= nil then
    return false
  end
  local first = filter[1]
  local name = type(first) == "table" and first[1]
  local word = type(name) == "string" and name:match "[^,|%s]+"
  if word and not require("callgate.signatures").known(word) then
    return type(first[2]) == "string" and flags.lookup(flags.group "BPF", word) == nil
  end
  for key in pairs(filter) do
    if type(key) == "string" then
      return true
    end
  end
  return word or first == nil -- no rules: every call is allowed
end

local operations = {}

-- Raises where the caller gives what the operation does not look at.
local function alone(value, position, label)
  if value ~= nil and value ~= 0 then
    return args.expected("nil: the operation takes none", value, "seccomp", position, label)
  end
end

function operations.set_mode_strict(raw, number, options, filter)
  alone(options, 2, "flags")
  alone(filter, 3, "filter")
  return raw(number, 0, nil)
end

function operations.set_mode_filter(raw, number, options, filter)
  local option_bits = args.flags(options, "seccomp", 2, "flags", flags.group "SECCOMP_FILTER_FLAG")
  filter = is_rules(filter) and program(filter) or filter
  filter = args.record(filter, "seccomp", 3, "filter", types.t.sock_fprog)
  local result = raw(number, option_bits, filter)
  local listener = flags.group("SECCOMP_FILTER_FLAG").new_listener
  if result > 0 and listener and math.floor(tonumber(option_bits) / listener) % 2 == 1 then
    return 0, descriptors.type(result)
  end
  return result, result ~= 0 and result or nil -- a thread that could not be synchronised
end

function operations.get_action_avail(raw, number, options, action)
  alone(options, 2, "flags")
  local bare = type(action) == "string" and action:lower():match "^%s*errno%s*$" -- no number is wanted of it here
  local kind = action_number(bare and "errno 0" or action)
  if not kind then
    return args.expected('an action such as "allow", "errno", "kill_process"', action, "seccomp", 3, "filter")
  end
  return raw(number, 0, ffi.new("uint32_t[1]", kind - kind % DATA))
end

function operations.get_notif_sizes(raw, number, options, filter)
  alone(options, 2, "flags")
  alone(filter, 3, "filter")
  local sizes = types.t.seccomp_notif_sizes()
  return raw(number, 0, sizes), sizes
end

-- S.seccomp("set_mode_filter", "log", { { "mkdirat", "EPERM" } }), or with what S.seccomp_filter has made
function seccomp.seccomp()
  local raw = sys.seccomp
  local group = flags.group "SECCOMP"
  local by_number = {}
  for name, perform in pairs(operations) do
    if group[name] then
      by_number[group[name]] = perform
    end
  end
  return function(operation, options, filter)
    operation = args.choice(operation, "seccomp", 1, "operation", group)
    local perform = by_number[operation]
    if not perform then
      return args.expected("an operation of seccomp", operation, "seccomp", 1, "operation")
    end
    local result, value = perform(raw, operation, options, filter)
    if result == -1 then
      return errors.fail()
    end
    return value or true
  end
end

return seccomp
