"""Words that tell what kind of question a request is, in a few languages; not a dictionary.

All are in lower case. ``WORDS`` are whole words; ``PHRASES`` are found anywhere, which also serves
languages that write no spaces. Adding a word here is all it takes to make the complexity router
heed it.
"""

from __future__ import annotations

from typing import Literal

Sign = Literal["reasoning", "steps", "maths", "code", "fresh", "sources"]
"""``fresh`` is what happens now, ``sources`` is what somebody has published."""

_WORDS: dict[Sign, str] = {
    "reasoning": """
        analyse analyze analysis argue argument assess compare comparison contrast critique
        critically debate deduce derive design diagnose evaluate evaluation explain hypothesis
        implications infer investigate justify optimise optimize plan prove proof rationale reason
        reasoning refactor rigorous rigorously strategy synthesise synthesize tradeoff tradeoffs
        trade-off trade-offs architecture architect root-cause weaknesses thorough thoroughly
        objections assumptions hypotheses
        analysiere analysieren begründe begründen beurteile beweise beweis bewerte erkläre
        entwirf entwerfe entwickle vergleiche untersuche widerlege abwägung
        analyser analyse comparez compare démontre démontrer prouve prouver évalue évaluer
        explique expliquer justifie conçois concevoir
        analiza analizar compara comparar demuestra demostrar evalúa evaluar explica justifica
        diseña diseñar razona
        analise analisar comparar demonstre prove avalie avaliar explique projete
        analizza confronta dimostra valuta spiega progetta
    """,
    "steps": """
        first firstly then next afterwards finally lastly second secondly third thirdly step steps
        stepwise phase phases milestones roadmap
        zuerst dann danach anschließend schließlich schritt schritte
        d'abord ensuite enfin puis étape étapes
        primero luego después finalmente paso pasos
        primeiro depois finalmente passo passos prima poi infine passi
    """,
    "maths": """
        algebra asymptotic bayes bayesian calculus combinatorial complexity convergence converges
        derivative differential eigenvalue eigenvalues equation equations expectation gradient
        hessian inequality integer integral integrals irrational lemma linear logarithm matrix
        matrices modulo np-hard polynomial posterior primes prime probability quadratic stochastic
        theorem variance vector vectors
        gleichung integral wahrscheinlichkeit satz primzahl primzahlen ableitung matrix
        équation intégrale probabilité théorème dérivée ecuación integral probabilidad teorema
    """,
    "code": """
        algorithm api async asyncio bug class codebase compile compiler concurrency concurrent
        css database deadlock debug docker endpoint exception function git golang html java
        javascript json kubernetes microservice microservices migration mutex mypy postgres
        postgresql pytest python query race-condition react redis regex rust schema sql stacktrace
        thread traceback typescript unittest websocket yaml
        funktion klasse datenbank abfrage algorithmus fonction algorithme función algoritmo função
    """,
    "fresh": """
        latest today tonight yesterday currently nowadays newest recent recently breaking headlines
        aktuell aktuelle aktuellen heute gestern neueste neuesten derzeit
        aujourd'hui hier actuellement dernières dernière récent récente
        hoy ayer actualmente últimas hoje ontem oggi ieri
    """,
    "sources": """
        news forecast weather price prices stock stocks ticker score scores standings release
        released announced schedule election cite citation citations sources source references
        link links url website search google lookup papers
        nachrichten wetter kurs quelle quellen suche actualités météo cours prix sources
        noticias precio clima fuentes notícias preço notizie prezzo meteo fonti
    """,
}

WORDS: dict[str, tuple[Sign, ...]] = {}
for _sign, _words in _WORDS.items():
    for _word in dict.fromkeys(_words.split()):  # languages share some
        WORDS[_word] = (*WORDS.get(_word, ()), _sign)

PHRASES: tuple[tuple[str, Sign], ...] = (
    ("step by step", "reasoning"),
    ("step-by-step", "steps"),
    ("pros and cons", "reasoning"),
    ("root cause", "reasoning"),
    ("think through", "reasoning"),
    ("edge case", "reasoning"),
    ("from scratch", "reasoning"),
    ("what would happen if", "reasoning"),
    ("vor- und nachteile", "reasoning"),
    ("schritt für schritt", "reasoning"),
    ("étape par étape", "reasoning"),
    ("paso a paso", "reasoning"),
    ("right now", "fresh"),
    ("this week", "fresh"),
    ("this month", "fresh"),
    ("this year", "fresh"),
    ("as of ", "fresh"),
    ("up to date", "fresh"),
    ("up-to-date", "fresh"),
    ("look up", "sources"),
    ("who won", "fresh"),
    ("who is the current", "fresh"),
    ("分析", "reasoning"),
    ("比较", "reasoning"),
    ("证明", "reasoning"),
    ("解释", "reasoning"),
    ("设计", "reasoning"),
    ("評価", "reasoning"),
    ("比較", "reasoning"),
    ("証明", "reasoning"),
    ("説明", "reasoning"),
    ("設計", "reasoning"),
    ("概率", "maths"),
    ("方程", "maths"),
    ("積分", "maths"),
    ("确率", "maths"),
    ("函数", "code"),
    ("代码", "code"),
    ("関数", "code"),
    ("コード", "code"),
    ("首先", "steps"),
    ("然后", "steps"),
    ("最後に", "steps"),
    ("最新", "fresh"),
    ("今天", "fresh"),
    ("今日", "fresh"),
    ("新闻", "sources"),
    ("ニュース", "sources"),
    ("天气", "sources"),
    ("天気", "sources"),
    ("проанализируй", "reasoning"),
    ("сравни", "reasoning"),
    ("докажи", "reasoning"),
    ("объясни", "reasoning"),
    ("сегодня", "fresh"),
    ("новости", "sources"),
)
