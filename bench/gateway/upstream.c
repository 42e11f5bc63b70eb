/* The provider of the benchmark: answers at once with bytes it has ready, and costs almost nothing.
 *
 *     upstream PORT
 *
 * One thread, epoll, 127.0.0.1 only. POST …/messages is answered as Anthropic does, any other POST
 * as OpenAI's chat completions; "stream": true gets server-sent events, each an HTTP chunk of its
 * own. Any GET is answered with a list of one model. Text in a message directs the answer, because
 * it passes through every gateway:
 *
 *     [[delay=US]]   microseconds before the first byte
 *     [[pace=US]]    microseconds between the pieces of a stream; without it, four go into a write
 *     [[events=N]]   pieces of text, 64 if nothing is said
 *
 * With them, OpenAI's stream has 66 events and [DONE]; one more when usage was asked for.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { LARGEST = 256 << 20, PIECES = 64, BURST = 4 };

typedef struct { char *at; size_t size; } Text;
typedef struct { Text whole, opening, piece, burst, closing, closing_with_usage; } Answers;
typedef struct Conn {
    int fd, busy, stream, usage, wants_out;
    const Answers *answers;
    Text out;                        /* what is being sent */
    long events, sent, pace;         /* sent is -1 before the opening */
    int64_t due;                     /* nanoseconds; when to go on */
    int place;                       /* in the heap of those that wait, -1 when not there */
    char *in; size_t have, room;
} Conn;

static Answers openai, anthropic;
static Text models;
static int poller, timer;
static Conn **heap; static int waiting, heap_room;

static int64_t now_ns(void) {
    struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}
static void *need(void *memory) { if (!memory) { perror("upstream"); exit(1); } return memory; }

/* ---- what is answered */
static void add(Text *text, const char *bytes, size_t size) {
    text->at = need(realloc(text->at, text->size + size + 1));
    memcpy(text->at + text->size, bytes, size);
    text->at[text->size += size] = 0;
}
static void add_chunk(Text *text, const char *bytes) {
    char head[32];
    add(text, head, sprintf(head, "%zx\r\n", strlen(bytes)));
    add(text, bytes, strlen(bytes));
    add(text, "\r\n", 2);
}
static Text with_head(const char *body) {
    Text text = {0}; char head[160];
    add(&text, head, sprintf(head, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                                   "Content-Length: %zu\r\n\r\n", strlen(body)));
    add(&text, body, strlen(body));
    return text;
}
#define HEAD "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
#define SENTENCE "Eight bars of dub at a hundred and twenty-four, and rain. "
#define PROSE SENTENCE SENTENCE SENTENCE SENTENCE SENTENCE SENTENCE \
              SENTENCE SENTENCE SENTENCE SENTENCE SENTENCE SENTENCE
#define CHAT "\"id\":\"chatcmpl-bench00000000000000000000001\",\"created\":1700000000,\"model\":\"mock\","
#define EVENT "data: {" CHAT "\"object\":\"chat.completion.chunk\",\"choices\":["
#define COUNTED "\"usage\":{\"prompt_tokens\":200,\"completion_tokens\":64,\"total_tokens\":264}"
#define END "0\r\n\r\n"

static void prepare_openai(Answers *a) {
    a->whole = with_head("{" CHAT "\"object\":\"chat.completion\",\"choices\":[{\"index\":0,\"message\":{"
        "\"role\":\"assistant\",\"content\":\"" PROSE "\"},\"logprobs\":null,\"finish_reason\":\"stop\"}]," COUNTED "}");
    add(&a->opening, HEAD, strlen(HEAD));
    add_chunk(&a->opening, EVENT "{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}\n\n");
    add_chunk(&a->piece, EVENT "{\"index\":0,\"delta\":{\"content\":\" rain\"},\"finish_reason\":null}]}\n\n");
    add_chunk(&a->closing, EVENT "{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n");
    a->closing_with_usage = (Text){0};
    add(&a->closing_with_usage, a->closing.at, a->closing.size);
    add_chunk(&a->closing_with_usage, EVENT "]," COUNTED "}\n\n");
    for (Text *each = &a->closing; each; each = each == &a->closing ? &a->closing_with_usage : NULL) {
        add_chunk(each, "data: [DONE]\n\n");
        add(each, END, strlen(END));
    }
}
static void prepare_anthropic(Answers *a) {
    a->whole = with_head("{\"id\":\"msg_bench0000000000000001\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"mock\","
        "\"content\":[{\"type\":\"text\",\"text\":\"" PROSE "\"}],\"stop_reason\":\"end_turn\",\"stop_sequence\":null,"
        "\"usage\":{\"input_tokens\":200,\"output_tokens\":64}}");
    add(&a->opening, HEAD, strlen(HEAD));
    add_chunk(&a->opening, "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_bench0000000000000001\","
        "\"type\":\"message\",\"role\":\"assistant\",\"model\":\"mock\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,"
        "\"usage\":{\"input_tokens\":200,\"output_tokens\":1}}}\n\n");
    add_chunk(&a->opening, "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,"
        "\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n");
    add_chunk(&a->piece, "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,"
        "\"delta\":{\"type\":\"text_delta\",\"text\":\" rain\"}}\n\n");
    add_chunk(&a->closing, "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n");
    add_chunk(&a->closing, "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\","
        "\"stop_sequence\":null},\"usage\":{\"output_tokens\":64}}\n\n");
    add_chunk(&a->closing, "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n");
    add(&a->closing, END, strlen(END));
    a->closing_with_usage = a->closing;
}
static void prepare(void) {
    prepare_openai(&openai);
    prepare_anthropic(&anthropic);
    for (int i = 0; i < BURST; i++) {
        add(&openai.burst, openai.piece.at, openai.piece.size);
        add(&anthropic.burst, anthropic.piece.at, anthropic.piece.size);
    }
    models = with_head("{\"object\":\"list\",\"data\":[{\"id\":\"mock\",\"object\":\"model\",\"created\":1700000000,"
                       "\"owned_by\":\"bench\"}]}");
}

