"""Runs the workload bare and under each peer, in pairs, and puts the results side by side.

| module | subject |
|---|---|
| `arguments` | the command line |
| `install` | a Python with the peers |
| `child` | one program with a time limit; nothing is left behind |
| `truth` | what the workload measured of itself |
| `pairs` | what is run, in which order |
| `rows` | medians, ratios and errors; pure |
| `table` | Markdown and JSON |
| `machine` | what a figure was measured on |
"""
