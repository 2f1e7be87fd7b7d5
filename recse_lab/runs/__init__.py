"""The run store: finished work as plain files, read as typed records.

The package can be called: ``lab.runs()`` is the store as a table. A submodule takes its name in
the package above as soon as it is imported, so the function of that name is reached through it.
"""

import importlib
import sys
from types import ModuleType
from typing import Any


class _CallableModule(ModuleType):
    def __call__(self, *arguments: Any, **options: Any) -> Any:
        return importlib.import_module("recse_lab.notebook").runs(*arguments, **options)


sys.modules[__name__].__class__ = _CallableModule
