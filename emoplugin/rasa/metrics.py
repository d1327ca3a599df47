"""What the component counts in this process, for Prometheus to ask."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram, Info

REGISTRY = CollectorRegistry()

PREDICTIONS = Counter("emoplugin_predictions", "Messages classified.", ["label"], registry=REGISTRY)

SECONDS = Histogram(
    "emoplugin_process_seconds",
    "Time that the component took for a message, or for a list of them.",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0),
    registry=REGISTRY,
)

MODEL = Info("emoplugin_model", "The model that answers.", registry=REGISTRY)
