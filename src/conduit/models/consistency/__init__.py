"""Self-consistency: ask several times, take what most answers say, and tell how much they agree.

After Wang et al., "Self-Consistency Improves Chain of Thought Reasoning in Language Models"
(arXiv 2203.11171).
"""
