/* A fast mock of a model's upstream: HTTP/1.1, keep-alive, one thread on epoll.
 *
 *   POST without "stream":true   one JSON answer of some 600 bytes, with usage
 *   POST with "stream":true      a stream: what begins it, n events of content, what ends it, usage included
 *
 * A path that ends in /responses or /messages is answered in that dialect, any other in Chat Completions, where
 * usage comes if stream_options.include_usage asks for it.
 *
 * The text [[n=CHUNKS,gap=MICROSECONDS]] anywhere in a request's body sets the pace of its stream. Role and
 * first content go out at once, so that the time to first content is the gateway's and not the mock's; the
 * second content comes after a random part of the gap, so that streams which began together do not beat
 * together; the rest keep the gap exactly. The content of each chunk is "t=" and 18 digits of
 * CLOCK_MONOTONIC in nanoseconds: a reader on the same machine can tell how long the chunk was under way.
 *
 * It reads no more of HTTP than the clients measured here write: a body needs Content-Length, and a request
 * must fit into IN_BYTES.
 *
 * usage: mock PORT     0 takes a free one; prints the port in use
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdarg.h>
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
#define MAX_CONNS 20000
#define IDLE_SLOT (-1)

typedef struct conn {
    int fd;
    int slot;                /* place among the streams that wait for their next chunk, or IDLE_SLOT */
    int sent, chunks;        /* content chunks gone out, and to go out in all */
    int with_usage, number;  /* of the next event, in Responses */
    enum dialect { CHAT, RESPONSES, MESSAGES } dialect;
    uint64_t due, gap;       /* nanoseconds */
    char model[64];
    char *out;               /* what the socket would not take */
    size_t out_len, have;
    struct conn *next_dead;
    char in[IN_BYTES + 1];
} conn;

static int epoll;
static conn *waiting[MAX_CONNS]; /* a binary heap, the stream due first on top */
static int waiting_len;
static conn *dead; /* freed only after the batch of events that may still name them */

static uint64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000ull + t.tv_nsec;
}

/* The heap of streams */

static void place(conn *c, int slot) {
    waiting[slot] = c;
    c->slot = slot;
}

static void sift(conn *c, int slot) {
    for (int up; slot && waiting[up = (slot - 1) / 2]->due > c->due; slot = up) place(waiting[up], slot);
    for (int down; (down = 2 * slot + 1) < waiting_len; slot = down) {
        if (down + 1 < waiting_len && waiting[down + 1]->due < waiting[down]->due) down++;
        if (waiting[down]->due >= c->due) break;
        place(waiting[down], slot);
    }
    place(c, slot);
}

static void schedule(conn *c, uint64_t due) {
    c->due = due;
    sift(c, c->slot == IDLE_SLOT ? waiting_len++ : c->slot);
}

static void unschedule(conn *c) {
    if (c->slot == IDLE_SLOT) return;
    int slot = c->slot;
    conn *last = waiting[--waiting_len];
    c->slot = IDLE_SLOT;
    if (last != c) sift(last, slot);
}

/* Sending */

static void drop(conn *c) {
    if (c->fd < 0) return;
    unschedule(c);
    close(c->fd);
    c->fd = -1;
    c->next_dead = dead;
    dead = c;
}

static void watch(conn *c, int op, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = c};
    epoll_ctl(epoll, op, c->fd, &event);
}

