"""`python -m wsproof.cli`, for environments where the console script is not on the PATH."""

import sys

from wsproof.cli import main

sys.exit(main())
