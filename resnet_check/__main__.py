"""``python -m resnet_check``."""

import sys

from resnet_check.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
