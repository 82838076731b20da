/* The loops that bench/calls.lua runs, in C through the C library: nanoseconds per call, those of the
 * fastest tenth, since other programs only ever make a loop slower.
 *
 *   calls NAME COUNT
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e9 + ts.tv_nsec;
}

#define TENTHS 10

#define LOOP(call) do { \
	for (int tenth = 0; tenth < TENTHS; tenth++) { \
		double start = now(); \
		for (long i = 0; i < count; i++) \
			if ((call) < 0 && must) \
				abort(); \
		double took = now() - start; \
		if (tenth == 0 || took < best) \
			best = took; \
	} \
} while (0)

int main(int argc, char **argv)
{
	if (argc != 3)
		return fprintf(stderr, "usage: calls NAME COUNT\n"), 2;
	const char *name = argv[1];
	long count = atol(argv[2]) / TENTHS;
	double best = 0;
	char buf[4096];
	struct stat st;
	struct timespec ts;
	int must = 1;
	int zero = open("/dev/zero", O_RDONLY), null = open("/dev/null", O_WRONLY), file = open(argv[0], O_RDONLY);
	int pair[2];
	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	struct epoll_event event = { .events = EPOLLIN }, ready[16];
	int ep = epoll_create1(EPOLL_CLOEXEC);
	event.data.fd = pair[1];
	epoll_ctl(ep, EPOLL_CTL_ADD, pair[1], &event);
	if (!strcmp(name, "getppid")) LOOP(getppid());
	else if (!strcmp(name, "read")) LOOP(read(zero, buf, 1));
	else if (!strcmp(name, "write")) LOOP(write(null, buf, 1));
	else if (!strcmp(name, "pread")) LOOP(pread(file, buf, 1, 0));
	else if (!strcmp(name, "lseek")) LOOP(lseek(file, 0, SEEK_SET));
	else if (!strcmp(name, "stat")) LOOP(stat("/", &st));
	else if (!strcmp(name, "fstat")) LOOP(fstat(file, &st));
	else if (!strcmp(name, "fail")) { must = 0; LOOP(access("/no/such/file", R_OK)); }
	else if (!strcmp(name, "clock")) LOOP(clock_gettime(CLOCK_MONOTONIC, &ts));
	else if (!strcmp(name, "socketpair")) LOOP(send(pair[0], buf, 1, 0) < 0 ? -1 : recv(pair[1], buf, 1, 0));
	else if (!strcmp(name, "echo"))
		LOOP(write(pair[0], buf, 1) < 0 || epoll_wait(ep, ready, 16, -1) != 1 ? -1 : read(ready[0].data.fd, buf, 4096));
	else if (!strcmp(name, "openclose")) LOOP(close(open("/", O_RDONLY | O_CLOEXEC)));
	else return fprintf(stderr, "calls: no loop %s\n", name), 2;
	printf("%.2f\n", best / count);
	return 0;
}
