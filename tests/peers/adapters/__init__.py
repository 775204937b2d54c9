"""One module per peer.

| module | peer | how it looks |
|---|---|---|
| `py_spy` | py-spy | stops the program and reads its stacks |
| `gilknocker` | gilknocker | asks for the lock itself |
| `viztracer` | VizTracer | records every call |
| `scalene` | Scalene | a timer's signals |
| `austin` | Austin | reads the stacks without stopping |
| `gild` | gild | books every wait where it happens |
| `peer` | | what a peer is to the script |
"""

from . import austin, gild, gilknocker, py_spy, scalene, viztracer

ALL = [*py_spy.PEERS, *gilknocker.PEERS, *viztracer.PEERS, *scalene.PEERS, *austin.PEERS, *gild.PEERS]


def chosen(only):
    """The peers that --only asks for: by name or by tool, whatever the case. An unknown name is an error."""
    if not only:
        return ALL
    wanted = [word.strip().lower() for word in only.split(",") if word.strip()]
    known = {word for peer in ALL for word in names(peer)}
    unknown = [word for word in wanted if word not in known]
    if unknown or not wanted:
        raise ValueError(f"--only: there is no peer {', '.join(unknown) or '(none named)'}; there are {', '.join(sorted(known))}")
    return [peer for peer in ALL if any(word in names(peer) for word in wanted)]


def names(peer):
    """What a peer goes by: its name, the tool's, the package's."""
    return {peer.name.lower(), peer.name.lower().split()[0], peer.package or peer.name.lower()}