/* ---- who waits: a heap, soonest first */
static int sooner(int a, int b) { return heap[a]->due < heap[b]->due; }
static void swap(int a, int b) {
    Conn *kept = heap[a]; heap[a] = heap[b]; heap[b] = kept;
    heap[a]->place = a; heap[b]->place = b;
}
static void settle(int at) {
    for (; at && sooner(at, (at - 1) / 2); at = (at - 1) / 2) swap(at, (at - 1) / 2);
    for (;;) {
        int least = at;
        for (int child = 2 * at + 1; child <= 2 * at + 2; child++)
            if (child < waiting && sooner(child, least)) least = child;
        if (least == at) return;
        swap(at, least);
        at = least;
    }
}
static void wait_until_due(Conn *c) {
    if (c->place < 0) {
        if (waiting == heap_room) heap = need(realloc(heap, (heap_room = heap_room * 2 + 64) * sizeof *heap));
        heap[c->place = waiting++] = c;
    }
    settle(c->place);
}
static void wait_no_more(Conn *c) {
    if (c->place < 0) return;
    int at = c->place;
    swap(at, --waiting);
    c->place = -1;
    if (at < waiting) settle(at);
}

/* ---- one connection */
static void drop(Conn *c) { wait_no_more(c); close(c->fd); free(c->in); free(c); }

