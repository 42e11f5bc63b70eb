/* The clients of the benchmark: each connection asks again as soon as it has its answer.
 *
 *     load -p PORT [-c CONNECTIONS] [-d SECONDS | -n REQUESTS] [-H 'Name: value']... [-k] [-C] [-o]
 *          [-u PATH] {-b FILE | -x FILE}...
 *
 * One thread, epoll, 127.0.0.1 only. The files are bodies to POST, taken in turns; -u is the path
 * of those that follow it. Of an answer to -x only the first bytes are awaited: then that client
 * hangs up. -k makes a new connection for each request, -C sends bodies in chunks, -o writes a line
 * to standard error when every connection has had the first byte of an answer.
 *
 * Prints one JSON object. Times are microseconds, from a histogram that is right to 0.8 %.
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
#include <time.h>
#include <unistd.h>

enum { HEAD_ROOM = 8192, MOST_BODIES = 16, FINE = 7, BUCKETS = 64 << FINE };
enum State { IN_HEAD, FIXED, SIZE_LINE, CHUNK, AFTER_CHUNK, TRAILER, TO_THE_END };
enum Outcome { MORE, WHOLE, BROKEN };

typedef struct { char *at; size_t size; int leaves; } Request;
typedef struct {
    int fd, status, closes, answered_before;
    const Request *request;
    size_t sent;
    enum State state;
    int64_t begun, first;
    long long left;
    long events;
    int line_at;                     /* place in the present line, for finding "data:" */
    char head[HEAD_ROOM]; int head_size;
    char line[32]; int line_size;
} Conn;
typedef struct { long count; double sum; int64_t most; uint32_t bucket[BUCKETS]; } Histogram;

static Conn *conns;
static Request requests[MOST_BODIES];
static int bodies, connections = 1, port, poller, anew, chunked, announce;
static long asked, wanted, whole, refused, broken, left_early, events, redials, opened;
static double bytes;
static char headers[8192];
static Histogram answer, first_byte;

static int64_t now_ns(void) {
    struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}
static void fail(const char *what) { perror(what); exit(1); }

/* ---- times: 128 buckets for each power of two of nanoseconds */
static int bucket_of(int64_t ns) {
    if (ns < 1 << FINE) return ns < 0 ? 0 : ns;
    int power = 63 - __builtin_clzll(ns) - FINE;
    return (power << FINE) + (ns >> power);
}
static double middle_of(int bucket) {
    if (bucket < 2 << FINE) return bucket;
    int power = (bucket >> FINE) - 1;
    return ((double)(bucket - (power << FINE)) + 0.5) * (double)(1LL << power);
}
static void note(Histogram *h, int64_t ns) {
    h->count++; h->sum += ns; h->bucket[bucket_of(ns)]++;
    if (ns > h->most) h->most = ns;
}
static double quantile(const Histogram *h, double share) {
    long seen = 0, want = share * h->count;
    for (int i = 0; i < BUCKETS; i++) if ((seen += h->bucket[i]) > want) return middle_of(i) / 1e3;
    return h->most / 1e3;
}

/* ---- requests */
static void add_request(const char *path, const char *file, int leaves) {
    if (bodies == MOST_BODIES) { fprintf(stderr, "load: too many bodies\n"); exit(2); }
    FILE *from = fopen(file, "rb");
    if (!from) fail(file);
    fseek(from, 0, SEEK_END);
    size_t size = ftell(from);
    rewind(from);
    char *all = malloc(size + HEAD_ROOM + sizeof headers + strlen(path));
    if (!all) fail("load");
    int head = sprintf(all, "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: application/json\r\n%s%s",
                       path, port, headers, anew ? "Connection: close\r\n" : "");
    if (chunked) head += sprintf(all + head, "Transfer-Encoding: chunked\r\n\r\n%zx\r\n", size);
    else head += sprintf(all + head, "Content-Length: %zu\r\n\r\n", size);
    if (fread(all + head, 1, size, from) != size) fail(file);
    fclose(from);
    size += head;
    if (chunked) size += sprintf(all + size, "\r\n0\r\n\r\n");
    requests[bodies++] = (Request){all, size, leaves};
}
static void watch(Conn *c, int operation, uint32_t what) {
    struct epoll_event event = {.events = what, .data.ptr = c};
    epoll_ctl(poller, operation, c->fd, &event);
}
static int dial(Conn *c) {
    struct sockaddr_in there = {AF_INET, htons(port), {htonl(INADDR_LOOPBACK)}, {0}};
    int one = 1;
    if ((c->fd = socket(AF_INET, SOCK_STREAM, 0)) < 0) fail("load: socket");
    if (connect(c->fd, (void *)&there, sizeof there)) { close(c->fd); c->fd = -1; return -1; }
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    watch(c, EPOLL_CTL_ADD, EPOLLIN);
    c->answered_before = 0;
    return 0;
}
static void hang_up(Conn *c) { if (c->fd >= 0) close(c->fd); c->fd = -1; }

