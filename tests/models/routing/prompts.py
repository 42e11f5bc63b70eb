"""Requests as people write them, each with the kind of model that a person would give it.

``TUNED`` are those that the weights and words were chosen with; ``UNSEEN`` were tried only when
everything was fixed. Changing words until ``UNSEEN`` passes makes it worthless.
"""

# ruff: noqa: RUF001 - Chinese has its own question mark and comma.

from __future__ import annotations

from conduit.models.routing.settings import Tier

TUNED: tuple[tuple[Tier, str], ...] = (
    ("local", "hi"),
    ("local", "thanks, that worked!"),
    ("local", "Translate 'good morning' into Spanish."),
    ("local", "Fix the typos: 'Teh quick brwon fox'"),
    ("local", "What is the capital of Australia?"),
    ("local", "Write a haiku about rain."),
    ("local", "Give me five names for a grey cat."),
    ("local", "Make this sound friendlier: Send me the report by noon."),
    ("local", "Summarise in one sentence: The meeting moved to Tuesday as Ana is away."),
    ("local", "How many cups are in a litre?"),
    ("local", "8 bars of dub techno at 124 bpm"),
    ("local", "Wie sagt man 'Ich habe Hunger' auf Italienisch?"),
    ("local", "Schreib eine kurze Absage an den Vermieter."),
    ("local", "Quelle est la capitale du Canada ?"),
    ("local", "用英语怎么说“谢谢”？"),
    ("local", "What does the word 'ephemeral' mean?"),
    ("search", "What's the weather in Lisbon today?"),
    ("search", "Who won the match last night? Give me the latest score."),
    ("search", "What is the current stock price of Nvidia right now?"),
    ("search", "Latest news about the EU AI Act, with sources please."),
    ("search", "Which Python version was released most recently?"),
    ("search", "Wie ist das Wetter heute in Berlin und was sind die aktuellen Nachrichten?"),
    ("search", "Quelles sont les dernières actualités sur l'inflation aujourd'hui ?"),
    ("search", "¿Cuáles son las últimas noticias de hoy?"),
    ("search", "今天有什么最新新闻？"),
    ("search", "Explain how a hash map works and compare it with a balanced tree."),
    ("search", "Write a Python function that parses a CSV with a regex and returns JSON."),
    ("search", "Find recent papers on sparse attention and list the references with links."),
    ("search", "Compare the pros and cons of renting and buying a flat."),
    ("search", "My docker container exits with a Python traceback in asyncio. How do I debug it?"),
    (
        "strongest",
        "Prove that the square root of 2 is irrational. Justify each step rigorously, then explain "
        "why the same argument fails for 4, and derive a general theorem for any prime.",
    ),
    (
        "strongest",
        "Design a distributed rate limiter for a multi-region API. Compare token bucket and "
        "sliding window algorithms, analyse the trade-offs under partition, then plan the "
        "migration step by step from our Redis schema.",
    ),
    (
        "strongest",
        "Refactor this class and explain the race condition:\n```python\nclass Pool:\n    def "
        "get(self):\n        if self.free == 0:\n            self.grow();\n        return "
        "self.items.pop()\n```\nFirst find the deadlock, then prove that your fix removes it, "
        "and finally write the pytest cases.",
    ),
    (
        "strongest",
        "Derive the gradient of the cross-entropy loss with respect to the logits, prove that the "
        "Hessian is positive semidefinite, and analyse the convergence of Newton's method.",
    ),
    (
        "strongest",
        "We lost 8 % of orders since the release. Investigate: 1) list hypotheses, 2) evaluate "
        "each against these facts, 3) find the root cause, 4) plan the fix with phases and edge "
        "cases. Justify your reasoning.",
    ),
    (
        "strongest",
        "Analysiere die folgende Abfrage, begründe, warum die Datenbank keinen Index nutzt, "
        "vergleiche drei Entwürfe und entwirf dann Schritt für Schritt eine Migration:\nSELECT * "
        "FROM orders o JOIN users u ON u.id == o.user_id WHERE lower(u.mail) = 'x';",
    ),
    (
        "strongest",
        "Let f(x) = x^3 - 3*x + 1. Find all real roots, prove that they are irrational, and "
        "compute the integral of 1/f over an interval without roots. Explain every step.",
    ),
    (
        "strongest",
        "Architect an event-sourced ledger: evaluate three database designs, assess consistency "
        "and concurrency, write the SQL schema, then a TypeScript API, and critique your design.",
    ),
    (
        "strongest",
        "请分析并比较这两个算法的复杂度，首先证明正确性，然后设计一个更快的函数，解释概率上界。",
    ),
    (
        "strongest",
        "Compare and contrast Kant and Mill on lying. Argue both sides, evaluate the strongest "
        "objections to each, then synthesise a position and justify it step by step, first "
        "stating your assumptions and finally its weaknesses.",
    ),
    ("local", "good night :)"),
    ("local", "Rewrite in the past tense: She walks to the shop."),
    ("local", "What rhymes with orange?"),
    ("local", "Turn this list into a sentence: milk, eggs, flour"),
    ("local", "Pick a random number between 1 and 10."),
    ("local", "Was heißt 'window' auf Deutsch?"),
    ("local", "Escribe un saludo de cumpleaños para mi tía."),
    ("search", "Is the London Underground on strike this week?"),
    ("search", "How much does a Model 3 cost nowadays? Cite your sources."),
    ("search", "Who is the current prime minister of Japan?"),
    ("search", "What changed in the newest Kubernetes release?"),
    ("search", "Welche Züge fallen heute wegen des Sturms aus?"),
    ("search", "Explain the difference between TCP and UDP and when to design with each."),
    ("search", "Summarise https://example.org/report and list its references."),
    (
        "strongest",
        "Write an LR(1) parser generator in Rust. Explain the algorithm, prove termination, "
        "analyse its complexity, and include tests for the edge cases.",
    ),
    (
        "strongest",
        "A bag has 5 red and 7 blue balls; two are drawn without replacement, then a third is "
        "added. Derive the probability that all are blue, generalise to n, and prove the limit.",
    ),
    (
        "strongest",
        "Here is our on-call log. Diagnose the outage, evaluate which of the four mitigations was "
        "effective and why, then plan how the architecture should change over three phases.",
    ),
    (
        "strongest",
        "Develop a business plan for a repair café: market, staffing, three-year cash flow, risks. "
        "Weigh each option against the others and defend your choice.",
    ),
    (
        "strongest",
        "Démontrer que toute suite de Cauchy réelle converge, puis comparer avec le cas des "
        "rationnels, expliquer l'échec et justifier chaque étape du théorème.",
    ),
    (
        "strongest",
        "Optimise this query plan and explain the trade-offs:\n```sql\nEXPLAIN SELECT a.id FROM a "
        "JOIN b ON a.id == b.id;\n```\nThen design indexes, and compare hash and merge joins.",
    ),
)

