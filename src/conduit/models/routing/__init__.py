"""Who is asked, when, and how often: groups, strategies, limits, retries."""
