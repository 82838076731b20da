/*
 * Records of the kernel's ABI that no UAPI header gives, because each C library declares its own.
 * Written from the kernel's sources named at each; types that only the kernel sees are spelled with
 * those that it exports.
 */
#ifndef CALLGATE_KERNEL_H
#define CALLGATE_KERNEL_H
#include <linux/types.h>
#include <linux/version.h>
#include <linux/time_types.h>
#include <linux/socket.h>
#include <linux/uio.h>
#include <linux/signal.h>
#include <linux/capability.h>

/* include/linux/socket.h: struct sockaddr */
struct sockaddr {
	__kernel_sa_family_t sa_family;
	char sa_data[14];
};

/* include/linux/socket.h: struct user_msghdr, what sendmsg and recvmsg take */
struct msghdr {
	void *msg_name;
	int msg_namelen;
	struct iovec *msg_iov;
	__kernel_size_t msg_iovlen;
	void *msg_control;
	__kernel_size_t msg_controllen;
	unsigned int msg_flags;
};

/* include/linux/socket.h: struct mmsghdr, what sendmmsg and recvmmsg take */
struct mmsghdr {
	struct msghdr msg_hdr;
	unsigned int msg_len;
};

/* include/linux/socket.h: struct cmsghdr; its data follows */
struct cmsghdr {
	__kernel_size_t cmsg_len;
	int cmsg_level;
	int cmsg_type;
};

/* include/linux/socket.h: struct ucred, of SO_PEERCRED and SCM_CREDENTIALS */
struct ucred {
	__u32 pid;
	__u32 uid;
	__u32 gid;
};

/* include/linux/socket.h: types of control messages that not every C library knows */
#ifndef SCM_PIDFD
#define SCM_PIDFD 0x04
#endif

/* include/linux/socket.h: struct linger, of SO_LINGER */
struct linger {
	int l_onoff;
	int l_linger;
};

/* include/linux/dirent.h: struct linux_dirent64, what getdents64 fills in */
struct linux_dirent64 {
	__u64 d_ino;
	__s64 d_off;
	unsigned short d_reclen;
	unsigned char d_type;
	char d_name[];
};

/* fs/readdir.c: struct linux_dirent, what getdents fills in; d_type is the record's last byte */
struct linux_dirent {
	unsigned long d_ino;
	unsigned long d_off;
	unsigned short d_reclen;
	char d_name[];
};

/* fs/readdir.c: struct old_linux_dirent, what readdir fills in */
struct old_linux_dirent {
	unsigned long d_ino;
	unsigned long d_offset;
	unsigned short d_namlen;
	char d_name[];
};

/* include/linux/fs.h: struct file_handle, of name_to_handle_at and open_by_handle_at */
struct file_handle {
	__u32 handle_bytes;
	int handle_type;
	unsigned char f_handle[];
};

/* include/linux/types.h: struct ustat */
struct ustat {
	__kernel_daddr_t f_tfree;
#if defined(__s390__) || defined(__sparc__)                 /* CONFIG_ARCH_32BIT_USTAT_F_TINODE */
	unsigned int f_tinode;
#else
	unsigned long f_tinode;
#endif
	char f_fname[6];
	char f_fpack[6];
};

/* include/linux/sched.h: struct sched_param */
#if LINUX_VERSION_CODE >= 0x060600                          /* before, linux/sched/types.h had it */
struct sched_param {
	int sched_priority;
};
#endif

/* include/linux/signal_types.h and asm/signal.h: sigset_t as the rt_ calls take it */
struct kernel_sigset {
#ifdef __mips__
	unsigned long sig[128 / (8 * sizeof(long))];
#else
	unsigned long sig[64 / (8 * sizeof(long))];
#endif
};

/*
 * include/linux/signal_types.h: struct sigaction, what rt_sigaction takes. Members go without their
 * sa_ because asm/signal.h has macros of those names on several architectures.
 */
struct kernel_sigaction {
#ifdef __mips__                                             /* __ARCH_HAS_IRIX_SIGACTION */
	unsigned int flags;
	__sighandler_t handler;
#else
	__sighandler_t handler;
	unsigned long flags;
#endif
#ifdef SA_RESTORER                                          /* __ARCH_HAS_SA_RESTORER */
	__sigrestore_t restorer;
#endif
	struct kernel_sigset mask;
};

/* kernel/capability.c: the two words of each set that capget and capset take since version 3 */
struct kernel_capabilities {
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
};

/* include/linux/cpumask_types.h: struct cpumask, for the most processors that any kernel is made for (arch/x86/Kconfig: NR_CPUS) */
struct kernel_cpumask {
	unsigned long bits[8192 / (8 * sizeof(long))];
};

/* fs/select.c: struct sigset_argpack, the sixth argument of pselect6 */
struct sigset_argpack {
	const struct kernel_sigset *p;
	__kernel_size_t size;
};

/* fs/aio.c: struct __aio_sigset, the sixth argument of io_pgetevents */
struct __aio_sigset {
	const struct kernel_sigset *sigmask;
	__kernel_size_t sigsetsize;
};

/* linux/stat.h: what statx tells, as struct stat has it where its times have 64 bits */
struct wide_stat {
	__u64 st_dev;
	__u64 st_ino;
	__u32 st_mode;
	__u32 st_nlink;
	__u32 st_uid;
	__u32 st_gid;
	__u64 st_rdev;
	__s64 st_size;
	__s64 st_blksize;
	__s64 st_blocks;
	__s64 st_atime;
	__u64 st_atime_nsec;
	__s64 st_mtime;
	__u64 st_mtime_nsec;
	__s64 st_ctime;
	__u64 st_ctime_nsec;
};

/* fs/utimes.c: the two times that utimensat takes, access first */
struct timespec_pair {
	struct __kernel_timespec atime;
	struct __kernel_timespec mtime;
};
#endif
