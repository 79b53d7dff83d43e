"""A run of a question set for people: what each figure means, tags from the worst on, and the questions that went wrong."""

from collections.abc import Collection, Sequence
from typing import Any

from minidesk.insight.estimates_text import between, figure, percent, shortened
from minidesk.insight.evaluation import Result, Summary, by_tag, estimates, summarise
from minidesk.insight.experiments import Estimate

# Questions listed of each kind of mistake; the whole list stands in the results file.
_LISTED = 5
_TEXT = 150  # characters of an answer in a list
_TAG = 22
_NAMED = 5  # unknown documents named in the warning

# Name in the design and in JSON, name for people, what it means. In groups of what is asked.
_FIGURES: tuple[tuple[str, tuple[tuple[str, str, str], ...]], ...] = (
    (
        "Questions that the pages answer",
        (
            ("answered", "answered", "got an answer, right or wrong; the others were refused or handed off"),
            ("right_if_answered", "right if answered", "of these answers: cites a right page and holds a wanted phrase"),
            ("right_phrase", "right phrase", "of all with a wanted phrase: the answer holds it"),
            ("followups_right", "follow-ups right", "of those that lean on what was said before"),
        ),
    ),
    (
        "Questions that they do not answer",
        (("unanswerable_not_answered", "rightly not answered", "the visitor is not told something that no page says"),),
    ),
    ("Questions for a person", (("handoff_found", "handed to a person", "as the set wants it"),)),
    (
        "All questions",
        (("abstained", "abstained", "“our pages don't say”, a question back, or small talk; no mistake in itself"),),
    ),
    (
        "Finding the page (whatever was answered)",
        (
            ("hit_at_1", "hit@1", "a right page is found first"),
            ("hit_at_3", "hit@3", "a right page is among the first 3"),
            ("hit_at_5", "hit@5", "a right page is among the first 5"),
            ("mrr_at_10", "MRR@10", "1 / place of the first right page, on average: 1 is always first, .5 second"),
            ("ndcg_at_10", "nDCG@10", "how far up all right pages stand: 1 is as far as can be"),
        ),
    ),
)  # fmt: skip
_MEANS = ("mrr_at_10", "ndcg_at_10")


def as_text(results: Sequence[Result], *, unknown: Collection[str] = (), written: bool = False) -> str:
    """The whole report. `unknown`: documents that the set names and the site lacks; `written`: there is a results file."""
    summary, found = summarise(results), estimates(results)
    blocks = [_head(results, found["as_wished"])]
    if unknown:
        blocks.append(_unknown(unknown))
    blocks += [_figures(found), _cost(summary)]
    if tags := by_tag(results):
        blocks.append(_tags(results, list(tags)))
    blocks.append(_mistakes(results, written=written))
    return "\n\n".join(blocks)


def as_dict(results: Sequence[Result]) -> dict[str, Any]:
    """For JSON: the summary of all and of each tag under the names of `Summary`, with `intervals` beside them (low, high)."""
    tags = {tag: _with_intervals([r for r in results if tag in r.asked.tags]) for tag in by_tag(results)}
    return {"all": _with_intervals(results), "tags": tags}


def _with_intervals(results: Sequence[Result]) -> dict[str, Any]:
    intervals = {
        name: [round(each.low, 4), round(each.high, 4)]
        for name, each in estimates(results).items()
        if each.value is not None
    }
    return summarise(results).as_dict() | {"intervals": intervals}


def _head(results: Sequence[Result], right: Estimate) -> str:
    models = sorted({r.model for r in results if r.model})
    by = f"answered by {', '.join(models)}" if models else "answered without a model"
    many = f"{len(results)} question{'' if len(results) == 1 else 's'}"
    hits = sum(r.as_wished for r in results)
    return (
        f"{many}, {by}.\n{hits} came out as the set wants it: {percent(right.value)} ({between(right)}).\n"
        "That is a right answer, a person where one is wanted, and no answer where the pages hold none."
    )


def _unknown(unknown: Collection[str]) -> str:
    named = sorted(unknown)
    more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
    return (
        f"Note: the set names {len(named)} document{'' if len(named) == 1 else 's'} that this site does not have, "
        f"so they cannot be found: {', '.join(named[:_NAMED])}{more}."
    )


