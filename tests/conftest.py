"""What every test stands on."""

from hypothesis import HealthCheck, settings

# How long an example takes depends on what else the machine does; the speed that matters is
# measured in benchmarks/. Everything else is as hypothesis has it, where CI is set too.
settings.register_profile(
    "rapport", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("rapport")
