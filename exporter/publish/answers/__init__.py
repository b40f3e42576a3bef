"""Answers: each module has one document for programs and the blocks for people."""
