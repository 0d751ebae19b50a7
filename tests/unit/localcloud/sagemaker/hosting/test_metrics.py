"""The metrics of endpoints: what is published of the invocations that were recorded."""

from typing import Any

from localcloud.sagemaker.hosting.metrics import InvocationMetrics, Scope

HERE = ("000000000000", "us-east-1")
Sent = dict[tuple[str, str, str], Any]


def published(*invocations: tuple[Scope, str, str, int, float]) -> Sent:
    """Return the published values by region, variant and metric."""
    sent: Sent = {}

    def publish(scope: Scope, data: list[dict[str, Any]]) -> None:
        for datum in data:
            dimensions = {one["Name"]: one["Value"] for one in datum["Dimensions"]}
            assert dimensions["EndpointName"] == "e"
            sent[scope[1], dimensions["VariantName"], datum["MetricName"]] = datum["Values"]

    metrics = InvocationMetrics(publish)
    for invocation in invocations:
        metrics.record(*invocation)
    metrics.close()
    return sent


def test_every_metric_has_a_value_for_every_invocation() -> None:
    statuses = (200, 200, 400, 500, 0)
    sent = published(*((HERE, "e", "A", status, 0.001) for status in statuses))
    sums = {name: sum(values) for (_, _, name), values in sent.items()}
    assert {len(values) for values in sent.values()} == {5}
    assert sums == {
        "Invocations": 5,
        "Invocation4XXErrors": 1,
        "Invocation5XXErrors": 1,
        "InvocationModelErrors": 3,
        "ModelLatency": 5000,
    }


def test_variants_and_regions_are_told_apart() -> None:
    invocations = (("us-east-1", "A", 0.001), ("us-east-1", "B", 0.004), ("eu-west-1", "A", 0.002))
    sent = published(*((("0", region), "e", variant, 200, seconds) for region, variant, seconds in invocations))
    latencies = {key[:2]: max(values) for key, values in sent.items() if key[2] == "ModelLatency"}
    assert latencies == {("us-east-1", "A"): 1000, ("us-east-1", "B"): 4000, ("eu-west-1", "A"): 2000}


def test_nothing_is_published_of_nothing() -> None:
    assert published() == {}
