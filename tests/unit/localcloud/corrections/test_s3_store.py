"""That the objects are there again after a restart is shown by tests/integration/test_disk.py and test_state.py."""

import json

from localcloud.corrections.s3_store import with_shared_names


def test_the_names_of_members_are_in_memory_once() -> None:
    texts = ['{"last_modified": "a", "versions": [{"last_modified": "b"}]}', '{"last_modified": "c"}']
    one, other = (json.loads(text, object_pairs_hook=with_shared_names) for text in texts)
    assert one == json.loads(texts[0])
    assert len({id(name) for found in (one, one["versions"][0], other) for name in found}) == 2
