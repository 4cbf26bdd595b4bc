"""The fixture ``gradleak``, in tests of its own."""

import pytest

pytest_plugins = ["pytester"]
ARGUMENTS = ("-p", "gradleak._pytest_plugin", "-p", "no:cacheprovider")


@pytest.fixture(autouse=True)
def no_entry_points(monkeypatch):
    """The plugin is named, whether the package is installed or not."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


def test_a_failure_shows_the_verdict(pytester):
    pytester.makepyfile(
        """
        def test_leaks(gradleak):
            assert gradleak.audit("lenet", "coffee", size=16).passed

        def test_passes(gradleak):
            assert gradleak.audit("lenet", "coffee", size=16, fail_above="F").passed
        """
    )
    result = pytester.runpytest_subprocess(*ARGUMENTS)
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines(
        [
            "*assert False*",
            "*where False = <AuditResult: grade F, *dB at most; not passed under fail_above='C'>.passed*",
            "*gradleak*",
            "Grade F: Images come back in full.",
        ]
    )


def test_the_budget_is_an_option(pytester):
    pytester.makepyfile(
        """
        def test_budget(gradleak):
            result = gradleak.audit("lenet", "coffee", attack="dlg", fail_above="F", trials=1)
            assert result.is_undetermined and not result.passed
        """
    )
    pytester.runpytest_subprocess("--gradleak-budget=0.05", *ARGUMENTS).assert_outcomes(passed=1)
