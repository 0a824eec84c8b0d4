"""What every suite shares: a Hypothesis that does not judge time."""

import hypothesis

hypothesis.settings.register_profile("busy", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("busy")
