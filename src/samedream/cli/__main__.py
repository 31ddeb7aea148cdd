"""`python -m samedream.cli`."""

from samedream.cli import main

main()
