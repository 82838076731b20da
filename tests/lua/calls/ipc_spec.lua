local t = ...

local ffi = require "ffi"
local S = require "callgate"

local private = 0

-- Removes what `ctl` controls when the test is over, however it ends.
local function with(id, remove, body)
  t.ok(id)
  local ok, message = pcall(body, id)
  remove(id)
  if not ok then
    error(message, 0)
  end
end

local function with_set(count, body)
  with(S.semget("private", count, "creat, excl"), function(id) S.semctl(id, 0, "rmid") end, body)
end

local function with_segment(size, body)
  with(S.shmget("private", size, "creat"), function(id) S.shmctl(id, "rmid") end, body)
end

local function with_queue(body)
  with(S.msgget("private", "creat", "0600"), function(id) S.msgctl(id, "rmid") end, body)
end

local function waited(pid)
  return select(2, t.ok(S.waitpid(pid)))
end

t.describe("System V semaphores", function()
  t.it("are set and read one by one and all at once", function()
    with_set(3, function(id)
      t.equal(S.semctl(id, 1, "setval", 7), true)
      t.equal(S.semctl(id, 1, "getval"), 7)
      t.same(S.semctl(id, 0, "getall"), { 0, 7, 0 })
      t.equal(S.semctl(id, 0, "setall", ffi.new("uint16_t[3]", 4, 5, 6)), true)
      t.same(S.semctl(id, 0, "getall"), { 4, 5, 6 })
      t.raises("semctl: argument 4 (argument): expected values from 0 to 32767, got 65541", S.semctl, id, 0,
        "setall", { 1, 2, 65541 })
      t.raises("semctl: argument 4 (argument): 4 bytes are too few: the kernel takes them for 6", S.semctl, id, 0,
        "setall", ffi.new "uint16_t[2]")
      t.equal(S.semctl(id, 0, "setall", { 1, 2, 32767 }), true)
      t.same(S.semctl(id, 0, "GETALL"), { 1, 2, 32767 })
      t.equal(S.semctl(id, 2, "setval", 0), true)
      t.equal(S.semctl(id, 2, "getval"), 0)
      t.fails("ERANGE", S.semctl(id, 0, "setval", 32768))
      t.fails("EINVAL", S.semctl(id, 3, "getval"))
      t.raises("semctl: argument 4 (argument): 2 values for a set of 3", S.semctl, id, 0, "setall", { 1, 2 })
      t.raises('semctl: argument 3 (operation): unknown name "setvl"; did you mean "setval"?', S.semctl, id, 0,
        "setvl", 1)
    end)
  end)

  t.it("tell and change who may use them", function()
    with_set(2, function(id)
      local ds = t.ok(S.semctl(id, 0, "stat"))
      t.equal(ds.nsems, 2)
      t.equal(ds.mode, tonumber("600", 8))
      t.equal(ds.uid, S.geteuid())
      t.equal(ds.otime, 0)
      t.ok(math.abs(ds.ctime - os.time()) <= 5)
      t.equal(S.semctl(id, 0, "set", { mode = "0640", gid = 5 }), true)
      ds = t.ok(S.semctl(id, 0, "ipc_stat"))
      t.equal(ds.mode, tonumber("640", 8))
      t.equal(ds.gid, 5)
      t.equal(ds.uid, S.geteuid())
      local highest, info = t.ok(S.semctl(0, 0, "info"))
      t.ok(highest.semmsl > 0 and info == nil)
      t.ok(t.ok(S.semctl(0, 0, "sem_info")).semusz >= 1)
    end)
  end)

  t.it("wait for one another, all operations or none", function()
    with_set(2, function(id)
      t.equal(S.semop(id, { { 0, 2 }, { 1, 1 } }), true)
      t.fails("EAGAIN", S.semop(id, { { 0, -1 }, { 1, -2, "nowait" } }))
      t.same(S.semctl(id, 0, "getall"), { 2, 1 })
      t.equal(S.semop(id, { { num = 0, op = -2, flg = "nowait, undo" } }), true)
      t.equal(S.semctl(id, 0, "getpid"), S.getpid())
      t.fails("EAGAIN", S.semtimedop(id, { { 0, -1 } }, 0.01))
      t.equal(S.semtimedop(id, { { 0, 0 } }, 1), true)
      local array = S.t.array("sembuf", { { 1, -1 } })
      t.equal(S.semop(id, array, 1), true)
      t.equal(S.semctl(id, 1, "getval"), 0)
      t.fails("EFBIG", S.semop(id, { { 9, 1 } }))
      t.raises("semop: argument 2 (operations[1]): expected a row { number, change, flags }, got 0", S.semop, id,
        { 0, 1 })
      t.raises("semop: argument 2 (operations): expected a table of rows { number, change, flags }, got 5", S.semop, id,
        5)
      t.raises('semop: argument 2 (operations[1]): unknown name "unod" for SEM_*; did you mean "undo"?', S.semop, id,
        { { 0, 1, "unod" } })
      t.matches(select(2, pcall(S.semop, id, array, 2)), "argument 3 %(count%): 12 bytes, but the buffer has 6")
    end)
  end)

  t.it("wake another process", function()
    with_set(2, function(id)
      local pid = t.ok(S.fork())
      if pid == 0 then
        local ok = S.semtimedop(id, { { 0, -1 } }, 5) and S.semop(id, { { 1, 1 } })
        S._exit(ok and 0 or 1)
      end
      for _ = 1, 500 do
        if S.semctl(id, 0, "getncnt") == 1 then
          break
        end
        S.nanosleep(0.01)
      end
      t.equal(S.semctl(id, 0, "getncnt"), 1)
      t.equal(S.semctl(id, 0, "getzcnt"), 0)
      t.equal(S.semop(id, { { 0, 1 } }), true)
      t.equal(S.semtimedop(id, { { 1, -1 } }, 5), true)
      t.equal(waited(pid).exitstatus, 0)
    end)
  end)

  t.it("have keys made of files", function()
    local path = t.write("key", "")
    local key = t.ok(S.ftok(path, 65))
    t.equal(math.floor(key / 16777216), 65)
    t.fails("ENOENT", S.ftok(t.path "none", 65))
    t.fails("ENOENT", S.semget(key, 1))
    with(S.semget(key, 1, "creat, excl"), function(id) S.semctl(id, 0, "rmid") end, function(id)
      t.equal(S.semget(key, 1), id)
      t.fails("EEXIST", S.semget(key, 1, "creat|excl"))
      t.equal(S.semctl(id, 0, "stat").key, key)
    end)
    t.fails("EINVAL", S.semget(private, -1, "creat"))
    t.raises('semget: argument 1 (key): unknown name "privat" for IPC_*; did you mean "private"?', S.semget,
      "privat", 1)
  end)
end)

