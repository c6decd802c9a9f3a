/* Sends requests at a constant rate and measures each from the moment it was due, not from when it could be sent: a server
 * that stalls cannot hide behind a client that politely waits (G. Tene, "coordinated omission").
 *
 *   rate PORT PER_SECOND SECONDS FILE      FILE holds one whole request; prints {"p50":..,"p99":..,"count":..,"late":..} in us */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS = 64, ROOM = 1 << 16 };

static struct {
    int fd, busy;
    uint64_t due;
    size_t have;
    char in[ROOM];
} line[CONNECTIONS];

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int by_value(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static int finished(int i) {
    line[i].in[line[i].have] = 0;
    char *end = strstr(line[i].in, "\r\n\r\n"), *field = strcasestr(line[i].in, "content-length:");
    return end && field && line[i].have >= (size_t)(end + 4 - line[i].in) + strtoul(field + 15, 0, 10);
}

int main(int argc, char **argv) {
    if (argc != 5) return fprintf(stderr, "usage: rate PORT PER_SECOND SECONDS FILE\n"), 2;
    int port = atoi(argv[1]), rate = atoi(argv[2]), poll = epoll_create1(0);
    size_t total = (size_t)rate * atoi(argv[3]), sent = 0, done = 0, late = 0;
    uint64_t *took = calloc(total, sizeof *took), gap = 1000000000ull / rate;
    char *request = malloc(ROOM * 4);
    FILE *file = fopen(argv[4], "rb");
    if (!file) return perror("rate"), 1;
    size_t length = fread(request, 1, ROOM * 4, file);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    for (int i = 0; i < CONNECTIONS; i++) {
        int on = 1;
        line[i].fd = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(line[i].fd, (void *)&a, sizeof a)) return perror("rate: connect"), 1;
        setsockopt(line[i].fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        epoll_ctl(poll, EPOLL_CTL_ADD, line[i].fd, &(struct epoll_event){.events = EPOLLIN, .data.u32 = i});
    }
    uint64_t start = now_ns() + 10000000, stop = start + (uint64_t)(atoi(argv[3]) + 5) * 1000000000;
    while (done < total && now_ns() < stop) {
        uint64_t now = now_ns();
        while (sent < total && now >= start + sent * gap) {
            int i = 0;
            while (i < CONNECTIONS && line[i].busy) i++;
            if (i == CONNECTIONS) { late++; break; }
            line[i].busy = 1, line[i].have = 0, line[i].due = start + sent++ * gap;
            if (send(line[i].fd, request, length, MSG_NOSIGNAL) != (ssize_t)length) return fprintf(stderr, "rate: short send\n"), 1;
        }
        int wait = sent < total ? 0 : 10; /* spin: a sleeping client would measure its own wake-up */
        struct epoll_event ready[CONNECTIONS];
        int count = epoll_wait(poll, ready, CONNECTIONS, wait);
        for (int e = 0; e < count; e++) {
            int i = ready[e].data.u32;
            ssize_t got = recv(line[i].fd, line[i].in + line[i].have, ROOM - 1 - line[i].have, 0);
            if (got <= 0) return fprintf(stderr, "rate: connection lost\n"), 1;
            line[i].have += got;
            if (line[i].busy && finished(i)) took[done++] = now_ns() - line[i].due, line[i].busy = 0;
        }
    }
    qsort(took, done, sizeof *took, by_value);
    printf("{\"p50\":%.1f,\"p99\":%.1f,\"count\":%zu,\"late\":%zu}\n", done ? took[done / 2] / 1e3 : 0, done ? took[done * 99 / 100] / 1e3 : 0, done, late);
    return done == total ? 0 : 1;
}
