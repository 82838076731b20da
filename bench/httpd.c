/* examples/httpd.lua in C, by the same strategy: one level-triggered epoll set, accept4 until nothing waits,
 * one read of at most 64 KB for each readiness, requests told by their empty line, one send for the answers.
 *
 *   httpd PORT
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define BODY "Hello from LuaJIT and the Linux kernel.\n"
#define HEAD "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 40\r\nConnection: "
static const char KEEP_ALIVE[] = HEAD "keep-alive\r\n\r\n" BODY;
static const char CLOSE[] = HEAD "close\r\n\r\n" BODY;

enum { LIMIT = 16384, BUFFER_SIZE = 65536, EVENTS = 256 };

struct connection {
	int fd, closing, waiting, watched;
	size_t unread_length, unsent_length, unsent_room;
	char *unsent;
	char unread[LIMIT + 1];
};

static int ep;
static char buffer[LIMIT + BUFFER_SIZE + 1];

static void check(int result, const char *what)
{
	if (result < 0) {
		perror(what);
		exit(1);
	}
}

static void drop(struct connection *c)
{
	close(c->fd);
	free(c->unsent);
	free(c);
}

static void say(struct connection *c, const char *text, size_t length)
{
	if (c->unsent_length + length > c->unsent_room) {
		c->unsent_room = 2 * (c->unsent_length + length);
		c->unsent = realloc(c->unsent, c->unsent_room);
		if (!c->unsent)
			abort();
	}
	memcpy(c->unsent + c->unsent_length, text, length);
	c->unsent_length += length;
}

static void watch(struct connection *c, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = c };
	check(epoll_ctl(ep, c->watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, c->fd, &event), "epoll_ctl");
	c->watched = 1;
	c->waiting = events != EPOLLIN;
}

/* Writes what is left to say; 0 when the connection is gone. */
static int flush(struct connection *c)
{
	while (c->unsent_length > 0) {
		ssize_t sent = send(c->fd, c->unsent, c->unsent_length, MSG_NOSIGNAL);
		if (sent < 0) {
			if (errno == EAGAIN) {
				watch(c, EPOLLIN | EPOLLOUT);
				return 1;
			}
			return drop(c), 0;
		}
		c->unsent_length -= sent;
		memmove(c->unsent, c->unsent + sent, c->unsent_length);
	}
	if (c->waiting)
		watch(c, EPOLLIN);
	if (c->closing)
		return drop(c), 0;
	return 1;
}

/* Answers every complete request; what remains is kept. 0 when that is too much. */
static int answer(struct connection *c, char *text, size_t length)
{
	char *from = text, *end = text + length;
	while (!c->closing) {
		char *stop = memmem(from, end - from, "\r\n\r\n", 4);
		if (!stop)
			break;
		stop[3] = 0;
		int last = strcasestr(from, "connection: close") ||
			(strcasestr(from, "http/1.0") && !strcasestr(from, "connection: keep-alive"));
		say(c, last ? CLOSE : KEEP_ALIVE, last ? sizeof CLOSE - 1 : sizeof KEEP_ALIVE - 1);
		c->closing = last;
		from = stop + 4;
	}
	if (c->closing)
		from = end;
	c->unread_length = end - from;
	if (c->unread_length > LIMIT)
		return 0;
	memcpy(c->unread, from, c->unread_length);
	return 1;
}

/* Answers what has come; 0 when the connection is gone. */
static int receive(struct connection *c)
{
	for (;;) {
		size_t before = c->unread_length;
		memcpy(buffer, c->unread, before);
		ssize_t count = read(c->fd, buffer + before, BUFFER_SIZE);
		if (count < 0 && errno == EAGAIN)
			return flush(c);
		if (count <= 0 || !answer(c, buffer, before + count))
			return drop(c), 0;
		if (count < BUFFER_SIZE)
			return flush(c);
	}
}

static void accept_all(int listener)
{
	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0) {
			if (errno != EAGAIN && errno != ECONNABORTED && errno != EMFILE)
				check(fd, "accept4");
			return;
		}
		struct connection *c = calloc(1, sizeof *c);
		if (!c)
			abort();
		c->fd = fd;
		if (receive(c) && !c->watched)
			watch(c, EPOLLIN);
	}
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return fprintf(stderr, "usage: httpd PORT\n"), 2;
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(atoi(argv[1])),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	check(listener, "socket");
	check(setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one), "setsockopt");
	check(setsockopt(listener, IPPROTO_TCP, TCP_DEFER_ACCEPT, &one, sizeof one), "setsockopt");
	check(bind(listener, (struct sockaddr *)&address, sizeof address), "bind");
	check(listen(listener, 1024), "listen");
	ep = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = NULL }, ready[EVENTS];
	check(epoll_ctl(ep, EPOLL_CTL_ADD, listener, &event), "epoll_ctl");
	fprintf(stderr, "listening on http://127.0.0.1:%s/\n", argv[1]);
	for (;;) {
		int count = epoll_wait(ep, ready, EVENTS, 200);
		if (count < 0 && errno != EINTR)
			check(count, "epoll_wait");
		for (int i = 0; i < count; i++) {
			struct connection *c = ready[i].data.ptr;
			if (!c)
				accept_all(listener);
			else if (!(ready[i].events & EPOLLOUT && c->waiting) || flush(c))
				if (ready[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
					receive(c);
		}
	}
}
