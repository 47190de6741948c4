/* A load generator for Chat Completions endpoints, buffered and streamed: one thread on epoll, keep-alive.
 *
 * It keeps CONNS connections busy, each with one request at a time (a closed loop), or with -r sends RATE
 * requests a second over them, whose latency then counts from the moment each was due. First requests are
 * spread over the first half of the warm-up.
 *
 * Every answer is checked. A buffered one is complete if it is a 200 with a JSON object that has "choices";
 * a streamed one if it is a 200 with -n contents (if given), a finish reason, and [DONE] as the last event.
 * Anything else is an error, and the first one is shown on stderr.
 *
 * usage: load -p PORT -P PATH -k KEY -b BODY [-s] [-n CONTENTS] [-c CONNS] [-r RATE] [-w WARM_UP_S] [-t SECONDS]
 *             [-d DRAIN_S]
 *
 * After the window no more is asked, and what is under way gets DRAIN_S seconds to end; then it is hung up on.
 *
 * Prints "begin" and "end" when the measured window begins and ends, then one line of JSON: what completed
 * in the window, the errors of the whole run, and percentiles in microseconds of
 *   latency   request sent to answer complete
 *   first     request sent to first content
 *   delay     content stamped by the mock upstream to content read here
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define IN_BYTES 32768
#define LINE_BYTES 4096

typedef struct { float *at; size_t len, room; } samples;

enum part { HEAD, LENGTH, SIZE, CHUNK, CRLF, TRAILER, COMPLETE }; /* what of an answer comes next */

typedef struct {
    int fd, busy, status, contents, finished, done, failed;
    enum part part;
    size_t left;          /* bytes of the body or of the chunk still to come */
    uint64_t sent_at;
    size_t have, line_len;
    char in[IN_BYTES + 1], line[LINE_BYTES + 1];
} conn;

/* How an answer of each dialect is told: what a content, the end and a whole answer have in them, and what the last
 * line has, where that is not [DONE]. */
static const struct dialect {
    const char *path, *content, *finish, *last, *whole;
} dialects[] = {
    {"/responses", "\"type\":\"response.output_text.delta\"", "\"type\":\"response.completed\"", NULL, "\"output\""},
    {"/messages", "\"text_delta\"", "\"end_turn\"", "\"type\":\"message_stop\"", "\"content\""},
    {"", "", "\"finish_reason\":\"stop\"", NULL, "\"choices\""},
};
static const struct dialect *dialect = dialects;

static const char *path = "/v1/chat/completions", *key = "", *body = "{}";
static int port, conns_len = 1, streams, expected;
static double rate, warm_up = 0.5, seconds = 3, drain = 5;

static int epoll, in_window, shown;
static uint64_t read_at;
static char *request;
static size_t request_len;
static samples latency, first, delay;
static unsigned long completed, contents, errors;

static uint64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static void add(samples *to, uint64_t from, uint64_t until) {
    if (!in_window) return;
    if (to->len == to->room) to->at = realloc(to->at, (to->room = to->room ? 2 * to->room : 65536) * sizeof *to->at);
    to->at[to->len++] = until > from ? (until - from) / 1000.0 : 0;
}

static int ascending(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static void print_samples(const char *name, samples *from) {
    if (from->len) qsort(from->at, from->len, sizeof *from->at, ascending);
#define AT(q) (from->len ? from->at[(size_t)((from->len - 1) * q)] : 0.0)
    printf(",\"%s\":{\"count\":%zu,\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,\"max\":%.1f}", name, from->len, AT(0.5),
           AT(0.9), AT(0.99), AT(1.0));
}

/* Connections */

static void hang_up(conn *c) {
    close(c->fd);
    c->fd = -1;
}

static void dial(conn *c) {
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    int one = 1;
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(c->fd, (void *)&at, sizeof at)) {
        perror("load: cannot connect");
        exit(1);
    }
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event);
}

