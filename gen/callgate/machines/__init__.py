"""Machines that the library is run on: this one, qemu-user in a chroot, a kernel in qemu-system."""
