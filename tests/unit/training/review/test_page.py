import re
from collections import Counter

from training.review import page

SETTINGS = {"mode": "server", "title": "s", "classes": ["a", "b"], "choices": ["a", "b"], "most_bytes": 1}


def test_no_name_of_the_script_is_given_twice() -> None:
    """Its two files are one script, in which a second function of a name silently replaces the first."""
    names = re.findall(r"^(?:async function|function|const|let) (\w+)", page.render("n", SETTINGS), re.MULTILINE)
    assert {"show", "tryPhoto"} <= set(names)  # of both files
    assert [name for name, times in Counter(names).items() if times > 1] == []
