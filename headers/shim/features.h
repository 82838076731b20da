/* Nothing here: the kernel headers' own types and headers/prelude.h serve instead. */
