"""Scenarios assert as tests do, and so should fail with as many words."""

import pytest

pytest.register_assert_rewrite("tests.hostile.scenarios")
