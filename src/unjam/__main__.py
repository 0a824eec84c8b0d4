"""`python -m unjam`."""

from unjam.cli import main

raise SystemExit(main())
