"""An app that cannot be imported."""

import os

raise RuntimeError(f"the database is not there; password={os.environ.get('SHOP_PASSWORD', 'none')}")