t.describe("System V shared memory", function()
  t.it("is a region that detaches itself", function()
    with_segment(5000, function(id)
      local region = t.ok(S.shmat(id))
      t.equal(#region, 5000)
      t.equal(S.shmctl(id, "stat").nattch, 1)
      region:write("shared", 4000)
      local again = t.ok(S.shmat(id, nil, "rdonly"))
      t.equal(again:string(4000, 6), "shared")
      t.equal(S.shmctl(id, "stat").nattch, 2)
      t.equal(again:unmap(), true)
      t.equal(S.shmctl(id, "stat").nattch, 1)
      t.equal(S.shmdt(region), true)
      t.equal(S.shmctl(id, "stat").nattch, 0)
      t.equal(tostring(region), "unmapped region")
      t.raises("shmdt: argument 1 (addr): it is unmapped", S.shmdt, region)
      local address = t.ok(S.shmat(id)):nogc().addr
      t.equal(S.shmdt(address), true)
      t.fails("EINVAL", S.shmdt(address))
    end)
  end)

  t.it("is seen by another process, and lives until it is removed", function()
    with_segment(4096, function(id)
      local region = t.ok(S.shmat(id))
      local pid = t.ok(S.fork())
      if pid == 0 then
        region:write "child"
        S._exit(0)
      end
      t.equal(waited(pid).exitstatus, 0)
      t.equal(region:string(0, 5), "child")
      t.equal(S.shmctl(id, "stat").lpid, pid)
      t.equal(S.shmctl(id, "rmid"), true)
      t.equal(region:string(0, 5), "child")
      region:unmap()
      t.fails("EINVAL", S.shmctl(id, "stat"))
    end)
  end)

  t.it("is described, locked and owned", function()
    with_segment(4096, function(id)
      local ds = t.ok(S.shmctl(id, "stat"))
      t.equal(ds.segsz, 4096)
      t.equal(ds.cpid, S.getpid())
      t.equal(S.shmctl(id, "set", { mode = 292 }), true)
      t.raises('shmctl: argument 3 (argument): shmid_ds has no field "mod"; did you mean "mode"?', S.shmctl, id, "set",
        { mod = 292 })
      t.equal(S.shmctl(id, "stat").mode, 292)
      t.ok(t.ok(S.shmctl(0, "info")).shmmni > 0)
      t.ok(t.ok(S.shmctl(0, "shm_info")).used_ids >= 1)
      t.equal(S.shmctl(id, "lock"), true)
      t.equal(S.shmctl(id, "unlock"), true)
      t.fails("EINVAL", S.shmget("private", 0, "creat"))
      t.raises('shmat: argument 3 (flags): unknown name "rdolny" for SHM_*; did you mean "rdonly"?', S.shmat, id,
        nil, "rdolny")
    end)
  end)

  t.it("is found by its place in the kernel's table", function()
    with_segment(4096, function(id)
      local found
      for index = 0, t.ok(S.shmctl(0, "info")).shmmni > 0 and 4095 do
        local number, ds = S.shmctl(index, "shm_stat_any")
        if not number then -- Linux 4.17, and nothing that qemu-user knows
          number, ds = S.shmctl(index, "shm_stat")
        end
        if number == id then
          found = ds
          break
        end
      end
      t.equal(found and found.segsz, 4096)
    end)
  end)
end)

t.describe("System V messages", function()
  t.it("are strings with a type, received in order or by type", function()
    with_queue(function(id)
      t.equal(S.msgsnd(id, "one"), true)
      t.equal(S.msgsnd(id, "three", 3), true)
      t.equal(S.msgsnd(id, "t\0o", 2, "nowait"), true)
      t.equal(S.msgsnd(id, "", 4), true)
      local text, kind = S.msgrcv(id, 100, 2)
      t.equal(text, "t\0o")
      t.equal(kind, 2)
      text, kind = S.msgrcv(id, 100)
      t.equal(text .. kind, "one1")
      t.fails("E2BIG", S.msgrcv(id, 2, 3))
      t.equal(S.msgrcv(id, 2, 3, "noerror"), "th")
      local buffer = ffi.new "char[8]"
      t.equal(S.msgrcv(id, buffer, -4), 0)
      t.fails("ENOMSG", S.msgrcv(id, 10, 0, "nowait"))
      t.fails("EINVAL", S.msgsnd(id, "x", 0))
      t.raises("msgsnd: argument 2 (data): expected a string or a buffer, got nil", S.msgsnd, id)
      t.raises("msgrcv: argument 2 (size): expected a size >= 0, got -1", S.msgrcv, id, -1)
    end)
  end)

  t.it("are described and limited by their queue", function()
    with_queue(function(id)
      t.ok(S.msgsnd(id, "12345"))
      local ds = t.ok(S.msgctl(id, "stat"))
      t.equal(ds.qnum, 1)
      t.equal(ds.cbytes, 5)
      t.equal(ds.lspid, S.getpid())
      t.ok(math.abs(ds.stime - os.time()) <= 5)
      t.equal(ds.mode, tonumber("600", 8))
      t.equal(S.msgctl(id, "set", { qbytes = 8 }), true)
      t.equal(S.msgctl(id, "stat").qbytes, 8)
      t.fails("EAGAIN", S.msgsnd(id, "12345", 1, "nowait"))
      t.ok(t.ok(S.msgctl(0, "info")).msgmni > 0)
      t.ok(t.ok(S.msgctl(0, "msg_info")).msgpool >= 1)
      t.equal(S.msgctl(id, "rmid"), true)
      t.fails("EINVAL", S.msgsnd(id, "x"))
    end)
  end)

  t.it("pass between processes", function()
    with_queue(function(id)
      local pid = t.ok(S.fork())
      if pid == 0 then
        local text = S.msgrcv(id, 100, 1)
        S._exit(text and S.msgsnd(id, text:upper(), 2) and 0 or 1)
      end
      t.equal(S.msgsnd(id, "ping"), true)
      t.equal(S.msgrcv(id, 100, 2), "PING")
      t.equal(waited(pid).exitstatus, 0)
    end)
  end)
end)
