"""The name of this test run."""

import uuid

NAME = f"it-{uuid.uuid4().hex[:8]}"  # every resource that the shared cloud gets is called this, or starts with it