static void watch(Conn *c, int out) {
    if (c->wants_out == out) return;
    struct epoll_event event = {.events = EPOLLIN | (out ? EPOLLOUT : 0), .data.ptr = c};
    epoll_ctl(poller, EPOLL_CTL_MOD, c->fd, &event);
    c->wants_out = out;
}
static void next_piece(Conn *c) {
    const Answers *a = c->answers;
    if (!c->stream) { c->out = a->whole; c->busy = 0; }
    else if (c->sent < 0) { c->out = a->opening; c->sent = 0; c->due += c->pace * 1000; }
    else if (c->sent >= c->events) { c->out = c->usage ? a->closing_with_usage : a->closing; c->busy = 0; }
    else if (!c->pace && c->events - c->sent >= BURST) { c->out = a->burst; c->sent += BURST; }
    else { c->out = a->piece; c->sent++; c->due += c->pace * 1000; }
}
/* Send what may be sent now; -1 when the other side is gone. */
static int pump(Conn *c) {
    while (c->out.size || c->busy) {
        if (!c->out.size) {
            if (c->due && c->due > now_ns()) { wait_until_due(c); return 0; }
            next_piece(c);
        }
        ssize_t put = send(c->fd, c->out.at, c->out.size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (put < 0 && errno == EAGAIN) { watch(c, 1); return 0; }
        if (put < 0) return -1;
        c->out.at += put;
        c->out.size -= put;
    }
    watch(c, 0);
    return 0;
}
static int says_true(const char *body, size_t size, const char *name) {
    const char *at = memmem(body, size, name, strlen(name)), *end = body + size;
    if (!at) return 0;
    for (at += strlen(name); at < end && (*at == ' ' || *at == ':'); at++) {}
    return at < end && *at == 't';
}
static long directive(const char *body, size_t size, const char *name, long otherwise) {
    const char *at = memmem(body, size, name, strlen(name));
    return at ? strtol(at + strlen(name), NULL, 10) : otherwise;
}
static void begin(Conn *c, const char *head, const char *body, size_t size) {
    if (*head != 'P') { c->out = models; return; }
    const char *path_end = strpbrk(head + 5, " ?");
    int messages = path_end && path_end - head > 9 && !memcmp(path_end - 9, "/messages", 9);
    long delay = directive(body, size, "[[delay=", 0);
    c->answers = messages ? &anthropic : &openai;
    c->stream = says_true(body, size, "\"stream\"");
    c->usage = says_true(body, size, "\"include_usage\"");
    c->pace = directive(body, size, "[[pace=", 0);
    c->events = directive(body, size, "[[events=", PIECES);
    c->sent = -1;
    c->due = delay || c->pace ? now_ns() + delay * 1000 : 0;
    c->busy = 1;
}
/* Bytes of the request at the front, head and body; 0 when it is not all there, -1 if unreadable. */
static ssize_t request_size(Conn *c, size_t *head_size) {
    char *end = memmem(c->in, c->have, "\r\n\r\n", 4);
    if (!end) return 0;
    *head_size = end + 4 - c->in;
    *end = 0;                        /* so that the head is a string */
    char *length = strcasestr(c->in, "\r\ncontent-length:"), *coding = strcasestr(c->in, "\r\ntransfer-encoding:");
    size_t size = *head_size + (length ? strtoul(length + 17, NULL, 10) : 0);
    *end = '\r';
    if (coding) {
        char *last = memmem(c->in + *head_size - 2, c->have - *head_size + 2, "\r\n" END, 7);
        return last ? last + 7 - c->in : 0;
    }
    return size > LARGEST ? -1 : c->have < size ? 0 : (ssize_t)size;
}
static int serve(Conn *c) {
    size_t head = 0;
    while (!c->busy && !c->out.size && c->have) {
        ssize_t size = request_size(c, &head);
        if (size <= 0) return size;
        begin(c, c->in, c->in + head, size - head);
        memmove(c->in, c->in + size, c->have -= size);
        if (pump(c)) return -1;
    }
    return 0;
}
static int receive(Conn *c) {
    if (c->room - c->have < 4096) {
        if (c->room > LARGEST) return -1;
        c->in = need(realloc(c->in, c->room = c->room ? c->room * 4 : 4096 + 1));
    }
    ssize_t got = recv(c->fd, c->in + c->have, c->room - c->have - 1, MSG_DONTWAIT);
    if (got < 0) return errno == EAGAIN ? 0 : -1;
    if (!got) return -1;
    c->in[c->have += got] = 0;
    return serve(c);
}
static void accept_all(int listener) {
    int fd, one = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        Conn *c = need(calloc(1, sizeof *c));
        c->fd = fd;
        c->place = -1;
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
        epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
    }
}
static void go_on(void) {            /* with those whose time has come */
    uint64_t times;
    if (read(timer, &times, sizeof times) < 0 && errno != EAGAIN) exit(1);
    for (int64_t now = now_ns(); waiting && heap[0]->due <= now;) {
        Conn *c = heap[0];
        wait_no_more(c);
        if (pump(c) || serve(c)) drop(c);
    }
}
static void set_timer(void) {
    static int64_t set;
    int64_t due = waiting ? heap[0]->due : 0;
    if (due == set) return;
    set = due;
    struct itimerspec at = {.it_value = {due / 1000000000, due % 1000000000}};
    timerfd_settime(timer, TFD_TIMER_ABSTIME, &at, NULL);
}
int main(int count, char **arguments) {
    if (count != 2) { fprintf(stderr, "usage: upstream PORT\n"); return 2; }
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    prepare();
    int one = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in here = {AF_INET, htons(atoi(arguments[1])), {htonl(INADDR_LOOPBACK)}, {0}};
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (void *)&here, sizeof here) || listen(listener, 4096)) { perror("upstream"); return 1; }
    poller = epoll_create1(0);
    timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &listener}, events[512];
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event);
    event.data.ptr = &timer;
    epoll_ctl(poller, EPOLL_CTL_ADD, timer, &event);
    for (;;) {
        int ready = epoll_wait(poller, events, 512, -1), late = 0;
        for (int i = 0; i < ready; i++) {
            Conn *c = events[i].data.ptr;
            if ((void *)c == &listener) accept_all(listener);
            else if ((void *)c == &timer) late = 1;
            else if ((events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR) && receive(c))
                     || (events[i].events & EPOLLOUT && (pump(c) || serve(c)))) drop(c);
        }
        if (late) go_on();           /* last, since it may end connections that events[] names */
        set_timer();
    }
}
