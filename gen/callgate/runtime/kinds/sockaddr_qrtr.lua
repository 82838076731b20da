-- A service of a Qualcomm processor: S.t.sockaddr_qrtr(node, port); "qrtr:1:7".

return require("callgate.kinds.address_family").kind {
  family = 42,
  family_field = "sq_family",
  prefix = "qrtr",
  like = "qrtr:1:7",
  parts = {
    { name = "node", field = "sq_node", default = 0, names = { any = 4294967295 } }, -- linux/qrtr.h: QRTR_NODE_BCAST
    { name = "port", field = "sq_port", default = 0 },
  },
}
