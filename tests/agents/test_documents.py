"""Answers from the documentation: the right page, or none."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.agents.documents import Documentation

PAGES = {
    "guides/providers.md": """# Providers

Conduit talks to any language model.

## Add a provider

Put an entry into `providers.yaml`, or call `POST /providers/add`.

## Switch the active provider

`conduit providers switch NAME` makes another provider the first one asked.
""",
    "concepts/circuit-breaker.md": """# Circuit breaker

After three failures in a row a provider is not asked for 60 seconds.

```
# not a heading
```

## Resetting

`conduit providers reset NAME` closes the circuit.
""",
    "guides/grooves.md": """# Grooves

## Swing

Swing delays every second sixteenth: 50 is straight, 66 a triplet.

## Ghost notes

Quiet kicks between the kicks. Their probability is `ghost`.
""",
    "empty.md": "",
    "no-heading.md": "Footswitches are supported through Flex Data.",
}


@pytest.fixture(scope="module")
def documentation(tmp_path_factory: pytest.TempPathFactory) -> Documentation:
    folder = tmp_path_factory.mktemp("docs")
    for name, text in PAGES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    return Documentation(folder)


@pytest.mark.parametrize(
    ("question", "page", "section"),
    [
        ("how do I add a provider?", "guides/providers.md", "Add a provider"),
        ("How can I switch providers?", "guides/providers.md", "Switch the active provider"),
        ("what is swing?", "guides/grooves.md", "Swing"),
        ("what are ghost notes", "guides/grooves.md", "Ghost notes"),
        ("what does the circuit breaker do?", "concepts/circuit-breaker.md", "Circuit breaker"),
        ("how do i reset a circuit", "concepts/circuit-breaker.md", "Resetting"),
        ("does it work with a footswitch?", "no-heading.md", "no-heading.md"),
    ],
)
def test_the_page_that_says_it_is_found(
    documentation: Documentation, question: str, page: str, section: str
) -> None:
    answer = documentation.answer(question)
    assert answer.found
    assert (answer.page, answer.section) == (page, section)
    assert answer.answer in PAGES[page]


@pytest.mark.parametrize(
    "question",
    ["what is the capital of France?", "how tall is Everest", "what?", "???", "wie geht es dir"],
)
def test_what_no_page_says_is_not_answered(documentation: Documentation, question: str) -> None:
    answer = documentation.answer(question)
    assert not answer.found
    assert (answer.page, answer.see_also) == ("", [])


def test_no_documentation_at_all_answers_nothing(tmp_path: Path) -> None:
    assert not Documentation(tmp_path / "nowhere").answer("what is swing?").found


def test_a_section_called_by_its_question_is_the_answer(tmp_path: Path) -> None:
    (tmp_path / "index.md").write_text("# Start\n\n## What is Conduit?\n\nA signal path.\n")
    (tmp_path / "other.md").write_text("# Conduit\n\nConduit, Conduit and Conduit again.\n")
    answer = Documentation(tmp_path).answer("what IS conduit")
    assert (answer.page, answer.answer) == ("index.md", "A signal path.")


def test_a_guide_is_preferred_to_a_decision_that_uses_the_same_words(tmp_path: Path) -> None:
    for folder in ("decisions", "guides"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "files.md").write_text("# Files\n\nFiles are kept by content.\n")
    assert Documentation(tmp_path).answer("where are files kept").page == "guides/files.md"


def test_a_heading_in_a_code_block_is_code(documentation: Documentation) -> None:
    assert all(section.title != "not a heading" for section in documentation.sections)


@given(st.text(max_size=200))
def test_no_question_is_too_odd(documentation: Documentation, question: str) -> None:
    answer = documentation.answer(question)
    assert answer.found == bool(answer.page)
