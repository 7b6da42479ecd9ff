"""Answers kept for a moment: the same question gets them, nobody else, and not for long."""

from api.http.recent import ANSWER_BYTES_MAX, KEPT_BYTES_MAX, KEPT_SECONDS, Recent


class _Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_kept_answer_is_given_to_the_same_question_only() -> None:
    recent = Recent(_Clock())
    recent.put(("list", b"party=KAB", 7), b"[1]")
    assert recent.get(("list", b"party=KAB", 7)) == b"[1]"
    assert recent.get(("list", b"party=KAB", 8)) is None


def test_a_kept_answer_ages() -> None:
    clock = _Clock()
    recent = Recent(clock)
    recent.put("question", b"answer")
    clock.now += KEPT_SECONDS
    assert recent.get("question") is None


def test_the_oldest_answers_give_way_to_new_ones() -> None:
    recent = Recent(_Clock())
    body = b"x" * ANSWER_BYTES_MAX
    fits = KEPT_BYTES_MAX // ANSWER_BYTES_MAX
    for number in range(fits + 1):
        recent.put(number, body)
    assert recent.get(0) is None
    assert [recent.get(number) for number in range(1, fits + 1)] == [body] * fits


def test_an_answer_kept_again_counts_once() -> None:
    recent = Recent(_Clock())
    for _ in range(KEPT_BYTES_MAX // ANSWER_BYTES_MAX + 1):
        recent.put("same", b"x" * ANSWER_BYTES_MAX)
    recent.put("other", b"x" * ANSWER_BYTES_MAX)
    assert recent.get("same") is not None


def test_a_very_large_answer_is_not_kept() -> None:
    recent = Recent(_Clock())
    assert recent.put("large", b"x" * (ANSWER_BYTES_MAX + 1))
    assert recent.get("large") is None