static void push(Conn *c) {          /* what the socket takes now of the request */
    while (c->sent < c->request->size) {
        ssize_t put = send(c->fd, c->request->at + c->sent, c->request->size - c->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (put < 0 && errno == EAGAIN) { watch(c, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT); return; }
        if (put < 0) return;         /* the answer, or the end, will be read */
        if ((c->sent += put) == c->request->size && (size_t)put < c->request->size) watch(c, EPOLL_CTL_MOD, EPOLLIN);
    }
}
static void ask(Conn *c) {
    if (wanted && asked >= wanted) { hang_up(c); return; }
    c->request = &requests[asked++ % bodies];
    c->sent = 0;
    c->state = IN_HEAD;
    c->status = c->closes = c->head_size = c->line_size = c->line_at = 0;
    c->events = 0;
    c->first = 0;
    c->begun = now_ns();
    if (c->fd < 0 && dial(c)) { broken++; return; }
    push(c);
}

/* ---- answers */
static void read_head(Conn *c) {
    char *at, *head = c->head;
    head[c->head_size] = 0;
    c->status = c->head_size > 12 ? atoi(head + 9) : 0;
    c->closes = anew || ((at = strcasestr(head, "\r\nconnection:")) && !strncasecmp(at + 13 + strspn(at + 13, " "), "close", 5));
    if ((at = strcasestr(head, "\r\ntransfer-encoding:"))) c->state = SIZE_LINE;
    else if ((at = strcasestr(head, "\r\ncontent-length:"))) { c->left = atoll(at + 17); c->state = FIXED; }
    else { c->state = TO_THE_END; c->closes = 1; }
    if (c->status == 100) { c->state = IN_HEAD; c->head_size = 0; }
}
static void read_body(Conn *c, const char *at, size_t size) {
    static const char name[] = "data:";
    bytes += size;
    if (!c->first) {
        c->first = now_ns();
        if (announce && ++opened == connections) fprintf(stderr, "open\n");
    }
    for (const char *end = at + size; at < end; at++) {
        if (c->line_at == 5) {
            if (!(at = memchr(at, '\n', end - at))) return;
            c->line_at = 0;
        } else if (*at == '\n') c->line_at = 0;
        else if (*at != name[c->line_at]) c->line_at = 5;
        else if (++c->line_at == 5) c->events++;
    }
}
static enum Outcome feed(Conn *c, const char *at, size_t size) {
    for (const char *end = at + size; at < end;) {
        switch (c->state) {
        case IN_HEAD:
            if (c->head_size == HEAD_ROOM - 1) return BROKEN;
            c->head[c->head_size++] = *at++;
            if (c->head_size >= 4 && !memcmp(c->head + c->head_size - 4, "\r\n\r\n", 4)) read_head(c);
            if (c->state == FIXED && !c->left) return WHOLE;
            break;
        case FIXED: case CHUNK: {
            size_t take = end - at < c->left ? end - at : c->left;
            read_body(c, at, take);
            at += take;
            if ((c->left -= take)) break;
            if (c->state == FIXED) return WHOLE;
            c->state = AFTER_CHUNK;
            break; }
        case AFTER_CHUNK:
            if (*at++ == '\n') c->state = SIZE_LINE;
            break;
        case SIZE_LINE: case TRAILER:
            if (*at != '\n') { if (c->line_size < 31) c->line[c->line_size++] = *at; at++; break; }
            at++;
            c->line[c->line_size] = 0;
            if (c->state == TRAILER && (!c->line_size || *c->line == '\r')) return WHOLE;
            if (c->state == SIZE_LINE) c->state = (c->left = strtoll(c->line, NULL, 16)) ? CHUNK : TRAILER;
            c->line_size = 0;
            break;
        case TO_THE_END:
            read_body(c, at, end - at);
            return MORE;
        }
    }
    return MORE;
}
static void finish(Conn *c, int64_t end) {
    int64_t now = now_ns();
    if (now > end) return;
    if (c->status < 200 || c->status > 299) { refused++; return; }
    whole++;
    events += c->events;
    note(&answer, now - c->begun);
    note(&first_byte, (c->first ? c->first : now) - c->begun);
}
static void receive(Conn *c, int64_t end) {
    static char room[1 << 18];
    ssize_t got = recv(c->fd, room, sizeof room, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) {
        int fresh = !c->answered_before, silent = c->state == IN_HEAD && !c->head_size;
        hang_up(c);
        if (c->state == TO_THE_END && !got) finish(c, end);
        else if (silent && !fresh) { redials++; asked--; }   /* it was closed while it was idle */
        else broken++;
        ask(c);
        return;
    }
    enum Outcome outcome = feed(c, room, got);
    if (outcome == MORE && c->first && c->request->leaves) { left_early++; hang_up(c); ask(c); return; }
    if (outcome == MORE) return;
    c->answered_before = 1;
    if (outcome == BROKEN) broken++;
    else finish(c, end);
    if (outcome == BROKEN || c->closes) hang_up(c);
    ask(c);
}
static void report(double seconds) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    double cpu = used.ru_utime.tv_sec + used.ru_stime.tv_sec + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
    printf("{\"seconds\":%.4f,\"answers\":%ld,\"refused\":%ld,\"broken\":%ld,\"left\":%ld,\"redials\":%ld,\"cpu_s\":%.4f,\"mb\":%.2f,\"events\":%.2f",
           seconds, whole, refused, broken, left_early, redials, cpu, bytes / 1e6, whole ? (double)events / whole : 0.0);
    const Histogram *both[] = {&answer, &first_byte};
    const char *names[] = {"us", "first_us"};
    for (int i = 0; i < 2; i++)
        printf(",\"%s\":{\"mean\":%.1f,\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,\"p999\":%.1f,\"most\":%.1f}", names[i],
               both[i]->count ? both[i]->sum / both[i]->count / 1e3 : 0.0, quantile(both[i], .5), quantile(both[i], .9),
               quantile(both[i], .99), quantile(both[i], .999), both[i]->most / 1e3);
    printf("}\n");
}
int main(int count, char **arguments) {
    double seconds = 0;
    const char *path = "/v1/chat/completions";
    for (int option; (option = getopt(count, arguments, "p:u:b:x:c:d:n:H:kCo")) > 0;) switch (option) {
        case 'p': port = atoi(optarg); break;
        case 'u': path = optarg; break;
        case 'b': case 'x': add_request(path, optarg, option == 'x'); break;
        case 'c': connections = atoi(optarg); break;
        case 'd': seconds = atof(optarg); break;
        case 'n': wanted = atol(optarg); break;
        case 'k': anew = 1; break;
        case 'C': chunked = 1; break;
        case 'o': announce = 1; break;
        case 'H':
            if (strlen(headers) + strlen(optarg) + 3 > sizeof headers) return 2;
            strcat(strcat(headers, optarg), "\r\n");
            break;
        default: return 2;
    }
    if (!port || !bodies || connections < 1 || (seconds <= 0 && !wanted)) { fprintf(stderr, "load: see the head of load.c\n"); return 2; }
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    poller = epoll_create1(0);
    if (!(conns = calloc(connections, sizeof *conns))) fail("load");
    for (int i = 0; i < connections; i++) {
        conns[i].fd = -1;
        if (dial(&conns[i])) fail("load: connect");
    }
    int64_t begun = now_ns(), end = seconds > 0 ? begun + (int64_t)(seconds * 1e9) : INT64_MAX;
    for (int i = 0; i < connections; i++) ask(&conns[i]);
    struct epoll_event ready[512];
    while (now_ns() < end && !(wanted && whole + refused + broken + left_early >= wanted)) {
        int n = epoll_wait(poller, ready, 512, 50);
        for (int i = 0; i < n; i++) {
            Conn *c = ready[i].data.ptr;
            if (c->fd < 0) continue;
            if (ready[i].events & EPOLLOUT) push(c);
            if (ready[i].events & ~EPOLLOUT) receive(c, end);
        }
        for (int i = 0; broken && i < connections; i++) if (conns[i].fd < 0) ask(&conns[i]);
    }
    report((now_ns() - begun) / 1e9);
}
