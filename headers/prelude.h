/*
 * What the kernel's UAPI headers expect their includer to have from a C library, and no more, so that
 * they can be parsed without one. Nothing in this file is emitted. Types are spelled through the
 * compiler's own macros, which makes the same text right on every machine.
 */
typedef __SIZE_TYPE__ size_t;
typedef __PTRDIFF_TYPE__ ssize_t;
typedef __INT8_TYPE__ int8_t;
typedef __INT16_TYPE__ int16_t;
typedef __INT32_TYPE__ int32_t;
typedef __INT64_TYPE__ int64_t;
typedef __UINT8_TYPE__ uint8_t;
typedef __UINT16_TYPE__ uint16_t;
typedef __UINT32_TYPE__ uint32_t;
typedef __UINT64_TYPE__ uint64_t;
typedef __INTPTR_TYPE__ intptr_t;
typedef __UINTPTR_TYPE__ uintptr_t;
typedef unsigned char u_char;
typedef unsigned short u_short;
typedef unsigned int u_int;
typedef unsigned long u_long;
typedef char *caddr_t;
typedef __INT64_TYPE__ time_t;          /* of 64 bits everywhere, as the library's times */
typedef unsigned long ino_t;
typedef unsigned short sa_family_t;     /* linux/socket.h: __kernel_sa_family_t */
typedef unsigned short domid_t;         /* xen/interface/xen.h, not exported */
typedef unsigned int grant_ref_t;       /* xen/interface/grant_table.h, not exported */
void *memset(void *, int, size_t);
void *memcpy(void *, const void *, size_t);
size_t strlen(const char *);
#define NULL ((void *)0)
#define offsetof(type, member) __builtin_offsetof(type, member)
#include <asm/byteorder.h>
#define LITTLE_ENDIAN 1234
#define BIG_ENDIAN 4321
#ifdef __LITTLE_ENDIAN_BITFIELD
#define BYTE_ORDER LITTLE_ENDIAN
#else
#define BYTE_ORDER BIG_ENDIAN
#endif
#include <linux/types.h>
#include <linux/time.h>
#include <linux/signal.h>
#include <callgate/kernel.h>                                /* struct sockaddr */
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/if.h>
#define MSG_FIN 0x200                                       /* include/linux/socket.h */
#define sockaddr_storage __kernel_sockaddr_storage          /* include/linux/socket.h */
