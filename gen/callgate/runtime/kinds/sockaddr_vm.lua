-- An address of a virtual machine: S.t.sockaddr_vm "vsock:2:1234", S.t.sockaddr_vm(cid, port),
-- { cid = "host", port = 80 }.

local ANY = 4294967295 -- linux/vm_sockets.h: VMADDR_CID_ANY, VMADDR_PORT_ANY

return require("callgate.kinds.address_family").kind {
  family = 40,
  family_field = "svm_family",
  prefix = "vsock",
  like = "vsock:2:1234",
  parts = {
    { name = "cid", field = "svm_cid", default = ANY, names = { any = ANY, hypervisor = 0, ["local"] = 1, host = 2 } },
    { name = "port", field = "svm_port", default = ANY, names = { any = ANY } },
  },
  aliases = { flags = "svm_flags" },
}
