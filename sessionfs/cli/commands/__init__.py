"""The commands, a module each, named as they are typed.

A command reads its arguments, asks the library, and prints; ``..render`` and ``..output`` say how.

Tested by ``tests/cli/commands``.
"""