static void fail(conn *c, const char *why) {
    errors++;
    if (!shown++) fprintf(stderr, "load: %s (status %d)\n%.*s\n", why, c->status, (int)c->line_len, c->line);
}

static void ask(conn *c, uint64_t due) {
    if (c->fd < 0) dial(c);
    c->busy = 1;
    c->part = HEAD;
    c->status = c->contents = c->finished = c->done = c->failed = 0;
    c->have = c->line_len = 0;
    c->sent_at = due;
    if (send(c->fd, request, request_len, MSG_NOSIGNAL) != (ssize_t)request_len) {
        fail(c, "a request could not be sent");
        hang_up(c);
        c->busy = 0;
    }
}

/* Answers */

static void end_line(conn *c) { /* one line of an event stream */
    c->line[c->line_len] = 0;
    if (!strncmp(c->line, "data: [DONE]", 12)) {
        c->done = 1;
    } else if (!strncmp(c->line, "data:", 5)) {
        if (c->done || strstr(c->line, "{\"error\"") || strstr(c->line, "\"type\":\"error\"")) c->failed = 1;
        const char *stamp = strstr(c->line, dialect->content) ? strstr(c->line, "\"t=") : NULL;
        if (dialect->last && strstr(c->line, dialect->last)) c->done = 1;
        if (stamp) {
            if (!c->contents++) add(&first, c->sent_at, read_at);
            contents += in_window;
            add(&delay, strtoull(stamp + 3, NULL, 10), read_at);
        } else if (strstr(c->line, dialect->finish)) {
            c->finished = 1;
        }
    }
    c->line_len = 0;
}

static void take(conn *c, const char *data, size_t len) { /* bytes of the body, the transfer coding gone */
    while (len) {
        const char *end = streams ? memchr(data, '\n', len) : NULL;
        size_t part = end ? (size_t)(end - data) : len, room = LINE_BYTES - c->line_len;
        memcpy(c->line + c->line_len, data, part < room ? part : room);
        c->line_len += part < room ? part : room;
        if (end) {
            end_line(c);
            part++;
        }
        data += part, len -= part;
    }
}

static int complete(conn *c) {
    if (c->status != 200 || c->failed) return 0;
    if (streams) return c->done && c->finished && (!expected || c->contents == expected);
    c->line[c->line_len] = 0;
    return c->line[0] == '{' && c->line[c->line_len - 1] == '}' && strstr(c->line, dialect->whole) != NULL;
}

static size_t read_head(conn *c) { /* its length, 0 if it is not all here */
    char *end = strstr(c->in, "\r\n\r\n");
    if (!end) return 0;
    end[2] = 0;
    char *length = strcasestr(c->in, "\r\ncontent-length:");
    c->status = c->have > 12 ? atoi(c->in + 9) : 0;
    c->left = length ? strtoul(length + 17, NULL, 10) : 0;
    c->part = strcasestr(c->in, "\r\ntransfer-encoding: chunked") ? SIZE : c->left ? LENGTH : COMPLETE;
    return end - c->in + 4;
}

static size_t parse(conn *c, size_t from) { /* consumes some of the input; 0 if more is needed */
    char *data = c->in + from, *end;
    size_t have = c->have - from, part = have < c->left ? have : c->left;
    switch (c->part) {
    case HEAD:
        return read_head(c);
    case LENGTH:
    case CHUNK:
        take(c, data, part);
        c->left -= part;
        if (!c->left) c->part = c->part == CHUNK ? CRLF : COMPLETE;
        return part;
    case SIZE:
        if (!(end = memmem(data, have, "\r\n", 2))) return 0;
        c->left = strtoul(data, NULL, 16);
        c->part = c->left ? CHUNK : TRAILER;
        return end + 2 - data;
    case CRLF:
    case TRAILER:
        if (have < 2) return 0;
        c->part = c->part == CRLF ? SIZE : COMPLETE;
        return 2;
    default:
        return 0;
    }
}

