-- An instruction of a program for bpf: S.t.bpf_insn { "mov64", dst = 0, imm = 1 }. Names:
--   add64 sub64 mul64 div64 or64 and64 lsh64 rsh64 neg64 mod64 xor64 mov64 arsh64, and with 32: dst, and src or imm
--   be16 be32 be64 le16 le32 le64 bswap16 bswap32 bswap64     dst
--   ja; jeq jgt jge jset jne jsgt jsge jlt jle jslt jsle, and with 32: dst, src or imm, off
--   ldx_b ldx_h ldx_w ldx_dw, sign-extending ldxs_b ldxs_h ldxs_w: dst, src, off; stx_b... dst, src, off
--   st_b st_h st_w st_dw: dst, off, imm; atomic_w atomic_dw: dst, src, off, imm = "add, fetch"
--   ld_abs_b ld_abs_h ld_abs_w: imm; ld_ind_b...: src, imm; call: imm = "ktime_get_ns" or a number; exit
--   ld_imm64: dst, imm of 64 bits; ld_map_fd: dst, imm = map; ld_map_value: dst, imm = map, next = offset
-- "_imm" or "_reg" may stand after a name that takes either. A register is a number or "r1". The last line's are two
-- instructions each, which a table of them makes (S.bpf("prog_load", { insns = { ... } })).

local ffi = require "ffi"
local bit = require "bit"

local ALU = { "add", "sub", "mul", "div", "or", "and", "lsh", "rsh", "neg", "mod", "xor", "mov", "arsh" }
local JUMPS = { "jeq", "jgt", "jge", "jset", "jne", "jsgt", "jsge", "jlt", "jle", "jslt", "jsle" }
local SIZES = { "b", "h", "w", "dw" }
local ATOMIC = { "add", "or", "and", "xor", "fetch", "xchg", "cmpxchg" }
for _, name in ipairs(ATOMIC) do
  ATOMIC[name] = true
end
local WIDE = { ld_imm64 = false, ld_map_fd = "BPF_PSEUDO_MAP_FD", ld_map_value = "BPF_PSEUDO_MAP_VALUE" }

local MEMBERS = { dst = "dst_reg", src = "src_reg" }
local TARGETLESS = { ja = true, call = true, exit = true } -- without a register that they change
for _, size in ipairs(SIZES) do
  TARGETLESS["ld_abs_" .. size], TARGETLESS["ld_ind_" .. size] = true, true
end

local codes, names -- name -> code; code -> name

local function code(...)
  local get, value = require("callgate.constants").get, 0
  for word in table.concat({ ... }, " "):gmatch "%S+" do
    value = value + get("BPF_" .. word:upper())
  end
  return value
end

local function load_names()
  codes, names = {}, {}
  local function add(name, value)
    codes[name], names[value] = value, names[value] or name
  end
  for _, form in ipairs { { "_imm", "k" }, { "_reg", "x" } } do
    for width, class in pairs { ["64"] = "alu64", ["32"] = "alu" } do
      for _, name in ipairs(ALU) do
        add(name .. width .. form[1], code(class, name, form[2]))
      end
    end
    for width, class in pairs { [""] = "jmp", ["32"] = "jmp32" } do
      for _, name in ipairs(JUMPS) do
        add(name .. width .. form[1], code(class, name, form[2]))
      end
    end
  end
  for _, size in ipairs(SIZES) do
    add("ldx_" .. size, code("ldx mem", size))
    add("ldxs_" .. size, code("ldx memsx", size))
    add("st_" .. size, code("st mem", size))
    add("stx_" .. size, code("stx mem", size))
    add("atomic_" .. size, code("stx atomic", size))
    add("ld_abs_" .. size, code("ld abs", size))
    add("ld_ind_" .. size, code("ld ind", size))
  end
  for _, width in ipairs { "16", "32", "64" } do
    add("le" .. width, code "alu end to_le")
    add("be" .. width, code "alu end to_be")
    add("bswap" .. width, code "alu64 end to_le")
  end
  add("ja", code "jmp ja")
  add("call", code "jmp call")
  add("exit", code "jmp exit")
  for name in pairs(WIDE) do
    add(name, code "ld imm dw")
  end
  names[code "ld imm dw"] = "ld_imm64"
end

-- A whole number from `least` to `most`, or an error: cut down it would be another instruction.
local function ranged(value, least, most, field)
  local number = value
  if type(value) == "cdata" then
    number = require("callgate.memory").number(value)
  end
  if type(number) ~= "number" or number % 1 ~= 0 or number < least or number > most then
    error(("%s: expected a whole number from %d to %d, got %s"):format(field, least, most,
      require("callgate.errors").got(value)), 0)
  end
  return number
end

