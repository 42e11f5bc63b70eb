"""What conversations heard: kept by what was said of it, and told to models."""
