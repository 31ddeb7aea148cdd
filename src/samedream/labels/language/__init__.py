"""Asking a language model for words: the only place of samedream that does. What asks sees an `Ask`, nothing else."""