static void write_out(conn *c, const char *data, size_t len) {
    if (c->fd < 0) return;
    if (!c->out_len) {
        ssize_t sent = send(c->fd, data, len, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN) {
            drop(c);
            return;
        }
        if (sent > 0) data += sent, len -= sent;
        if (!len) return;
        watch(c, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
    }
    c->out = realloc(c->out, c->out_len + len);
    memcpy(c->out + c->out_len, data, len);
    c->out_len += len;
}

static void flush_out(conn *c) {
    ssize_t sent = send(c->fd, c->out, c->out_len, MSG_NOSIGNAL);
    if (sent <= 0) return;
    c->out_len -= sent;
    memmove(c->out, c->out + sent, c->out_len);
    if (!c->out_len) watch(c, EPOLL_CTL_MOD, EPOLLIN);
}

/* What is answered */

#define ID "\"id\":\"chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT\""

static size_t wrap(char *to, const char *event, int len) { /* an event as one chunk of the transfer coding */
    return sprintf(to, "%x\r\n%s\r\n", len, event);
}

static size_t typed(char *to, const char *type, const char *members, ...) { /* an event whose type is its name */
    char event[4096], rest[3072];
    va_list list;
    va_start(list, members);
    vsnprintf(rest, sizeof rest, members, list);
    va_end(list);
    return wrap(to, event, sprintf(event, "event: %s\ndata: {\"type\":\"%s\"%s}\n\n", type, type, rest));
}

/* Chat Completions */

static size_t chunk(char *to, const conn *c, const char *delta, const char *finish) {
    char event[1024];
    int len = sprintf(event,
        "data: {" ID ",\"object\":\"chat.completion.chunk\",\"created\":1760000000,\"model\":\"%s\","
        "\"service_tier\":\"default\",\"system_fingerprint\":\"fp_44709d6fcb\",\"choices\":[{\"index\":0,"
        "\"delta\":{%s},\"logprobs\":null,\"finish_reason\":%s}]%s}\n\n",
        c->model, delta, finish, c->with_usage ? ",\"usage\":null" : "");
    return wrap(to, event, len);
}

static size_t chat_ending(char *to, const conn *c) {
    size_t len = chunk(to, c, "", "\"stop\"");
    if (c->with_usage) {
        char event[1024];
        int size = sprintf(event,
            "data: {" ID ",\"object\":\"chat.completion.chunk\",\"created\":1760000000,\"model\":\"%s\","
            "\"service_tier\":\"default\",\"system_fingerprint\":\"fp_44709d6fcb\",\"choices\":[],"
            "\"usage\":{\"prompt_tokens\":24,\"completion_tokens\":%d,\"total_tokens\":%d}}\n\n",
            c->model, c->chunks, 24 + c->chunks);
        len += wrap(to + len, event, size);
    }
    return len + wrap(to + len, "data: [DONE]\n\n", 14);
}

/* Responses. What is said of the whole text at its end is left short: nobody here reads it. */

#define RESPONSE "\"id\":\"resp_68af4030592c81938ec0a5fbab4a3e9f\",\"object\":\"response\",\"created_at\":1760000000"
#define ITEM "\"id\":\"msg_68af40337e548193a0a1bb3d0f8d9ee1\",\"type\":\"message\",\"role\":\"assistant\""
#define PLACE ",\"item_id\":\"msg_68af40337e548193a0a1bb3d0f8d9ee1\",\"output_index\":0,\"content_index\":0"
#define PART ",\"part\":{\"type\":\"output_text\",\"text\":\"%s\",\"annotations\":[],\"logprobs\":[]}"

static size_t responses_beginning(char *to, conn *c) {
    size_t len = 0;
    for (; c->number < 2; c->number++)
        len += typed(to + len, c->number ? "response.in_progress" : "response.created",
                     ",\"sequence_number\":%d,\"response\":{" RESPONSE ",\"status\":\"in_progress\",\"model\":\"%s\","
                     "\"output\":[],\"parallel_tool_calls\":true,\"tool_choice\":\"auto\",\"tools\":[],\"usage\":null}",
                     c->number, c->model);
    len += typed(to + len, "response.output_item.added",
                 ",\"sequence_number\":%d,\"output_index\":0,\"item\":{" ITEM ",\"status\":\"in_progress\",\"content\":[]}",
                 c->number++);
    return len + typed(to + len, "response.content_part.added", ",\"sequence_number\":%d" PLACE PART, c->number++, "");
}

static size_t responses_ending(char *to, conn *c) {
    const char *item = "{" ITEM ",\"status\":\"completed\",\"content\":[{\"type\":\"output_text\",\"text\":\"said\","
                       "\"annotations\":[],\"logprobs\":[]}]}";
    size_t len = typed(to, "response.output_text.done", ",\"sequence_number\":%d" PLACE ",\"text\":\"said\",\"logprobs\":[]",
                       c->number);
    len += typed(to + len, "response.content_part.done", ",\"sequence_number\":%d" PLACE PART, c->number + 1, "said");
    len += typed(to + len, "response.output_item.done", ",\"sequence_number\":%d,\"output_index\":0,\"item\":%s",
                 c->number + 2, item);
    return len + typed(to + len, "response.completed",
                       ",\"sequence_number\":%d,\"response\":{" RESPONSE ",\"status\":\"completed\",\"model\":\"%s\","
                       "\"output\":[%s],\"parallel_tool_calls\":true,\"tool_choice\":\"auto\",\"tools\":[],\"usage\":{"
                       "\"input_tokens\":24,\"input_tokens_details\":{\"cached_tokens\":0},\"output_tokens\":%d,"
                       "\"output_tokens_details\":{\"reasoning_tokens\":0},\"total_tokens\":%d}}",
                       c->number + 3, c->model, item, c->chunks, 24 + c->chunks);
}

/* Messages */

static size_t messages_beginning(char *to, const conn *c) {
    size_t len = typed(to, "message_start",
                       ",\"message\":{\"id\":\"msg_01XFDUDYJgAACzvnptvVoYEL\",\"type\":\"message\",\"role\":\"assistant\","
                       "\"model\":\"%s\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,"
                       "\"usage\":{\"input_tokens\":24,\"output_tokens\":1}}", c->model);
    return len + typed(to + len, "content_block_start", ",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}");
}

static size_t messages_ending(char *to, const conn *c) {
    size_t len = typed(to, "content_block_stop", ",\"index\":0");
    len += typed(to + len, "message_delta",
                 ",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":%d}",
                 c->chunks);
    return len + typed(to + len, "message_stop", "");
}

