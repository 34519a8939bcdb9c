"""The health of a store: damaged, missing and odd files, and repairs that delete nothing.

The invariant: verifying changes nothing; a repair adds bytes that hash to the name which they get,
renames what is in their way, and removes what was purged. The kinds of findings are those of
``spec/guide/findings.md``.

Tested by ``tests/maintenance/doctor``.
"""

from .check_objects import ReadingScope
from .checkup import Checkup
from .findings import KINDS

__all__ = ["KINDS", "Checkup", "ReadingScope"]
