"""The metrics of endpoints: how often each variant is asked, how it answers, and how fast."""

import threading
from collections import defaultdict
from collections.abc import Callable
from typing import Any

FLUSH_SECONDS = 5.0  # AWS has them within a minute
MICROSECONDS = 1e6  # in a second

Scope = tuple[str, str]  # account and region
# Takes the names of endpoint and variant, the container's HTTP status and the seconds that it took.
Record = Callable[[Scope, str, str, int, float], None]
# Takes data as PutMetricData does.
Publish = Callable[[Scope, list[dict[str, Any]]], None]


class InvocationMetrics:
    """Gathers the invocations of all variants and publishes them in the background, without delaying answers."""

    def __init__(self, publish: Publish) -> None:
        self._publish = publish
        self._values: dict[tuple[Scope, str, str, str], list[float]] = defaultdict(list)
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._sender = threading.Thread(target=self._send_regularly, name="invocation metrics", daemon=True)
        self._sender.start()

    def record(self, scope: Scope, endpoint_name: str, variant_name: str, status: int, seconds: float) -> None:
        """Count an invocation.

        Args:
            status: HTTP, of the container; 0 when it did not answer, which AWS counts as a model's error only.
            seconds: That the container took.
        """
        values = {
            "Invocations": 1.0,
            "Invocation4XXErrors": float(400 <= status < 500),
            "Invocation5XXErrors": float(status >= 500),
            "InvocationModelErrors": float(not 200 <= status < 300),
            "ModelLatency": seconds * MICROSECONDS,
        }
        with self._lock:
            for name, value in values.items():
                self._values[scope, endpoint_name, variant_name, name].append(value)

    def close(self) -> None:
        """Publish what is left, and return when that is done."""
        self._closing.set()
        self._sender.join()

    def _send_regularly(self) -> None:
        while not self._closing.wait(FLUSH_SECONDS):
            self._send()
        self._send()

    def _send(self) -> None:
        with self._lock:
            gathered, self._values = self._values, defaultdict(list)
        by_scope = defaultdict(list)
        for (scope, endpoint_name, variant_name, name), values in gathered.items():
            by_scope[scope].append(datum(endpoint_name, variant_name, name, values))
        for scope, data in by_scope.items():
            self._publish(scope, data)


def datum(endpoint_name: str, variant_name: str, name: str, values: list[float]) -> dict[str, Any]:
    """Return a MetricDatum with all values, of which CloudWatch can tell percentiles."""
    dimensions = {"EndpointName": endpoint_name, "VariantName": variant_name}
    return {
        "MetricName": name,
        "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
        "Unit": "Microseconds" if name == "ModelLatency" else "Count",
        "Values": values,
    }
