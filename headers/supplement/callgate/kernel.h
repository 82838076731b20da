/*
 * Records of the kernel's ABI that no UAPI header gives, because each C library declares its own.
 * Written from the kernel's sources named at each.
 */
#ifndef CALLGATE_KERNEL_H
#define CALLGATE_KERNEL_H
#include <linux/types.h>
#include <linux/uio.h>
#include <linux/signal.h>

/* include/linux/socket.h: struct user_msghdr */
struct msghdr {
	void *msg_name;
	int msg_namelen;
	struct iovec *msg_iov;
	__kernel_size_t msg_iovlen;
	void *msg_control;
	__kernel_size_t msg_controllen;
	unsigned int msg_flags;
};

/* include/linux/socket.h: struct mmsghdr */
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

/* include/linux/socket.h: struct ucred */
struct ucred {
	__u32 pid;
	__u32 uid;
	__u32 gid;
};

/* include/linux/socket.h: struct linger */
struct linger {
	int l_onoff;
	int l_linger;
};

/* include/linux/socket.h: struct sockaddr */
struct sockaddr_any {
	__kernel_sa_family_t sa_family;
	char sa_data[14];
};

/* include/linux/dirent.h: struct linux_dirent64, what getdents64 fills in */
struct linux_dirent64 {
	__u64 d_ino;
	__s64 d_off;
	unsigned short d_reclen;
	unsigned char d_type;
	char d_name[];
};

/* fs/select.c: struct sigset_argpack, the sixth argument of pselect6 */
struct sigset_argpack {
	sigset_t *p;
	__kernel_size_t size;
};
#endif