/* Any of them */

static size_t beginning(char *to, conn *c) {
    if (c->dialect == RESPONSES) return responses_beginning(to, c);
    if (c->dialect == MESSAGES) return messages_beginning(to, c);
    return chunk(to, c, "\"role\":\"assistant\",\"content\":\"\",\"refusal\":null", "null");
}

static size_t content(char *to, conn *c) {
    char delta[64], text[32];
    sprintf(text, "t=%018llu", (unsigned long long)now());
    c->sent++;
    if (c->dialect == RESPONSES)
        return typed(to, "response.output_text.delta", ",\"sequence_number\":%d" PLACE ",\"delta\":\"%s\",\"logprobs\":[]",
                     c->number++, text);
    if (c->dialect == MESSAGES)
        return typed(to, "content_block_delta", ",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"%s\"}", text);
    sprintf(delta, "\"content\":\"%s\"", text);
    return chunk(to, c, delta, "null");
}

static size_t ending(char *to, conn *c) {
    size_t len = c->dialect == RESPONSES ? responses_ending(to, c)
               : c->dialect == MESSAGES  ? messages_ending(to, c)
                                         : chat_ending(to, c);
    return len + sprintf(to + len, "0\r\n\r\n");
}

static void begin_stream(conn *c, const char *body) {
    char out[16384];
    size_t len = sprintf(out, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
                              "Cache-Control: no-cache\r\nx-request-id: req_upstream\r\n"
                              "Transfer-Encoding: chunked\r\n\r\n");
    unsigned chunks = 20, gap = 20000;
    const char *pace = strstr(body, "[[n=");
    if (pace) sscanf(pace, "[[n=%u,gap=%u]]", &chunks, &gap);
    c->sent = c->number = 0;
    c->chunks = chunks;
    c->gap = gap * 1000ull;
    c->with_usage = strstr(body, "\"include_usage\":true") != NULL;
    len += beginning(out + len, c);
    len += content(out + len, c);
    write_out(c, out, len);
    if (c->fd >= 0) schedule(c, now() + (uint64_t)(drand48() * c->gap));
}

static void step(conn *c) {
    char out[16384];
    size_t len;
    if (c->sent < c->chunks) {
        len = content(out, c);
        schedule(c, c->due + c->gap);
    } else {
        len = ending(out, c);
        unschedule(c);
    }
    write_out(c, out, len);
}

#define SAID "A gateway stands between applications and the models they call. It checks who calls, finds the model, " \
             "forwards the request and writes down what was used."

