"""The production variants of one endpoint configuration in service."""

import random
import time

from localcloud.sagemaker.hosting.variants import Variant

DRAIN_SECONDS = 65  # longer than an invocation may take


class Fleet:
    """Variants that are started and stopped together."""

    def __init__(self, variants: list[Variant]) -> None:
        self.variants = variants

    def start(self) -> None:
        """Bring every variant into service, or none.

        Raises:
            FleetFailedError: One did not come into service; the others were stopped again.
        """
        try:
            for variant in self.variants:
                variant.start()
        except BaseException:
            self.stop()
            raise

    def choose(self, name: str | None) -> Variant | None:
        """Return the variant with this name, or one by weight when no name is given."""
        if name:
            return next((variant for variant in self.variants if variant.name == name), None)
        return random.choices(self.variants, [variant.weight for variant in self.variants])[0]

    def stop(self) -> None:
        """Stop at once; no request may be under way."""
        for variant in self.variants:
            variant.stop()

    def drain(self, seconds: float = DRAIN_SECONDS) -> None:
        """Let the requests under way end, then stop."""
        deadline = time.monotonic() + seconds
        while any(variant.in_flight for variant in self.variants) and time.monotonic() < deadline:
            time.sleep(0.05)
        self.stop()
