-- What the fuzzer may not simply call, and why. All else is harmless in the namespaces (jail.lua).

local MEMORY = "changes the memory of the process itself: Lua's own goes as soon as its address is hit"
local STACK = "makes a child or a context that runs on, with this one's stack: C's matter"
local HANDLER = "makes the kernel jump to an address: any address that is no handler ends the process"
local INDEX = "reads as far into memory as an argument says, as C does"
local END = "ends the process, as it should"
local FIRST = "may leave the namespace's first process, which is the fuzzer, no time or memory"
local REPLACE = "replaces the program, as it should"

return {
  -- Called only with arguments among which one is certainly refused: the kernel never hears of it.
  refused = {
    exit = END, _exit = END, exit_group = END,
    execve = REPLACE, execveat = REPLACE,
    clone = STACK, clone3 = STACK, vfork = STACK, rt_sigreturn = STACK, ucontext = STACK,
    sigaction = HANDLER, signal = HANDLER,
    rt_sigaction = HANDLER, uretprobe = HANDLER, uprobe = HANDLER, arch_prctl = "moves the thread's storage",
    modify_ldt = "changes what segment registers mean", rseq = HANDLER, restart_syscall = "not for programs",
    munmap = MEMORY, mremap = MEMORY, mprotect = MEMORY, pkey_mprotect = MEMORY, mseal = MEMORY, brk = MEMORY,
    remap_file_pages = MEMORY, madvise = MEMORY, process_madvise = MEMORY, shmat = MEMORY, shmdt = MEMORY,
    process_vm_writev = MEMORY, mmap = MEMORY, map_shadow_stack = MEMORY, process_mrelease = MEMORY,
    ptrace = "stops and changes processes", io_uring_register = MEMORY, io_submit = MEMORY,
    reboot = "ends the namespace's first process, as it should", prlimit = FIRST, prlimit64 = FIRST,
    kexec_load = "nothing that a test should get right by chance",
    kexec_file_load = "nothing that a test should get right by chance",
  },
  -- Macros that are never called.
  macros = {
    tcpoptstrip_test_bit = INDEX, SCTP_CHUNKMAP_IS_SET = INDEX, IF_ISSET = INDEX, vring_used_event = INDEX,
    isset = INDEX, isclr = INDEX, FD_ISSET = INDEX, __FD_ISSET = INDEX,
  },
  -- Called in a process of its own (jail.apart): they change what later cases find, and may have the
  -- kernel end it (SIGKILL, SIGSYS).
  spoils = {
    seccomp = "filters calls", landlock_restrict_self = "closes files", prctl = "has operations that end it",
    setrlimit = "takes memory or time",
    chroot = "hides the library", pivot_root = "hides the library", unshare = "changes namespaces",
    setns = "changes namespaces", mount = "hides the library", umount2 = "hides the library",
    move_mount = "hides the library", mount_setattr = "hides the library", personality = "changes mappings",
    setuid = "drops rights", setgid = "drops rights", setresuid = "drops rights", setresgid = "drops rights",
    setreuid = "drops rights", setregid = "drops rights", capset = "drops rights", setfsuid = "drops rights",
    setfsgid = "drops rights", setgroups = "drops rights", mlockall = "locks later memory",
    set_mempolicy = "moves later memory", sigaltstack = "signals would use that stack",
    close_range = "closes what the case before left", userfaultfd = "stops whoever touches its memory",
    sched_setscheduler = "starves others", sched_setattr = "starves others", sched_setparam = "starves others",
    setpriority = "starves others", nice = "starves others", timer_create = "sends signals later",
    sched_setaffinity = "may leave no processor",
  },
}
