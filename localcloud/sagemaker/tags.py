"""AddTags, ListTags and DeleteTags."""

from typing import Any

from localcloud.sagemaker.errors import invalid
from localcloud.sagemaker.listing import page
from localcloud.sagemaker.store import Store

PAGE = 50  # tags in a page when MaxResults is not given; a resource has at most 50


class Tags:
    """The tags of any resource."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(self, params: dict[str, Any]) -> dict[str, Any]:
        new = {tag["Key"]: tag["Value"] for tag in params["Tags"]}
        self._store.put_tags(self._arn(params), self._store.tags(params["ResourceArn"]) | new)
        return {"Tags": params["Tags"]}

    def list(self, params: dict[str, Any]) -> dict[str, Any]:
        tags = [{"Key": key, "Value": value} for key, value in self._store.tags(self._arn(params)).items()]
        return page(tags, {"MaxResults": PAGE, **params}, "Tags")

    def delete(self, params: dict[str, Any]) -> dict[str, Any]:
        tags = self._store.tags(self._arn(params))
        self._store.put_tags(params["ResourceArn"], {k: v for k, v in tags.items() if k not in params["TagKeys"]})
        return {}

    def _arn(self, params: dict[str, Any]) -> str:
        arn: str = params["ResourceArn"]
        if not self._store.exists(arn):
            raise invalid(f"Could not find resource {arn}.")
        return arn