static int whole(char *to, const conn *c) {
    if (c->dialect == RESPONSES)
        return sprintf(to,
            "{" RESPONSE ",\"status\":\"completed\",\"model\":\"%s\",\"output\":[{" ITEM ",\"status\":\"completed\","
            "\"content\":[{\"type\":\"output_text\",\"text\":\"" SAID "\",\"annotations\":[],\"logprobs\":[]}]}],"
            "\"parallel_tool_calls\":true,\"tool_choice\":\"auto\",\"tools\":[],\"usage\":{\"input_tokens\":24,"
            "\"input_tokens_details\":{\"cached_tokens\":0},\"output_tokens\":38,"
            "\"output_tokens_details\":{\"reasoning_tokens\":0},\"total_tokens\":62}}", c->model);
    if (c->dialect == MESSAGES)
        return sprintf(to,
            "{\"id\":\"msg_01XFDUDYJgAACzvnptvVoYEL\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"%s\","
            "\"content\":[{\"type\":\"text\",\"text\":\"" SAID "\"}],\"stop_reason\":\"end_turn\",\"stop_sequence\":null,"
            "\"usage\":{\"input_tokens\":24,\"output_tokens\":38}}", c->model);
    return sprintf(to,
        "{" ID ",\"object\":\"chat.completion\",\"created\":1760000000,\"model\":\"%s\",\"choices\":[{\"index\":0,"
        "\"message\":{\"role\":\"assistant\",\"content\":\"" SAID "\",\"refusal\":null,\"annotations\":[]},"
        "\"logprobs\":null,\"finish_reason\":\"stop\"}],"
        "\"usage\":{\"prompt_tokens\":24,\"completion_tokens\":38,\"total_tokens\":62},"
        "\"service_tier\":\"default\",\"system_fingerprint\":\"fp_44709d6fcb\"}",
        c->model);
}

static void answer_whole(conn *c) {
    char body[2048], out[4096];
    int len = whole(body, c);
    write_out(c, out, sprintf(out, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
                                   "x-request-id: req_upstream\r\n\r\n%s", len, body));
}

static void answer(conn *c, char *body, size_t len) {
    char after = body[len];
    body[len] = 0;
    strcpy(c->model, "unnamed");
    c->dialect = strstr(c->in, "/responses HTTP") ? RESPONSES : strstr(c->in, "/messages HTTP") ? MESSAGES : CHAT;
    const char *model = strstr(body, "\"model\":");
    if (model) sscanf(model + 8, " \"%63[^\"]", c->model);
    if (strstr(body, "\"stream\":true")) begin_stream(c, body);
    else answer_whole(c);
    body[len] = after;
}

/* Receiving */

static void receive(conn *c) {
    ssize_t got = recv(c->fd, c->in + c->have, IN_BYTES - c->have, 0);
    if (got <= 0) {
        if (got == 0 || errno != EAGAIN) drop(c);
        return;
    }
    c->have += got;
    while (c->fd >= 0 && c->slot == IDLE_SLOT && c->have) {
        c->in[c->have] = 0;
        char *end = strstr(c->in, "\r\n\r\n");
        if (!end) break;
        char *length = strcasestr(c->in, "\r\ncontent-length:");
        size_t head = end - c->in + 4, body = length && length < end ? strtoul(length + 17, NULL, 10) : 0;
        if (c->have < head + body) break;
        answer(c, c->in + head, body);
        c->have -= head + body;
        memmove(c->in, c->in + head + body, c->have);
    }
    if (c->have == IN_BYTES) drop(c);
}

static void accept_all(int listener) {
    int one = 1;
    for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0;) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        conn *c = calloc(1, sizeof *c);
        c->fd = fd;
        c->slot = IDLE_SLOT;
        watch(c, EPOLL_CTL_ADD, EPOLLIN);
    }
}

static int listen_on(int port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (void *)&at, sizeof at) || listen(fd, 4096) || getsockname(fd, (void *)&at, &len)) {
        perror("mock: cannot listen");
        exit(1);
    }
    printf("%d\n", ntohs(at.sin_port));
    fflush(stdout);
    return fd;
}

static void raise_file_limit(void) {
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
}

int main(int argc, char **argv) {
    raise_file_limit();
    epoll = epoll_create1(0);
    int listener = listen_on(argc > 1 ? atoi(argv[1]) : 0);
    struct epoll_event events[256], event = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        while (waiting_len && waiting[0]->due <= now()) step(waiting[0]);
        struct timespec pause = {0, 0}, *wait = NULL;
        if (waiting_len) {
            uint64_t t = now(), due = waiting[0]->due, left = due > t ? due - t : 0;
            pause = (struct timespec){left / 1000000000, left % 1000000000};
            wait = &pause;
        }
        int n = epoll_pwait2(epoll, events, 256, wait, NULL);
        for (int i = 0; i < n; i++) {
            conn *c = events[i].data.ptr;
            if (!c) accept_all(listener);
            else if (c->fd >= 0 && events[i].events & EPOLLOUT && c->out_len) flush_out(c);
            if (c && c->fd >= 0 && events[i].events & ~EPOLLOUT) receive(c);
        }
        for (conn *c; (c = dead); free(c->out), free(c)) dead = c->next_dead;
    }
}