def _figures(found: dict[str, Estimate]) -> str:
    lines = [f"{'':24}{'share':>8}   {'likely range':17}{'of':>5}"]
    for group, figures in _FIGURES:
        held = [(name, title, meaning) for name, title, meaning in figures if found[name].value is not None]
        if held:
            lines.append(group)
        for name, title, meaning in held:
            each = found[name]
            share = figure(each.value) if name in _MEANS else percent(each.value)
            spread = between(each, as_share=name not in _MEANS)
            lines.append(f"  {title:22}{share:>8}   {spread:17}{each.of:>5}   {meaning}")
    lines.append(
        "of: so many questions bear on the figure. likely range: with other questions of this kind the share\n"
        "would lie in it 19 times of 20 (95 % interval). The fewer questions, the wider it is."
    )
    return "\n".join(lines)


def _cost(summary: Summary) -> str:
    each = summary.cost_usd / summary.questions if summary.questions else 0.0
    return (
        f"Cost  ${summary.cost_usd:.4f} in all, ${each:.6f} a question\n"
        f"Time  half of the answers came within {summary.p50_ms:.0f} ms (p50), 95 of 100 within {summary.p95_ms:.0f} ms (p95)"
    )


def _tags(results: Sequence[Result], tags: Sequence[str]) -> str:
    rows = []
    for tag in tags:
        tagged = [r for r in results if tag in r.asked.tags]
        found = estimates(tagged)
        as_wished = found["as_wished"]
        rows.append((as_wished.value or 0.0, -len(tagged), tag, found))
    lines = [
        f"{'By tag, worst first':{_TAG + 2}}{'questions':>9}{'as wanted':>11}   {'likely range':17}"
        f"{'answered':>10}{'right if answered':>19}{'hit@1':>9}"
    ]
    for _, count, tag, found in sorted(rows, key=lambda row: row[:3]):
        lines.append(
            f"  {shortened(tag, _TAG - 1):{_TAG}}{-count:>9}{percent(found['as_wished'].value):>11}   "
            f"{between(found['as_wished']):17}{percent(found['answered'].value):>10}"
            f"{percent(found['right_if_answered'].value):>19}{percent(found['hit_at_1'].value):>9}"
        )
    return "\n".join(lines)


def _mistakes(results: Sequence[Result], *, written: bool) -> str:
    """What did not come out as wanted, the worst kind first: a wrong answer does more harm than none."""
    wrong = [r for r in results if not r.as_wished]
    if not wrong:
        return "Every question came out as the set wants it."
    kinds: dict[str, list[Result]] = {
        "Answered, though the pages do not say it": [],
        "Answered wrongly": [],
        "Not handed to a person": [],
        "Not answered, though the pages say it": [],
    }
    answered, wrongly, kept, refused = kinds.values()
    for result in wrong:
        if result.asked.outcome == "handoff":
            kept.append(result)
        elif result.outcome != "reply":
            refused.append(result)
        else:
            (wrongly if result.asked.can_answer else answered).append(result)
    lines = [f"{len(wrong)} did not come out as wanted"]
    for title, held in kinds.items():
        if held:
            lines.append(f"  {title}: {len(held)}")
        for result in held[:_LISTED]:
            lines += [f"    {line}" for line in _told(result)]
        if len(held) > _LISTED:
            where = "they stand in the results file" if written else "--out FILE writes all of them"
            lines.append(f"    and {len(held) - _LISTED} more; {where}")
    return "\n".join(lines)


def _told(result: Result) -> list[str]:
    asked = result.asked
    said = result.kind or result.reason
    name = {"reply": "answer", "clarify": "no answer", "handoff": "handed off"}[result.outcome]
    how = f"{name} ({said.replace('_', ' ')})" if said else name
    lines = [f"{asked.id}  {shortened(asked.question, _TEXT)}", f"  {how}: {shortened(result.text, _TEXT)}"]
    if asked.outcome == "handoff":
        return lines
    if asked.can_answer:
        phrases = " or ".join(f"“{shortened(each, 60)}”" for each in asked.answers[:3])
        pages = ", ".join(sorted(asked.relevant)[:3])
        wanted = " from ".join(each for each in (phrases, pages) if each)
        lines.append(f"  wanted: {wanted}")
    if result.cited:
        lines.append(f"  cited: {', '.join(result.cited[:3])}")
    return lines
