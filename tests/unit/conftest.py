"""Properties are judged by what they say, not by how busy the machine is."""

from hypothesis import HealthCheck, settings

settings.register_profile("unit", max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unit")
