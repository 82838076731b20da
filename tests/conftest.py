"""What all tests share: how much hypothesis draws."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# No deadline, and no complaint about slow examples: the machines are shared and noisy.
_PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

settings.register_profile("dev", _PATIENT, max_examples=60)
settings.register_profile("ci", _PATIENT, max_examples=100, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "dev")
