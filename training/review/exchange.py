"""Files that take photos to people without a server, and their answers back: a page of our own, or Label Studio's."""

import base64
import json
import secrets
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

from training import atomic
from training.errors import ReviewError
from training.review import page
from training.review.answers import Answer, Journal, answer_of
from training.review.photos import for_browser

FORMAT = "review answers"
CONTROL = "class"  # the name of the choices in Label Studio's labeling interface
SHOWN = 60  # characters of a refused value

Fields = dict[str, Any]


# Out ---------------------------------------------------------------------------------------------------------------


def tasks(unanswered: list[Answer], find: Callable[[str], bytes | None]) -> Iterator[Fields]:
    """Yield the fields of each photo to answer, with the photo as a data URI; photos that are gone are left out.

    Args:
        unanswered: Answers that lack their answer and time.
        find: Returns the photo of an event id.
    """
    for one in unanswered:
        content = find(one.event_id)
        shown = for_browser(content) if content is not None else None
        if shown is not None:
            uri = f"data:{shown[0]};base64,{base64.b64encode(shown[1]).decode()}"
            fields = {name: value for name, value in asdict(one).items() if name not in ("answer", "time")}
            yield {**fields, "photo": uri}


def write_page(path: Path, found: list[Fields], settings: Fields) -> None:
    """Write one page with all photos in it."""
    export = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    content = page.render(secrets.token_urlsafe(16), {**settings, "mode": "file", "tasks": found, "export": export})
    atomic.write_text(path, content)


def write_label_studio(path: Path, found: list[Fields], choices: tuple[str, ...]) -> Path:
    """Write tasks for Label Studio, and its labeling interface; returns the path of the latter.

    The model's answers are no predictions there: whoever sees them answers like them more often.
    """
    entries = [{"data": {"image": one["photo"], **{k: v for k, v in one.items() if k != "photo"}}} for one in found]
    atomic.write_text(path, json.dumps(entries))
    listed = "".join(f"    <Choice value={quoteattr(choice)}/>\n" for choice in choices)
    interface = path.with_suffix(".xml")
    atomic.write_text(
        interface,
        '<View>\n  <Image name="image" value="$image" zoom="true"/>\n'
        f'  <Choices name="{CONTROL}" toName="image" choice="single" required="true">\n{listed}  </Choices>\n</View>\n',
    )
    return interface


# In ----------------------------------------------------------------------------------------------------------------


def read(path: Path, choices: tuple[str, ...]) -> list[Answer]:
    """Return the answers of a file.

    Args:
        choices: The answers that are taken.

    Raises:
        ReviewError: The file is none of the three formats, or an entry of it is no answer; the message names it.
    """
    content = _load(path)
    is_ours = isinstance(content, dict) and content.get("format") == FORMAT
    entries = content.get("answers") if isinstance(content, dict) and is_ours else content
    if not isinstance(entries, list):
        raise ReviewError(
            f"{path} is neither a file of answers from an exported page nor Label Studio's JSON or JSON-MIN export: "
            "give one of those."
        )
    answers = []
    for number, entry in enumerate(entries, start=1):
        try:
            fields = entry if is_ours else _of_label_studio(entry)
            if fields is not None:  # None: nobody has annotated the task
                answers.append(_checked(fields, choices))
        except (ValueError, KeyError, TypeError, AttributeError) as err:
            reason = f"it has no {err}" if isinstance(err, KeyError) else err
            raise ReviewError(f"Entry {number} of {path} is no answer: {reason!s:.300}. Nothing was taken.") from err
    return answers


def take(journal: Journal, answers: list[Answer]) -> dict[str, int]:
    """Add answers; returns how many were new, replaced an older answer, or were there already (or were older)."""
    counts = {"new": 0, "replaced": 0, "known": 0}
    for answer in answers:
        given = journal.of(answer.event_id)
        if given is None:
            counts["new"] += 1
        elif given.answer != answer.answer and _time(answer.time) > _time(given.time):
            counts["replaced"] += 1
        else:
            counts["known"] += 1
            continue
        journal.add(answer)
    return counts


def _load(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError as err:
        raise ReviewError(f"There is no file {path}: give the file of answers that was downloaded.") from err
    except json.JSONDecodeError as err:
        raise ReviewError(f"{path} is no JSON (line {err.lineno}: {err.msg}): export the answers again.") from err
    except (UnicodeDecodeError, RecursionError) as err:
        raise ReviewError(f"{path} is no JSON: export the answers again.") from err


def _checked(fields: Fields, choices: tuple[str, ...]) -> Answer:
    answer = answer_of({**fields, "time": _time(fields["time"]).isoformat(timespec="seconds")})
    if answer.answer not in choices:
        raise ValueError(f"its answer {answer.answer!r:.{SHOWN}} is none of {', '.join(choices)}")
    _time(answer.inference_time)
    return answer


def _time(value: str) -> datetime:
    found = datetime.fromisoformat(value)
    if found.tzinfo is None:
        raise ValueError(f"the time {value!r:.{SHOWN}} has no time zone")
    return found.astimezone(UTC)


def _of_label_studio(task: Fields) -> Fields | None:
    """Return the answer of a task of Label Studio, None when it has none; of several annotations the last counts."""
    if "annotations" not in task:  # JSON-MIN
        chosen = task.get(CONTROL)
        given = chosen["choices"] if isinstance(chosen, dict) else chosen
        return {**task, "answer": _single(given), "time": _written(task)} if given else None
    done = [one for one in task["annotations"] if not one.get("was_cancelled") and one.get("result")]
    if not done:
        return None
    last = max(done, key=lambda one: _time(_written(one)))
    values = [one["value"]["choices"] for one in last["result"] if one["type"] == "choices"]
    if not values:
        raise ValueError("its annotation has no choices")
    return {**task["data"], "answer": _single(values[0]), "time": _written(last)}


def _written(annotation: Fields) -> str:
    found: str = annotation.get("updated_at") or annotation["created_at"]
    return found


def _single(chosen: Any) -> str:
    names = [chosen] if isinstance(chosen, str) else chosen
    if len(names) != 1:
        raise ValueError(f"it has {len(names)} classes ({', '.join(map(str, names))}) in place of one")
    return str(names[0])