static void receive(conn *c) {
    ssize_t got = recv(c->fd, c->in + c->have, IN_BYTES - c->have, MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
        if (c->busy) fail(c, "an answer was broken off");
        hang_up(c);
        c->busy = 0;
        return;
    }
    read_at = now();
    c->have += got;
    c->in[c->have] = 0;
    size_t used = 0;
    for (size_t step; c->part != COMPLETE && used < c->have && (step = parse(c, used)); used += step);
    c->have -= used;
    memmove(c->in, c->in + used, c->have);
    if (c->part != COMPLETE || !c->busy) return;
    c->busy = 0;
    completed += in_window;
    add(&latency, c->sent_at, read_at);
    if (!complete(c)) fail(c, "an answer was not complete");
}

/* The run */

static void prepare(void) {
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    while (!strstr(path, dialect->path)) dialect++;
    request_len = asprintf(&request,
        "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n"
        "Accept: application/json, text/event-stream\r\nUser-Agent: load\r\nContent-Length: %zu\r\n\r\n%s",
        path, port, key, strlen(body), body);
    epoll = epoll_create1(0);
}

static void mark(const char *what) {
    puts(what);
    fflush(stdout);
}

static void wait_for_answers(long nanoseconds, int ask_again) {
    struct epoll_event events[256];
    struct timespec pause = {0, nanoseconds};
    int n = epoll_pwait2(epoll, events, 256, &pause, NULL);
    for (int i = 0; i < n; i++) {
        conn *c = events[i].data.ptr;
        receive(c);
        if (!c->busy && ask_again) ask(c, now());
    }
}

static int any_busy(const conn *conns) {
    for (int i = 0; i < conns_len; i++)
        if (conns[i].busy) return 1;
    return 0;
}

static void run(conn *conns) {
    uint64_t start = now(), begin = start + (uint64_t)(warm_up * 1e9), end = begin + (uint64_t)(seconds * 1e9), t;
    uint64_t spread = (uint64_t)(warm_up * 5e8 / conns_len), due = start;
    int begun = 0;
    while ((t = now()) < end) {
        if (!in_window && t >= begin) {
            in_window = 1;
            mark("begin");
        }
        while (begun < conns_len && start + begun * spread <= t) {
            if (!rate) ask(&conns[begun], t);
            begun++;
        }
        for (int i = 0; rate && due <= t && i < begun; i++) {
            if (conns[i].busy) continue;
            ask(&conns[i], due);
            due += (uint64_t)(1e9 / rate);
        }
        wait_for_answers(begun < conns_len || rate ? 100000 : 20000000, !rate);
    }
    in_window = 0;
    mark("end");
    for (end = now() + (uint64_t)(drain * 1e9); now() < end && any_busy(conns);) wait_for_answers(1000000, 0);
}

int main(int argc, char **argv) {
    for (int option; (option = getopt(argc, argv, "p:P:k:b:sn:c:r:w:t:d:")) != -1;) {
        switch (option) {
        case 'p': port = atoi(optarg); break;
        case 'P': path = optarg; break;
        case 'k': key = optarg; break;
        case 'b': body = optarg; break;
        case 's': streams = 1; break;
        case 'n': expected = atoi(optarg); break;
        case 'c': conns_len = atoi(optarg); break;
        case 'r': rate = atof(optarg); break;
        case 'w': warm_up = atof(optarg); break;
        case 't': seconds = atof(optarg); break;
        case 'd': drain = atof(optarg); break;
        default: return 2;
        }
    }
    prepare();
    conn *conns = calloc(conns_len, sizeof *conns);
    for (int i = 0; i < conns_len; i++) conns[i].fd = -1;
    run(conns);
    printf("{\"seconds\":%.3f,\"completed\":%lu,\"contents\":%lu,\"errors\":%lu", seconds, completed, contents, errors);
    print_samples("latency", &latency);
    print_samples("first", &first);
    print_samples("delay", &delay);
    puts("}");
    return 0;
}
