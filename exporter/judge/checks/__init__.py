"""The checks: one rule, one file, one docs page, one label value each."""
