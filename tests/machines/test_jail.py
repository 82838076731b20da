"""The jail's rule for binfmt_misc; what the jail does is tested by running programs in it."""

from __future__ import annotations

import pytest

from callgate.machines.jail import binfmt_rule

ARM = "7f454c46010101000000000000000000 0200 2800"
S390X = "7f454c46020201000000000000000000 0003 0016"


@pytest.mark.parametrize(
    ("elf", "kind", "kind_mask"),
    [
        (ARM, r"\x02\x00\x28\x00", r"\xfe\xff\xff\xff"),
        (S390X, r"\x00\x02\x00\x16", r"\xff\xfe\xff\xff"),
    ],
    ids=["little", "big"],
)
def test_rule(elf: str, kind: str, kind_mask: str) -> None:
    """A rule takes programs and libraries of a class, byte order and machine, of any OS ABI."""
    rule = binfmt_rule("/opt/qemu", bytes.fromhex(elf)).decode()
    _, name, form, offset, magic, mask, program, flags = rule.split(":")
    assert (name, form, offset, program, flags) == ("callgate", "M", "0", "/opt/qemu", "PF")
    assert magic.endswith(kind)
    assert mask == r"\xff" * 7 + r"\x00" * 9 + kind_mask
    assert len(rule) < 256  # what the kernel takes
