import pytest

from unjam.errors import UsageError
from unjam.model.durations import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("50ms", 50_000_000),
        ("1.5s", 1_500_000_000),
        (" 250us ", 250_000),
        ("250µs", 250_000),
        ("2m", 120_000_000_000),
        ("1e3ms", 10**9),
    ],
)
def test_reads_a_number_with_a_unit(text, nanoseconds):
    """A duration is a number and a unit, in nanoseconds."""
    assert parse_duration(text) == nanoseconds


@pytest.mark.parametrize(
    "text", ["", "50", "fast", "-1", "0", "0ms", "-1s", "nanms", "infs", "ms", "5 parsecs", "25h", "1_0 s s", "0x10s"]
)
def test_refuses_what_is_no_duration_in_one_line(text):
    """Everything else is refused in one clear line that names what was asked."""
    with pytest.raises(UsageError) as caught:
        parse_duration(text, what="--threshold")
    assert str(caught.value).startswith(f"--threshold {text!r} ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["50ms", "1500ms", "7us", "1ns", "24h", "90s"])
def test_formatting_is_read_back_exactly(text):
    """What is formatted reads back as the same duration."""
    assert parse_duration(format_duration(parse_duration(text))) == parse_duration(text)
