-- A segment of shared memory: ds.segsz (bytes), ds.nattch, ds.cpid, ds.atime...

return require "callgate.kinds.ipc_ds"("shm_", "shm_perm", { "atime", "dtime", "ctime" },
  { "segsz", "nattch", "cpid", "lpid" })
