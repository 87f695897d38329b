"""Returns told day by day. What the teller asserts is shown as pytest shows a test's own."""

import pytest

pytest.register_assert_rewrite("tests.stories.teller")
