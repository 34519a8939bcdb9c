"""``python -m sessionfs`` is the command ``sessionfs``."""

from ._entry import main

main()
