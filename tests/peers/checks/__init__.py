"""The script's own tests: `python3 -m unittest` in the folder above. No network, no peer."""
