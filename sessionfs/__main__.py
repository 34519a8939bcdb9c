"""``python -m sessionfs`` is the command ``sessionfs``."""

from .cli import main

main()