UNSEEN: tuple[tuple[Tier, str], ...] = (
    ("local", "ok, and now a shorter version please"),
    ("local", "Convert 72 Fahrenheit to Celsius."),
    ("local", "Put these in alphabetical order: pear, apple, fig"),
    ("local", "What is a synonym for 'brave'?"),
    ("local", "Write a two-line thank-you note to my neighbour."),
    ("local", "Erzähl mir einen Witz über Katzen."),
    ("local", "Comment dit-on « chaise » en anglais ?"),
    ("search", "What time does the Louvre close today?"),
    ("search", "Are there any recent recalls of this baby seat? Give links."),
    ("search", "What is the latest stable version of Node?"),
    ("search", "¿A cuánto está hoy el dólar?"),
    ("search", "Which teams are left in the tournament right now?"),
    ("search", "Compare these two phones and evaluate which has the better camera."),
    ("search", "Write a SQL query that joins users and orders and returns the top ten as JSON."),
    (
        "strongest",
        "Prove that there are infinitely many primes of the form 4k+3, explain why the proof fails "
        "for 4k+1, and outline which theorem is needed instead. Justify every step.",
    ),
    (
        "strongest",
        "Design and implement a lock-free queue in Rust: analyse the memory ordering, prove that "
        "it is linearizable, then compare its throughput with a mutex and plan the tests.",
    ),
    (
        "strongest",
        "Our churn doubled. Think through possible causes, design an experiment for each, explain "
        "how you would analyse the results, and justify in which order to run them.",
    ),
    (
        "strongest",
        "Beweise den Satz von Bolzano-Weierstraß, erkläre jeden Schritt und vergleiche ihn dann "
        "mit dem Fall unendlicher Dimension. Begründe, warum er dort nicht gilt.",
    ),
    (
        "strongest",
        "You are given logs, a schema and three failing tests. Find out why the nightly job "
        "sometimes writes a row twice, and change the code so that it cannot happen.",
    ),
    (
        "strongest",
        "Write a legal opinion on whether the clause below is enforceable, weighing the precedents "
        "for and against, and recommend how to redraft it.",
    ),
)
