"""Which definitions are refused."""

from localcloud.corrections.step_functions.definitions import misplaced_wildcards


def test_wildcards_are_found_in_every_branch() -> None:
    task = {"Type": "Task", "Retry": [{"ErrorEquals": ["States.ALL"]}, {"ErrorEquals": ["BusyError"]}]}
    good = {"Type": "Task", "Catch": [{"ErrorEquals": ["BusyError"]}, {"ErrorEquals": ["States.ALL"]}]}
    branches = [{"States": {"Good": good}}, {"States": {"Bad": task}}]
    definition = {"States": {"Both": {"Type": "Parallel", "Branches": branches}}}
    found = list(misplaced_wildcards(definition))
    assert found == ["/States/Both/Branches/1/States/Bad/Retry[0]/ErrorEquals"]
