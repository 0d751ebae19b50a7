"""What AWS refuses in a definition of a state machine (https://states-language.net, and AWS's answers to it)."""

from localcloud.step_functions.definition.checking import check
from localcloud.step_functions.definition.problem import LONGEST_DEFINITION, Problem, refusal

__all__ = ["LONGEST_DEFINITION", "Problem", "check", "refusal"]
