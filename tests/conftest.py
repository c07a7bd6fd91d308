"""What holds for all tests."""

from hypothesis import HealthCheck, settings

# How long an example takes depends on what else the machine does; that is for benchmarks to judge.
settings.register_profile("zajil", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("zajil")
