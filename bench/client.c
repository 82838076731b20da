/* Load for the servers of httpd.c, httpd.lua and examples/httpd.lua: CONNECTIONS kept alive, each with one
 * request on its way, until REQUESTS are answered. Prints requests per second; gives up after SECONDS.
 *
 *   client PORT CONNECTIONS REQUESTS SECONDS
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static const char REQUEST[] = "GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n";
static const char END[] = "Linux kernel.\n"; /* of every answer; it comes in one piece */

static double now(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static void fail(const char *what)
{
	fprintf(stderr, "client: %s: %s\n", what, errno ? strerror(errno) : "not what was expected");
	exit(1);
}

static void ask(int fd)
{
	if (send(fd, REQUEST, sizeof REQUEST - 1, MSG_NOSIGNAL) != sizeof REQUEST - 1)
		fail("send");
}

int main(int argc, char **argv)
{
	if (argc != 5)
		return fprintf(stderr, "usage: client PORT CONNECTIONS REQUESTS SECONDS\n"), 2;
	int connections = atoi(argv[2]), ep = epoll_create1(EPOLL_CLOEXEC), one = 1;
	long requests = atol(argv[3]), asked = 0, answered = 0;
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(atoi(argv[1])),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int *fds = calloc(connections, sizeof *fds);
	for (int i = 0; i < connections; i++) {
		fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (connect(fds[i], (struct sockaddr *)&address, sizeof address) < 0)
			fail("connect");
		setsockopt(fds[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		struct epoll_event event = { .events = EPOLLIN, .data.fd = fds[i] };
		epoll_ctl(ep, EPOLL_CTL_ADD, fds[i], &event);
	}
	double start = now(), end = start + atof(argv[4]);
	for (int i = 0; i < connections && asked < requests; i++, asked++)
		ask(fds[i]);
	while (answered < requests) {
		struct epoll_event ready[256];
		int count = epoll_wait(ep, ready, 256, 1000);
		if (count < 0 && errno != EINTR)
			fail("epoll_wait");
		for (int i = 0; i < count; i++) {
			char buffer[4096];
			ssize_t got = read(ready[i].data.fd, buffer, sizeof buffer);
			if (got < (ssize_t)sizeof END || memcmp(buffer + got - (sizeof END - 1), END, sizeof END - 1)) {
				if (got >= 0)
					errno = 0;
				fail("read");
			}
			answered++;
			if (asked < requests) {
				asked++;
				ask(ready[i].data.fd);
			}
		}
		if (now() > end)
			errno = ETIMEDOUT, fail("requests");
	}
	printf("%.0f\n", answered / (now() - start));
	return 0;
}
