"""Pages of the List calls."""

import base64
import json
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Any, TypeVar

from localcloud.sagemaker.errors import ServiceError

MOST = 1000  # results in a page
PAGE = 100  # where maxResults is not given or 0

Item = TypeVar("Item")


def page(
    items: Iterable[Item], params: dict[str, Any], key: Callable[[Item], list[Any]]
) -> tuple[Sequence[Item], dict[str, str]]:
    """Return the items after the request's token, and the token of the next page when there is one.

    Args:
        key: Grows from item to item. The token holds that of the last item, so that new items shift no page.
    """
    after = key_of(params["nextToken"]) if "nextToken" in params else None
    left = (one for one in items if after is None or key(one) > after)
    size = params.get("maxResults") or PAGE
    found = list(islice(left, size + 1))
    return found[:size], {"nextToken": token_of(key(found[size - 1]))} if len(found) > size else {}


def token_of(key: list[Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode()


def key_of(token: str) -> list[Any]:
    try:
        key: list[Any] = json.loads(base64.urlsafe_b64decode(token))
    except ValueError:
        raise invalid_token() from None
    if not isinstance(key, list):
        raise invalid_token()
    return key


def invalid_token() -> ServiceError:
    return ServiceError("InvalidToken", "Invalid Token: 'Invalid token'")
