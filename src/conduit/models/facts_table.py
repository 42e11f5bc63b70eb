"""What is known of models, as their providers published it; read by ``facts``.

A row is a name, the context window and the longest answer in tokens, what is read beside text, and
US dollars for a million tokens: of input, of output, of input read from the cache and of input
written to it. A dash is what is not known, or costs no more than input. A name stands for its dated
versions too, where those cost the same. Prices are those of the standard tier, and of the first
step where a long prompt costs more; where a time of day costs more, or a beginning less for a few
weeks, it is the higher one.
"""

from __future__ import annotations

CHECKED = "2026-11-30"
"""When the rows were last compared with two public collections of list prices."""

TABLES: dict[str, str] = {
    "openai": """
gpt-6-astra             1050000  128000  image  10    50    1      12.5
gpt-6.1-sol             1050000  128000  image  2     10    0.1    2.5
gpt-6.1-terra           1050000  128000  image  1     5     0.05   1.25
gpt-6-sol               1050000  128000  image  2     10    0.2    2.5
gpt-6-luna              1050000  128000  image  0.1   0.5   0.01   0.125
gpt-5.6                 1050000  128000  image  4     20    0.4    5
gpt-5.6-sol             1050000  128000  image  4     20    0.4    5
gpt-5.6-terra           1050000  128000  image  2     12    0.2    2.5
gpt-5.6-luna            1050000  128000  image  0.2   1.2   0.02   0.25
gpt-5.5                 1050000  128000  image  5     30    0.5    -
gpt-5.5-pro             1050000  128000  image  30    180   -      -
gpt-5.4                 1050000  128000  image  2.5   15    0.25   -
gpt-5.4-pro             1050000  128000  image  30    180   -      -
gpt-5.4-mini            400000   128000  image  0.75  4.5   0.075  -
gpt-5.4-nano            400000   128000  image  0.2   1.25  0.02   -
gpt-5.3-codex           400000   128000  image  1.75  14    0.175  -
gpt-5.3-chat            128000   16384   image  1.75  14    0.175  -
gpt-5.2                 400000   128000  image  1.75  14    0.175  -
gpt-5.2-codex           400000   128000  image  1.75  14    0.175  -
gpt-5.2-pro             400000   128000  image  21    168   -      -
gpt-5.2-chat            128000   16384   image  1.75  14    0.175  -
gpt-5.1                 400000   128000  image  1.25  10    0.125  -
gpt-5.1-codex           400000   128000  image  1.25  10    0.125  -
gpt-5.1-codex-max       400000   128000  image  1.25  10    0.125  -
gpt-5.1-chat            128000   16384   image  1.25  10    0.125  -
gpt-5                   400000   128000  image  1.25  10    0.125  -
gpt-5-pro               400000   272000  image  15    120   -      -
gpt-5-codex             400000   128000  image  1.25  10    0.125  -
gpt-5-mini              400000   128000  image  0.25  2     0.025  -
gpt-5-nano              400000   128000  image  0.05  0.4   0.005  -
gpt-5-chat              128000   16384   image  1.25  10    0.125  -
gpt-4.1                 1047576  32768   image  2     8     0.5    -
gpt-4.1-mini            1047576  32768   image  0.4   1.6   0.1    -
gpt-4.1-nano            1047576  32768   image  0.1   0.4   0.025  -
gpt-4o                  128000   16384   image  2.5   10    1.25   -
gpt-4o-2024-05-13       128000   4096    image  5     15    -      -
gpt-4o-mini             128000   16384   image  0.15  0.6   0.075  -
gpt-4-turbo             128000   4096    image  10    30    -      -
gpt-4-0125-preview      128000   4096    -      10    30    -      -
gpt-4-1106-preview      128000   4096    -      10    30    -      -
gpt-4                   8192     4096    -      30    60    -      -
gpt-3.5-turbo           16385    4096    -      0.5   1.5   -      -
gpt-3.5-turbo-1106      16385    4096    -      1     2     -      -
o1                      200000   100000  image  15    60    7.5    -
o1-pro                  200000   100000  image  150   600   -      -
o3                      200000   100000  image  2     8     0.5    -
o3-pro                  200000   100000  image  20    80    -      -
o3-mini                 200000   100000  -      1.1   4.4   0.55   -
o4-mini                 200000   100000  image  1.1   4.4   0.275  -
text-embedding-3-large  8191     -       -      0.13  0     -      -
text-embedding-3-small  8191     -       -      0.02  0     -      -
text-embedding-ada-002  8191     -       -      0.1   0     -      -
""",
    "anthropic": """
claude-fable-5-1   1000000  128000  image  10   50   0.25  12.5
claude-fable-5     1000000  128000  image  10   50   1     12.5
claude-opus-5-5    1000000  128000  image  4    20   0.2   5
claude-opus-5      1000000  128000  image  5    25   0.5   6.25
claude-opus-4-8    1000000  128000  image  5    25   0.5   6.25
claude-opus-4-7    1000000  128000  image  5    25   0.5   6.25
claude-opus-4-6    1000000  128000  image  5    25   0.5   6.25
claude-opus-4-5    200000   64000   image  5    25   0.5   6.25
claude-opus-4-1    200000   32000   image  15   75   1.5   18.75
claude-opus-4      200000   32000   image  15   75   1.5   18.75
claude-sonnet-5-5  1000000  128000  image  2    10   0.1   2.5
claude-sonnet-5    1000000  128000  image  2    10   0.2   2.5
claude-sonnet-4-6  1000000  128000  image  3    15   0.3   3.75
claude-sonnet-4-5  200000   64000   image  3    15   0.3   3.75
claude-sonnet-4    200000   64000   image  3    15   0.3   3.75
claude-haiku-5-5   1000000  128000  image  0.1  0.5  0.01  0.125
claude-haiku-4-5   200000   64000   image  1    5    0.1   1.25
""",
    "gemini": """
gemini-4-argon         1048576  1048576  image,audio  4      20    0.2    -
gemini-3.8-flash       1048576  65536    image,audio  1.5    7.5   0.15   -
gemini-3.7-flash       1048576  65536    image,audio  1.5    7.5   0.15   -
gemini-3.6-flash       1048576  65536    image,audio  1.5    7.5   0.15   -
gemini-3.5-flash       1048576  65536    image,audio  1.5    9     0.15   -
gemini-3.5-flash-lite  1048576  65536    image,audio  0.3    2.5   0.03   -
gemini-3.1-pro         1048576  65536    image,audio  2      12    0.2    -
gemini-3.1-flash-lite  1048576  65536    image,audio  0.25   1.5   0.025  -
gemini-3-flash         1048576  65536    image,audio  0.5    3     0.05   -
gemini-2.5-pro         1048576  65536    image,audio  1.25   10    0.125  -
gemini-2.5-flash       1048576  65536    image,audio  0.3    2.5   0.03   -
gemini-2.5-flash-lite  1048576  65536    image,audio  0.1    0.4   0.01   -
gemini-embedding-001   2048     -        -            0.15   0     -      -
gemini-embedding-2     8192     -        image,audio  0.2    0     -      -
""",
    "mistral": """
mistral-large-4         1048576  1048576  image  0.7   2.1  0.07   -
mistral-large-latest    262144   262144   image  0.5   1.5  0.05   -
mistral-large-2512      262144   262144   image  0.5   1.5  0.05   -
mistral-medium-latest   262144   262144   image  1.5   7.5  0.15   -
mistral-medium-3-5      262144   262144   image  1.5   7.5  0.15   -
mistral-medium-2604     262144   262144   image  1.5   7.5  0.15   -
mistral-small-latest    262144   262144   image  0.15  0.6  0.015  -
mistral-small-2603      262144   262144   image  0.15  0.6  0.015  -
codestral-latest        128000   128000   -      0.3   0.9  0.03   -
codestral-2508          128000   128000   -      0.3   0.9  0.03   -
devstral-medium-latest  256000   256000   -      0.4   2    0.04   -
ministral-14b-latest    262144   262144   image  0.2   0.2  0.02   -
ministral-14b-2512      262144   262144   image  0.2   0.2  0.02   -
mistral-embed           8192     -        -      0.1   0    -      -
codestral-embed         8192     -        -      0.15  0    0.015  -
""",
    "groq": """
openai/gpt-oss-120b  131072  65536  -      0.15   0.6  0.075   -
openai/gpt-oss-20b   131072  65536  -      0.075  0.3  0.0375  -
qwen/qwen3.8-27b     131072  16384  image  0.8    4    -       -
""",
    "deepseek": """
deepseek-flash     1000000  393216  image  0.3   1.2   0.006  -
deepseek-v4-flash  1000000  393216  image  0.3   1.2   0.006  -
deepseek-v4-pro    1000000  393216  -      1.32  3.96  0.044  -
""",
    "xai": """
grok-4.7        500000   -  image  2     6    0.5  -
grok-4.6        500000   -  image  2     6    0.5  -
grok-4.5        500000   -  image  2     6    0.3  -
grok-4.3        1000000  -  image  1.25  2.5  0.2  -
grok-4.20       1000000  -  image  1.25  2.5  0.2  -
grok-build-0.1  256000   -  image  1     2    0.2  -
""",
    "perplexity": """
sonar                128000  -     image  1  1   -  -
sonar-pro            200000  8000  image  3  15  -  -
sonar-reasoning-pro  128000  -     image  2  8   -  -
sonar-deep-research  128000  -     -      2  8   -  -
""",
    "cerebras": """
gpt-oss-120b  131072  32768  -      0.35  0.75  -  -
qwen-3.8-27b  65536   32768  image  0.99  1.49  -  -
gemma-4-31b   131072  40960  image  0.99  1.49  -  -
""",
    "moonshot": """
kimi-k3.1-pro   1048576  -  image  2     10  0.2   2
kimi-k3         1048576  -  image  3     15  0.3   3
kimi-k2.7-code  262144   -  image  0.95  4   0.19  -
kimi-k2.6       262144   -  image  0.95  4   0.16  -
kimi-k2.5       262144   -  image  0.6   3   0.1   -
""",
    "zai": """
glm-5.3        1000000  128000  -      1.4   4.4  0.26  -
glm-5.3-flash  1048576  128000  image  0.15  0.5  0.03  -
glm-5.2        1000000  128000  -      1.4   4.4  0.26  -
glm-5.1        200000   128000  -      1.4   4.4  0.26  -
glm-5          200000   128000  -      1     3.2  0.2   -
glm-4.7        200000   128000  -      0.6   2.2  0.11  -
glm-4.6        200000   128000  -      0.6   2.2  0.11  -
""",
    "sambanova": """
gpt-oss-120b                 131072  -  -  0.22  0.59  -  -
Meta-Llama-3.3-70B-Instruct  131072  -  -  0.6   1.2   -  -
MiniMax-M2.7                 196608  -  -  0.6   2.4   -  -
""",
    "together": """
moonshotai/Kimi-K3.1-Pro                 1048576  -       image  2     10    0.2    -
moonshotai/Kimi-K3                       1048576  -       image  3     15    0.3    -
zai-org/GLM-5.3                          1048575  128000  -      1.4   4.4   0.26   -
zai-org/GLM-5.3-Flash                    1048575  128000  image  0.15  0.5   0.03   -
deepseek-ai/DeepSeek-V4.1-Flash          1048576  -       -      0.3   1.2   0.006  -
deepseek-ai/DeepSeek-V4-Pro-0813         1048576  -       -      1.32  3.96  0.13   -
openai/gpt-oss-120b                      131072   -       -      0.15  0.6   -      -
openai/gpt-oss-20b                       131072   -       -      0.05  0.2   -      -
meta-llama/Llama-3.3-70B-Instruct-Turbo  131072   -       -      1.04  1.04  -      -
""",
    "fireworks": """
accounts/fireworks/models/glm-5p2        1048576  131072  -      1.4   4.4  0.14   -
accounts/fireworks/models/glm-5p1        202752   131072  -      1.4   4.4  0.26   -
accounts/fireworks/models/kimi-k2p7-code 262144   32768   image  0.95  4    0.19   -
accounts/fireworks/models/kimi-k2p6      262144   32768   image  0.95  4    0.16   -
accounts/fireworks/models/gpt-oss-120b   131072   32768   -      0.15  0.6  0.015  -
accounts/fireworks/models/gpt-oss-20b    131072   32768   -      0.07  0.3  0.035  -
""",
    "bedrock": """
amazon.nova-premier  1000000  10000  image  2.5    12.5  0.625    -
amazon.nova-pro      300000   10000  image  0.8    3.2   0.2      -
amazon.nova-lite     300000   10000  image  0.06   0.24  0.015    -
amazon.nova-micro    128000   10000  -      0.035  0.14  0.00875  -
amazon.nova-2-lite   1000000  64000  image  0.3    2.5   0.075    -
""",
}
