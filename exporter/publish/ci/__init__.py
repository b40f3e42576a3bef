"""Answers for continuous integration: JUnit, SARIF, GitHub's workflow commands."""
