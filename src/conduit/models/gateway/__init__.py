"""One address for every model: whom a name means, what is cached, what it all took."""
