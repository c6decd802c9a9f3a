/* A provider that costs almost nothing, so that what is measured is the gateway.
 *
 *   upstream PORT
 *     PORT    whole OpenAI chat reply, 470 bytes
 *     PORT+1  the same as a stream: 50 events and [DONE], one write each, at once
 *     PORT+2  the same, one event every 10 ms
 *     PORT+3  whole Anthropic message
 *
 * One thread, epoll, keep-alive. Requests are told apart by Content-Length only; that is all our clients send. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
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

enum { EVENTS = 51, GAP_US = 10000, MAX_FD = 65536, ROOM = 1 << 18 };
enum { WHOLE, BURST, PACED, MESSAGE, KINDS };

struct peer {
    int open, kind, next;
    uint64_t due;
    size_t have;
    char *in;
};

static struct peer peers[MAX_FD];
static int walking[MAX_FD], walkers;
static char event[EVENTS][640], head[256], whole[2048], message[2048];
static int event_len[EVENTS], head_len, whole_len, message_len;

static uint64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* Every answer has an id of its own in its head, as every provider's has: a proxy must not profit from equal heads. */
#define ID "x-request-id: req_0000000000000000\r\n"

static int respond_with(char *out, const char *body) {
    return sprintf(out, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" ID "Content-Length: %zu\r\n\r\n%s", strlen(body), body);
}

static void next_id(char *head) {
    static unsigned long long count;
    char digits[17];
    sprintf(digits, "%016llx", ++count);
    memcpy(strstr(head, "req_") + 4, digits, 16);
}

static void prepare(void) {
    const char *meta = "\"id\":\"chatcmpl-bench000000000000000000000\",\"created\":1760000000,\"model\":\"bench-2025-01-01\"";
    char body[1024];
    sprintf(body, "{%s,\"object\":\"chat.completion\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":"
        "\"A short answer, long enough to look like one that a person would read.\",\"refusal\":null},\"logprobs\":null,"
        "\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":300,\"completion_tokens\":20,\"total_tokens\":320,"
        "\"prompt_tokens_details\":{\"cached_tokens\":128},\"completion_tokens_details\":{\"reasoning_tokens\":0}}}", meta);
    whole_len = respond_with(whole, body);
    message_len = respond_with(message, "{\"id\":\"msg_bench\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"bench\",\"content\":"
        "[{\"type\":\"text\",\"text\":\"A short answer, long enough to look like one that a person would read.\"}],\"stop_reason\":"
        "\"end_turn\",\"stop_sequence\":null,\"usage\":{\"input_tokens\":172,\"cache_creation_input_tokens\":0,"
        "\"cache_read_input_tokens\":128,\"output_tokens\":20}}");
    head_len = sprintf(head, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n" ID "Transfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < EVENTS; i++) {
        char text[512];
        if (i < EVENTS - 3)
            sprintf(text, "data: {%s,\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" word%02d\"},"
                "\"logprobs\":null,\"finish_reason\":null}],\"usage\":null}\n\n", meta, i);
        else if (i == EVENTS - 3)
            sprintf(text, "data: {%s,\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{},\"logprobs\":null,"
                "\"finish_reason\":\"stop\"}],\"usage\":null}\n\n", meta);
        else if (i == EVENTS - 2)
            sprintf(text, "data: {%s,\"object\":\"chat.completion.chunk\",\"choices\":[],\"usage\":{\"prompt_tokens\":300,"
                "\"completion_tokens\":48,\"total_tokens\":348}}\n\n", meta);
        else
            strcpy(text, "data: [DONE]\n\n");
        event_len[i] = sprintf(event[i], "%zx\r\n%s\r\n%s", strlen(text), text, i == EVENTS - 1 ? "0\r\n\r\n" : "");
    }
}

static void put(int fd, const char *data, int length) {
    while (length > 0) {
        ssize_t sent = send(fd, data, length, MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno != EAGAIN) return;
            usleep(100);
            continue;
        }
        data += sent;
        length -= sent;
    }
}

static void leave(int fd) {
    if (!peers[fd].open) return;
    for (int i = 0; i < walkers; i++)
        if (walking[i] == fd) walking[i--] = walking[--walkers];
    free(peers[fd].in);
    peers[fd] = (struct peer){0};
    close(fd);
}

static void answer(int fd) {
    struct peer *p = &peers[fd];
    next_id(p->kind == WHOLE ? whole : p->kind == MESSAGE ? message : head);
    if (p->kind == WHOLE) put(fd, whole, whole_len);
    else if (p->kind == MESSAGE) put(fd, message, message_len);
    else {
        put(fd, head, head_len);
        if (p->kind == BURST) {
            for (int i = 0; i < EVENTS; i++) put(fd, event[i], event_len[i]);
            return;
        }
        p->next = 0;
        p->due = now_us() + GAP_US;
        walking[walkers++] = fd;
    }
}

static int complete(struct peer *p) { /* bytes of the first whole request in the buffer, 0 if none */
    char *end = memmem(p->in, p->have, "\r\n\r\n", 4);
    if (!end) return 0;
    *end = 0;
    char *field = strcasestr(p->in, "\r\ncontent-length:");
    size_t need = (end - p->in) + 4 + (field ? strtoul(field + 17, 0, 10) : 0);
    *end = '\r';
    return p->have >= need ? (int)need : 0;
}

static void readable(int fd) {
    struct peer *p = &peers[fd];
    ssize_t got = recv(fd, p->in + p->have, ROOM - 1 - p->have, 0);
    if (got == 0 || (got < 0 && errno != EAGAIN)) {
        leave(fd);
        return;
    }
    if (got > 0) p->have += got;
    p->in[p->have] = 0;
    for (int used; p->open && (used = complete(p));) {
        memmove(p->in, p->in + used, p->have - used + 1);
        p->have -= used;
        answer(fd);
    }
}

static int listen_on(int port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (void *)&a, sizeof a) || listen(fd, 4096)) {
        perror("upstream: listen");
        exit(1);
    }
    return fd;
}

int main(int argc, char **argv) {
    if (argc != 2) return fprintf(stderr, "usage: upstream PORT\n"), 2;
    int poll = epoll_create1(0), listener[KINDS];
    prepare();
    for (int k = 0; k < KINDS; k++) {
        listener[k] = listen_on(atoi(argv[1]) + k);
        epoll_ctl(poll, EPOLL_CTL_ADD, listener[k], &(struct epoll_event){.events = EPOLLIN, .data.fd = listener[k]});
    }
    for (;;) {
        struct epoll_event ready[512];
        int count = epoll_wait(poll, ready, 512, walkers ? 1 : -1);
        for (int i = 0; i < count; i++) {
            int fd = ready[i].data.fd, kind = -1;
            for (int k = 0; k < KINDS; k++)
                if (fd == listener[k]) kind = k;
            if (kind < 0) {
                if (peers[fd].open) readable(fd);
                continue;
            }
            for (int c; (c = accept4(fd, 0, 0, SOCK_NONBLOCK)) >= 0;) {
                int on = 1;
                setsockopt(c, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
                peers[c] = (struct peer){.open = 1, .kind = kind, .in = malloc(ROOM)};
                epoll_ctl(poll, EPOLL_CTL_ADD, c, &(struct epoll_event){.events = EPOLLIN, .data.fd = c});
            }
        }
        uint64_t now = now_us();
        for (int i = 0; i < walkers; i++) {
            struct peer *p = &peers[walking[i]];
            if (p->due > now) continue;
            put(walking[i], event[p->next], event_len[p->next]);
            p->due += GAP_US;
            if (++p->next == EVENTS) walking[i--] = walking[--walkers];
        }
    }
}
