"""The QLF side: the follower and its cache, and what `ICSInterface` answers from it."""
