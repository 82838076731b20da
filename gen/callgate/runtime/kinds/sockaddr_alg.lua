-- An algorithm of the kernel's: S.t.sockaddr_alg("hash", "sha256"), { type = "skcipher", name = "cbc(aes)" };
-- "alg:hash:sha256".

return require("callgate.kinds.address_family").kind {
  family = 38,
  family_field = "salg_family",
  prefix = "alg",
  like = "alg:hash:sha256",
  parts = {
    { name = "type", field = "salg_type", form = "text", default = "" },
    { name = "name", field = "salg_name", form = "text", default = "" },
  },
  aliases = { feat = "salg_feat", mask = "salg_mask" },
}
