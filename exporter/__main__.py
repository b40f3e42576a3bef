"""`python -m exporter` is `pullproof`."""

import sys

from exporter.cli import main

sys.exit(main())
