"""A way in for hosts that speak Open Sound Control, and a way out to a Live with AbletonOSC."""
