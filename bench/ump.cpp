/* The peer of bench/ump.py: the same words, read with cmidi2's getters into columns.
 *
 *     ump FILE ROUNDS
 *
 * FILE holds native 32-bit words. Prints what was done and the seconds of the best round.
 */
#include <libremidi/cmidi2.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

using words = std::vector<uint32_t>;

struct columns {
    std::vector<uint8_t> type, group, status, channel, index;
    std::vector<uint32_t> value;
};

/* cmidi2 has no size for Flex Data and stream messages; both have four words. */
static size_t size_of(const uint32_t* packet)
{
    const size_t bytes = cmidi2_ump_get_message_size_bytes(packet);
    return bytes ? bytes / 4 : 4;
}

static size_t walk(const words& given)
{
    size_t packets = 0, at = 0;
    while (at < given.size()) {
        at += size_of(&given[at]);
        ++packets;
    }
    return packets;
}

static size_t read(const words& given, columns& into)
{
    size_t packets = 0, at = 0;
    while (at < given.size()) {
        const uint32_t* packet = &given[at];
        const uint8_t type = cmidi2_ump_get_message_type(packet);
        const size_t size = size_of(packet);
        if (at + size > given.size())
            break;
        into.type[packets] = type;
        into.group[packets] = cmidi2_ump_get_group(packet);
        into.status[packets] = cmidi2_ump_get_status_code(packet);
        into.channel[packets] = cmidi2_ump_get_channel(packet);
        if (type == 4) {
            into.index[packets] = cmidi2_ump_get_midi2_note_note(packet);
            const uint8_t status = into.status[packets];
            into.value[packets] = status == 0x80 || status == 0x90
                                      ? cmidi2_ump_get_midi2_note_velocity(packet)
                                      : cmidi2_ump_get_midi2_cc_data(packet);
        }
        at += size;
        ++packets;
    }
    return packets;
}

int main(int argc, char** argv)
{
    if (argc != 3)
        return 2;
    FILE* file = fopen(argv[1], "rb");
    if (!file)
        return 1;
    fseek(file, 0, SEEK_END);
    words given(ftell(file) / 4);
    rewind(file);
    if (fread(given.data(), 4, given.size(), file) != given.size())
        return 1;
    fclose(file);

    columns into;
    into.type.resize(given.size());
    into.group = into.status = into.channel = into.index = into.type;
    into.value.resize(given.size());
    double best[2] = {1e9, 1e9};
    size_t seen = 0;
    for (int round = 0; round < atoi(argv[2]); ++round) {
        for (int what = 0; what < 2; ++what) {
            const auto begun = std::chrono::steady_clock::now();
            seen += what ? read(given, into) : walk(given);
            const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - begun;
            if (spent.count() < best[what])
                best[what] = spent.count();
        }
    }
    if (!seen)
        return 1;
    printf("cmidi2: where packets begin %g\n", best[0]);
    printf("cmidi2: and six fields as columns %g\n", best[1]);
}
