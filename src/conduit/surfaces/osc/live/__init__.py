"""A Live without Max: its set is read and changed through AbletonOSC, a remote script inside Live.

Addresses are those of github.com/ideoforms/AbletonOSC as its README published them in 2026: it
listens at UDP 11000, and answers at 11001, under the address that was asked.
"""
