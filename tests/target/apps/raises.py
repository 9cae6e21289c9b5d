"""An app whose import raises an exception."""

import os

raise RuntimeError(f"the database is not there; password={os.environ.get('SHOP_PASSWORD', 'none')}")
