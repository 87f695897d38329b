"""The return label (R20), in each size and format it is handed out in.

Everything on it is data, to the template and to the printer, never markup nor code. The same label
has the same bytes always.
"""

from logistics.labels.content import LabelSpec, Party
from logistics.labels.sheets import FIRST, SHEETS, Sheet, is_whole, render

__all__ = ["FIRST", "SHEETS", "LabelSpec", "Party", "Sheet", "is_whole", "render"]
