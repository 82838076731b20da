-- A queue of messages: ds.qnum (messages), ds.cbytes (bytes), ds.qbytes (at most), ds.lspid, ds.stime...

return require "callgate.kinds.ipc_ds"("msg_", "msg_perm", { "stime", "rtime", "ctime" },
  { "cbytes", "qnum", "qbytes", "lspid", "lrpid" }, { "qbytes" })
