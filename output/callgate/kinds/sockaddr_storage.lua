-- Room for a socket address of any family.

return { aliases = { family = "ss_family" } }