local function code_of(row)
  local name = row[1]
  if name == nil then
    name = row.code
  end
  if type(name) ~= "string" then
    return name == nil and 0 or ranged(name, 0, 255, "code")
  elseif not codes then
    load_names()
  end
  name = name:lower()
  local found = codes[name] or codes[name .. (row.src == nil and "_imm" or "_reg")]
  if not found then
    local known = {}
    for item in pairs(codes) do
      known[#known + 1] = item
      known[#known + 1] = item:match "^(.*)_imm$" -- what is written for either form
    end
    table.sort(known)
    error(("unknown instruction %q%s"):format(name, require("callgate.suggest").hint(name, known)), 0)
  end
  return found, name
end

local function register(value, name)
  local number = type(value) == "string" and tonumber(value:match "^r(%d+)$") or value
  if type(number) ~= "number" or number < 0 or number > 10 or number % 1 ~= 0 then
    error(("%s: expected a register from 0 to 10, got %s"):format(name, require("callgate.errors").got(value)), 0)
  end
  return number
end

-- What an atomic instruction does: "add, fetch".
local function atomic(text)
  local sum = 0LL
  for word in text:lower():gsub("bpf_", ""):gmatch "[^,|%s]+" do
    if not ATOMIC[word] then
      error(("imm: unknown name %q; there are %s"):format(word, table.concat(ATOMIC, ", ")), 0)
    end
    sum = sum + code(word)
  end
  return sum
end

-- What stands for a number: of 64 bits.
local function immediate(value, name)
  if type(value) == "string" and name == "call" then
    return require("callgate.flags").c.BPF_FUNC(value) + 0LL
  elseif type(value) == "string" and name and name:find "^atomic" then
    return atomic(value)
  end
  local args = require "callgate.args"
  local convert = require("callgate.fd").number(value) and args.fd or args.long
  return ffi.cast("int64_t", convert(value, "bpf_insn", 1, "imm"))
end

local function low(value)
  return bit.tobit(tonumber(bit.rshift(bit.lshift(ffi.cast("uint64_t", value), 32), 32)))
end

-- What goes into imm: of what two instructions hold together the lower half.
local function imm_of(row, name)
  local value = immediate(row.imm, name)
  if not (name and WIDE[name] ~= nil) and (value < -0x80000000LL or value > 0xffffffffLL) then
    error(("imm: expected a number of 32 bits, got %s"):format(require("callgate.errors").got(row.imm)), 0)
  end
  return low(value)
end

local function made(ctype, row)
  local self = ffi.new(ctype)
  local name
  for key in pairs(row) do
    if type(key) ~= "string" and key ~= 1 then
      error(("unknown operand %s; they have names: dst, src, off and imm"):format(tostring(key)), 0)
    end
  end
  self.code, name = code_of(row)
  for short, member in pairs(MEMBERS) do
    local value = row[short]
    if value == nil then
      value = row[member]
    end
    if value ~= nil then
      self[member] = register(value, short)
    end
  end
  if row.src == nil and row.src_reg == nil and name and WIDE[name] then
    self.src_reg = require("callgate.constants").get(WIDE[name])
  end
  local width = name and name:match "^%a+(%d%d)$"
  if row.imm ~= nil then
    self.imm = imm_of(row, name)
  elseif width and (name:find "^[bl]e" or name:find "^bswap") then
    self.imm = tonumber(width)
  end
  if row.off ~= nil then
    self.off = ranged(row.off, -32768, 32767, "off")
  end
  return self, name
end

return {
  new = function(ctype, row)
    if type(row) ~= "table" then
      return nil
    end
    return (made(ctype, row))
  end,
  takes = { code = true, dst = true, src = true, off = true, imm = true, next = true },
  aliases = MEMBERS,
  -- The items of a table, with the second half of each instruction that has two.
  expand = function(items, ctype)
    local out = {}
    for i = 1, require("callgate.args").count(items, "bpf", 2, "insns", "an instruction") do
      local row = items[i]
      out[#out + 1] = row
      local name = type(row) == "table" and type(row[1]) == "string" and row[1]:lower()
      if name and WIDE[name] ~= nil then
        local second = ffi.new(ctype)
        if WIDE[name] then
          second.imm = bit.tobit(row.next == nil and 0 or ranged(row.next, 0, 2 ^ 32 - 1, "next"))
        else
          second.imm = low(bit.rshift(ffi.cast("uint64_t", immediate(row.imm, name)), 32))
        end
        out[#out + 1] = second
      end
    end
    return out
  end,
  tostring = function(self)
    if not codes then
      load_names()
    end
    local name = names[self.code]
    if name and (name:find "^[bl]e16" or name == "bswap16") then
      name = name:gsub("16", tostring(self.imm))
    end
    local parts = { name and ("%q"):format(name) or tostring(self.code) }
    for _, field in ipairs { "dst", "src", "off", "imm" } do
      local value = self[MEMBERS[field] or field]
      if value ~= 0 or name and (field == "dst" and not TARGETLESS[name] or field == "imm" and name:find "_imm$") then
        parts[#parts + 1] = ("%s = %d"):format(field, value)
      end
    end
    return "bpf_insn { " .. table.concat(parts, ", ") .. " }"
  end,
}
