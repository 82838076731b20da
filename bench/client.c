/* Load for the servers of httpd.c, httpd.lua and examples/httpd.lua: CONNECTIONS kept alive, each with one
 * request on its way, until REQUESTS are answered; with "close" each connection is for one request, which the
 * server ends by closing. Prints requests per second; gives up after SECONDS.
 *
 *   client PORT CONNECTIONS REQUESTS SECONDS [close]
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

#define HEAD "GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: bench\r\nAccept: */*\r\n"

static const char KEEP[] = HEAD "\r\n", LAST[] = HEAD "Connection: close\r\n\r\n";
static const char END[] = "Linux kernel.\n"; /* of every answer of a kept connection; it comes in one piece */
static const char START[] = "HTTP/1."; /* of every answer */
static int closing;

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
	const char *request = closing ? LAST : KEEP;
	ssize_t length = strlen(request);
	if (send(fd, request, length, MSG_NOSIGNAL) != length)
		fail("send");
}

static int connection(int ep, const struct sockaddr_in *address)
{
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(fd, (const struct sockaddr *)address, sizeof *address) < 0)
		fail("connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };
	epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event);
	return fd;
}

/* Reads what is there; whether the answer is complete. */
static int answered_on(int fd)
{
	static char whole[65536]; /* of a connection that is to be closed: its answer has begun */
	char buffer[4096];
	ssize_t got = read(fd, buffer, sizeof buffer);
	if (got == 0 && closing && whole[fd])
		return whole[fd] = 0, 1;
	const char *sign = closing ? START : END;
	ssize_t length = strlen(sign);
	const char *place = closing ? buffer : buffer + got - length;
	if (got < length || (!whole[fd] && memcmp(place, sign, length))) {
		if (got >= 0)
			errno = 0;
		fail("read");
	}
	whole[fd] = closing;
	return !closing;
}

int main(int argc, char **argv)
{
	closing = argc == 6 && !strcmp(argv[5], "close");
	if (argc != 5 + closing)
		return fprintf(stderr, "usage: client PORT CONNECTIONS REQUESTS SECONDS [close]\n"), 2;
	int connections = atoi(argv[2]), ep = epoll_create1(EPOLL_CLOEXEC);
	long requests = atol(argv[3]), asked = 0, answered = 0;
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(atoi(argv[1])),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int *fds = calloc(connections, sizeof *fds);
	for (int i = 0; i < connections; i++)
		fds[i] = connection(ep, &address);
	double start = now(), end = start + atof(argv[4]);
	for (int i = 0; i < connections && asked < requests; i++, asked++)
		ask(fds[i]);
	while (answered < requests) {
		struct epoll_event ready[256];
		int count = epoll_wait(ep, ready, 256, 1000);
		if (count < 0 && errno != EINTR)
			fail("epoll_wait");
		for (int i = 0; i < count; i++) {
			int fd = ready[i].data.fd;
			if (!answered_on(fd))
				continue;
			answered++;
			if (closing)
				close(fd);
			if (asked < requests) {
				asked++;
				ask(closing ? connection(ep, &address) : fd);
			}
		}
		if (now() > end)
			errno = ETIMEDOUT, fail("requests");
	}
	printf("%.0f\n", answered / (now() - start));
	return 0;
}
